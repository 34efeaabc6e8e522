"""Operators of `ai.onnx.ml`: trees, linear models, support vector machines, features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.registry import ML
from assay.program.cases.making import Attributes, Case, Given, anything, case, whole, wide

FEATURES, TREES, DEPTH = 4, 4, 2
BRANCHES, LEAVES = 2**DEPTH - 1, 2**DEPTH  # of a tree, whose node i has 2i + 1 and 2i + 2 below it
NODES = BRANCHES + LEAVES
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
MEMBER = len(MODES)  # the mode of TreeEnsemble that the others lack

ROWS = {  # whole numbers meet thresholds
    "of everything": anything(67, FEATURES),
    "of whole numbers": whole(67, FEATURES, low=-3, end=4, dtype="float32"),
    "float64": anything(67, FEATURES, dtype="float64"),
}


def _learned(name: str, version: int, *inputs: Given, **given: Any) -> Case:
    return case(name, version, *inputs, domain=ML, **given)


def _number(i: int) -> float:
    """From −7.2 to 7.2, and few of them are exact."""
    return (37 * i % 101 - 50) / 7


def _threshold(i: int) -> float:
    return (7 * i % 9 - 4) / 2


# --- trees ------------------------------------------------------------------------------------------------------


def _trees(of: str, targets: int, *, shares: bool = False) -> Attributes:
    """Each leaf has one vote, or two for the same target; shares are none below 0."""
    places = [(tree, node) for tree in range(TREES) for node in range(NODES)]
    branch = [node < BRANCHES for _, node in places]
    votes = [(tree, node) for tree, node in places for _ in range(1 + node % 2) if node >= BRANCHES]
    numbered = list(enumerate(zip(places, branch, strict=True)))
    weight = [_number(i) for i in range(len(votes))]
    return {
        "nodes_treeids": tuple(tree for tree, _ in places),
        "nodes_nodeids": tuple(node for _, node in places),
        "nodes_featureids": tuple(3 * i % FEATURES if inner else 0 for i, (_, inner) in numbered),
        "nodes_modes": tuple(MODES[i % len(MODES)] if inner else "LEAF" for i, (_, inner) in numbered),
        "nodes_values": tuple(_threshold(i) if inner else 0.0 for i, (_, inner) in numbered),
        "nodes_truenodeids": tuple(2 * node + 1 if inner else 0 for _, ((_, node), inner) in numbered),
        "nodes_falsenodeids": tuple(2 * node + 2 if inner else 0 for _, ((_, node), inner) in numbered),
        "nodes_missing_value_tracks_true": tuple(i // 2 % 2 for i in range(len(places))),
        f"{of}_treeids": tuple(tree for tree, _ in votes),
        f"{of}_nodeids": tuple(node for _, node in votes),
        f"{of}_ids": tuple((tree + node) % targets for tree, node in votes),
        f"{of}_weights": tuple(abs(each) / 50 if shares else each for each in weight),
    }


def _in_double(given: Attributes, of: str) -> Attributes:
    """Thresholds and weights as tensors of float64, which have more digits."""
    made = {name: value for name, value in given.items() if name not in {"nodes_values", f"{of}_weights"}}
    tensors = {
        f"{name}_as_tensor": np.array(given[name], np.float64) for name in ("nodes_values", f"{of}_weights")
    }
    return made | tensors


def _classifiers() -> Iterator[Case]:
    name, labels = "TreeEnsembleClassifier", {"classlabels_int64s": (7, -3, 12)}
    many, alone = _trees("class", 3) | labels, _trees("class", 1) | {"classlabels_int64s": (0, 1)}
    shares = _trees("class", 1, shares=True) | {"classlabels_int64s": (0, 1)}
    for note, rows in ROWS.items():
        yield _learned(name, 1, rows, outputs=2, note=note, **many)
    rows = ROWS["of everything"]
    yield _learned(name, 5, rows, outputs=2, note="in double", **_in_double(many, "class"))
    for transform in ("SOFTMAX", "SOFTMAX_ZERO"):
        more = {"post_transform": transform, "base_values": (0.1, -0.2, 0.3)}
        yield _learned(name, 5, rows, outputs=2, note=transform, **many, **more)
    yield _learned(name, 5, rows, outputs=2, note="margin", post_transform="LOGISTIC", base_values=(0.3,), **alone)
    yield _learned(name, 5, rows, outputs=2, note="share", **shares)


def _regressors() -> Iterator[Case]:
    name, given = "TreeEnsembleRegressor", _trees("target", 2) | {"n_targets": 2}
    for note, rows in ROWS.items():
        yield _learned(name, 1, rows, note=note, **given)
    rows = ROWS["of everything"]
    for aggregate in ("AVERAGE", "MIN", "MAX"):
        more = {"aggregate_function": aggregate, "base_values": (0.1, -0.2)}
        yield _learned(name, 5, rows, note=aggregate, **given, **more)
    yield _learned(name, 5, rows, note="in double", **_in_double(given, "target"))


def _ensembles() -> Iterator[Case]:
    """Branches and leaves in lists of their own; with sets, every seventh branch asks for membership."""
    branches = [(tree, node) for tree in range(TREES) for node in range(BRANCHES)]
    given: Attributes = {"n_targets": 2, "aggregate_function": 1}
    for side, below in (("true", 1), ("false", 2)):
        children = [(tree, 2 * node + below) for tree, node in branches]
        leaf = [node >= BRANCHES for _, node in children]
        given[f"nodes_{side}leafs"] = tuple(map(int, leaf))
        given[f"nodes_{side}nodeids"] = tuple(
            tree * LEAVES + node - BRANCHES if end else tree * BRANCHES + node
            for (tree, node), end in zip(children, leaf, strict=True)
        )
    given |= {
        "nodes_featureids": tuple(3 * i % FEATURES for i in range(len(branches))),
        "nodes_missing_value_tracks_true": tuple(i // 2 % 2 for i in range(len(branches))),
        "tree_roots": tuple(range(0, len(branches), BRANCHES)),
        "leaf_targetids": tuple(i % 3 % 2 for i in range(TREES * LEAVES)),
    }
    for dtype, rows in (("float32", ROWS["of whole numbers"]), ("float64", ROWS["float64"])):
        for modes, note in ((MEMBER, dtype), (MEMBER + 1, f"{dtype} with sets")):
            mode = [i % modes for i in range(len(branches))]
            tensors = {
                "nodes_splits": [_threshold(i) for i in range(len(branches))],
                "leaf_weights": [_number(i) for i in range(TREES * LEAVES)],
                "membership_values": [0, 1.5, -2, np.nan] * mode.count(MEMBER),
            }
            arrays: dict[str, Array] = {name: np.array(each, dtype) for name, each in tensors.items()}
            arrays["nodes_modes"] = np.array(mode, np.uint8)
            yield _learned("TreeEnsemble", 5, rows, note=note, **given, **arrays)


# --- linear models and support vector machines ------------------------------------------------------------------


def _numbers(count: int, by: float = 1.0) -> tuple[float, ...]:
    return tuple(_number(i) * by for i in range(count))


def _linear() -> Iterator[Case]:
    more = {"coefficients": _numbers(3 * FEATURES), "intercepts": _numbers(3)}
    for note, rows in ROWS.items():
        yield _learned("LinearRegressor", 1, rows, targets=3, note=note, **more)
        labels = {"classlabels_ints": (7, -3, 12), "post_transform": "SOFTMAX"}
        yield _learned("LinearClassifier", 1, rows, outputs=2, note=note, **labels, **more)
    alone = {"coefficients": _numbers(67), "classlabels_ints": (0, 1), "post_transform": "LOGISTIC"}
    yield _learned("LinearClassifier", 1, wide(9, 67), outputs=2, note="two classes", **alone)


def _machines() -> Iterator[Case]:
    counts = (4, 3, 5)
    vectors: Attributes = {"support_vectors": _numbers(sum(counts) * FEATURES, 0.2), "vectors_per_class": counts}
    three: Attributes = vectors | {"coefficients": _numbers(2 * sum(counts), 0.3), "rho": _numbers(3, 0.1)}
    three |= {"classlabels_ints": (7, -3, 12), "kernel_params": (0.3, 0.1, 3.0)}
    near = wide(67, FEATURES, low=-4, end=2)
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        yield _learned("SVMClassifier", 1, near, outputs=2, kernel_type=kernel, note=kernel, **three)
    chances = three | {"prob_a": (-1.3, -0.7, -2.1), "prob_b": _numbers(3, 0.05)}
    for note, rows in (("", near), (" of everything", anything(67, FEATURES))):
        yield _learned(
            "SVMClassifier", 1, rows, outputs=2, kernel_type="RBF", note=f"probabilities{note}", **chances
        )
    two = three | {"vectors_per_class": (5, 7), "coefficients": _numbers(12), "rho": (0.1,)}
    two |= {"classlabels_ints": (0, 1), "kernel_type": "RBF"}
    yield _learned("SVMClassifier", 1, near, outputs=2, post_transform="LOGISTIC", note="two classes", **two)
    values: Attributes = {"support_vectors": _numbers(12 * FEATURES, 0.2), "coefficients": _numbers(12)}
    values |= {"n_supports": 12, "kernel_params": (0.3, 0.1, 3.0), "rho": (0.3,)}
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        yield _learned("SVMRegressor", 1, near, kernel_type=kernel, note=kernel, **values)
    yield _learned("SVMRegressor", 1, near, kernel_type="RBF", one_class=1, note="one class", **values)
    yield _learned("SVMRegressor", 1, near, coefficients=_numbers(FEATURES), rho=(0.3,), note="linear model")


# --- features ---------------------------------------------------------------------------------------------------


def _features() -> Iterator[Case]:
    for note, rows in ROWS.items():
        yield _learned("Scaler", 1, rows, offset=_numbers(FEATURES), scale=_numbers(FEATURES, 0.7), note=note)
        for norm in ("MAX", "L1", "L2"):
            yield _learned("Normalizer", 1, rows, norm=norm, note=f"{norm} {note}")
        yield _learned("Binarizer", 1, rows, threshold=0.5, note=note)
        filled = {"imputed_value_floats": _numbers(FEATURES), "replaced_value_float": float("nan")}
        yield _learned("Imputer", 1, rows, note=note, **filled)
        places = whole(3, low=-6, end=6)
        yield _learned("ArrayFeatureExtractor", 1, rows, places, note=note)
        yield _learned("FeatureVectorizer", 1, rows, rows, inputdimensions=(FEATURES, FEATURES), note=note)
        yield _learned("OneHotEncoder", 1, rows, cats_int64s=(-2, 0, 3), note=note)
    integers = {"imputed_value_int64s": (5,), "replaced_value_int64": 2}
    yield _learned("Imputer", 1, whole(67, low=0, end=5), note="of integers", **integers)
    keys = {"keys_floats": (0.0, 1.0, float("nan"), 1e-45), "values_int64s": (5, 6, 7, 8), "default_int64": -2}
    for version in (2, 4):
        yield _learned("LabelEncoder", version, anything(301), **keys)
    tensors = {"keys_tensor": np.array([3, -1, 0], np.int64), "values_tensor": np.array([0.1, np.nan, -0.0])}
    yield _learned("LabelEncoder", 4, whole(67, low=-3, end=6), note="tensors", **tensors)


CASES = (*_classifiers(), *_regressors(), *_ensembles(), *_linear(), *_machines(), *_features())
