"""Attributes changed at random: a node is refused before it runs, or it runs on any values."""

import warnings

import numpy as np
import pytest

import assay.operators.everything  # noqa: F401 - declares them
from assay.errors import Refused
from assay.operators.registry import ML, TensorType, find
from tests.sdk.operators.by_hand import numbers
from tests.sdk.operators.forests import grown

NAN, INF = float("nan"), float("inf")
INTEGERS = (-1, 0, 1, 2, 3, 7, 100, 2**31, 2**62, -(2**63), 2**63 - 1)
FLOATS = (NAN, INF, -INF, -0.0, 1e38, 1e-45, 0.5, -3.0)
NASTY = np.float32([NAN, INF, -INF, 0, -0.0, 1, -1, 3e38, -3e38, 1e-45, 0.5])
TEXTS = (
    "NONE",
    "LOGISTIC",
    "SOFTMAX",
    "SOFTMAX_ZERO",
    "LEAF",
    "BRANCH_EQ",
    "RBF",
    "POLY",
    "SIGMOID",
    "MAX",
    "L2",
    "",
)


def floats(seed, *shape):
    return tuple(numbers(seed, *shape).ravel().tolist())


def forest(of):
    return grown(np.random.default_rng(5), trees=3, features=3, targets=3, depth=3, of=of)


SVM = {
    "kernel_type": "RBF",
    "kernel_params": (0.5, 0.25, 3.0),
    "support_vectors": floats(1, 6, 3),
    "coefficients": floats(2, 12),
    "rho": floats(3, 3),
}
MODES = np.uint8([0, 6, 3])
MODELS = {
    ("TreeEnsembleRegressor", 3): forest("target") | {"n_targets": 3, "base_values": (0.5, 0.0, 1.0)},
    ("TreeEnsembleClassifier", 3): forest("class") | {"classlabels_int64s": (4, 5, 6), "base_values": ()},
    ("TreeEnsemble", 5): {
        "n_targets": 2,
        "tree_roots": (0,),
        "nodes_modes": MODES,
        "nodes_featureids": (0, 1, 2),
        "nodes_splits": np.float32([0, 0, 0.5]),
        "nodes_truenodeids": (1, 0, 2),
        "nodes_trueleafs": (0, 1, 1),
        "nodes_falsenodeids": (2, 1, 3),
        "nodes_falseleafs": (0, 1, 1),
        "leaf_targetids": (0, 1, 0, 1),
        "leaf_weights": np.float32([5, 12, -12, 7]),
        "membership_values": np.float32([1, 0.5, NAN]),
    },
    ("LinearRegressor", 1): {"coefficients": floats(4, 6), "intercepts": floats(5, 2), "targets": 2},
    ("LinearClassifier", 1): {"coefficients": floats(4, 9), "intercepts": (), "classlabels_ints": (4, 5, 6)},
    ("SVMClassifier", 1): SVM
    | {"vectors_per_class": (1, 2, 3), "classlabels_ints": (4, 5, 6), "prob_a": floats(6, 3)}
    | {"prob_b": floats(7, 3)},
    ("SVMRegressor", 1): SVM | {"coefficients": floats(2, 6), "n_supports": 6, "rho": (0.5,), "one_class": 0},
    ("Scaler", 1): {"offset": floats(8, 3), "scale": floats(9, 3)},
    ("Normalizer", 1): {"norm": "L1"},
    ("Imputer", 1): {"imputed_value_floats": floats(8, 3), "replaced_value_float": NAN},
    ("Binarizer", 1): {"threshold": 0.5},
    ("FeatureVectorizer", 1): {"inputdimensions": (3,)},
    ("OneHotEncoder", 1): {"cats_int64s": (1, 2, 3)},
    ("LabelEncoder", 4): {"keys_floats": (0.0, 1.0, NAN), "values_int64s": (1, 2, 3)},
}


def changed(random, value):
    """Another value, of another length or kind even."""
    if isinstance(value, tuple | np.ndarray):
        return _changed_list(random, value)
    if isinstance(value, str):
        return TEXTS[random.integers(len(TEXTS))]
    return (INTEGERS if isinstance(value, int) else FLOATS)[random.integers(8)]


def _changed_list(random, values):
    changes = random.integers(7)
    if changes == 6 and isinstance(values, tuple):
        return tuple((INTEGERS, FLOATS, TEXTS)[random.integers(3)][: len(values)])
    if changes == 0:
        return values[:-1]
    if changes == 1:
        return values[:0]
    made = list(values)
    others = _others(values)
    for _ in range(random.integers(1, 3) if made else 0):
        near = made[random.integers(len(made))]
        made[random.integers(len(made))] = near if random.random() < 0.5 else others[random.integers(len(others))]
    if changes == 2:
        made += made[:1]
    return tuple(made) if isinstance(values, tuple) else np.array(made, values.dtype)


def _others(values):
    if isinstance(values, np.ndarray):
        return FLOATS if values.dtype.kind == "f" else range(9)
    return next((every for kind, every in ((str, TEXTS), (float, FLOATS)) if kind in map(type, values)), INTEGERS)


@pytest.mark.parametrize(("name", "version"), MODELS, ids=str)
def test_a_changed_node_is_refused_or_runs(name, version):
    random = np.random.default_rng(11)
    operator, whole = find(ML, name, version), MODELS[name, version]
    outputs = 2 if name.endswith("Classifier") else 1
    ran = refused = 0
    for _ in range(400):
        given = dict(whole)
        for each in random.permutation(sorted(whole))[: random.integers(0, 3)]:
            given[each] = changed(random, given[each])
        x = random.choice(NASTY, (5, 3))
        try:
            types = operator.types([TensorType(x.dtype, x.shape)], given, outputs)
        except Refused:
            refused += 1
            continue
        if sum(each.elements for each in types) > 2**20:  # a program refuses to lay that out
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = operator.run([x], given, outputs)
        assert [(each.dtype, each.shape) for each in made] == [(each.dtype, each.shape) for each in types]
        ran += 1
    assert ran > 50
    assert refused > 20 or name in {"Binarizer", "Normalizer"}
