"""Ensembles of trees, nodes named by tree and number: TreeEnsembleClassifier and TreeEnsembleRegressor.

The lists that describe a forest are read and checked before anything runs, and read again when it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from assay.operators.arithmetic import Array, canonical, quiet
from assay.operators.learned.forest import AGGREGATES, LEAF, MEMBER, MODES, Forest
from assay.operators.learned.given import (
    check_length,
    floats,
    integer_list,
    number_list,
    rows,
)
from assay.operators.learned.scores import (
    check_labels,
    check_target_transform,
    check_transform,
    first_greatest,
    opposed,
    transformed,
)
from assay.operators.registry import ML, REQUIRED, Attribute, TensorType, operator, unfit

Given: TypeAlias = Mapping[str, Any]  # attributes by name


def _lists(kind: str, default: Any, *names: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(name, kind, default) for name in names)


def _votes(of: str) -> tuple[Attribute, ...]:
    return _lists("tuple[int, ...]", REQUIRED, f"{of}_treeids", f"{of}_nodeids", f"{of}_ids")


NODES = (
    *_lists("tuple[int, ...]", REQUIRED, "nodes_treeids", "nodes_nodeids", "nodes_featureids"),
    *_lists("tuple[int, ...]", REQUIRED, "nodes_truenodeids", "nodes_falsenodeids"),
    *_lists("tuple[str, ...]", REQUIRED, "nodes_modes"),
    *_lists("tuple[int, ...]", (), "nodes_missing_value_tracks_true"),
    *_lists("tuple[float, ...]", (), "nodes_values", "nodes_hitrates", "base_values"),
    Attribute("post_transform", "str", "NONE"),
)
CLASSES = (
    *_votes("class"),
    *_lists("tuple[float, ...]", (), "class_weights"),
    *_lists("tuple[int, ...]", (), "classlabels_int64s"),
    *_lists("tuple[str, ...]", (), "classlabels_strings"),
)
TARGETS = (
    *_votes("target"),
    *_lists("tuple[float, ...]", (), "target_weights"),
    Attribute("n_targets", "int", REQUIRED),
    Attribute("aggregate_function", "str", "SUM"),
)
TENSORS = _lists("Array", None, "nodes_values_as_tensor", "nodes_hitrates_as_tensor", "base_values_as_tensor")
CLASS_TENSORS = (*TENSORS, *_lists("Array", None, "class_weights_as_tensor"))
TARGET_TENSORS = (*TENSORS, *_lists("Array", None, "target_weights_as_tensor"))


# --- forests ----------------------------------------------------------------------------------------------------


def forest_of(given: Given, of: str) -> Forest:
    """`of`: what its leaves vote for, `class` or `target`. Raises Refused."""
    trees, ids = integer_list(given, "nodes_treeids"), integer_list(given, "nodes_nodeids")
    threshold, mode = number_list(given, "nodes_values"), _modes(given["nodes_modes"])
    feature = integer_list(given, "nodes_featureids")
    true, false = integer_list(given, "nodes_truenodeids"), integer_list(given, "nodes_falsenodeids")
    for name, each in (
        ("nodes_nodeids", ids),
        ("nodes_values", threshold),
        ("nodes_modes", mode),
        ("nodes_featureids", feature),
        ("nodes_truenodeids", true),
        ("nodes_falsenodeids", false),
    ):
        check_length(name, each, len(trees))
    check_length("nodes_hitrates", number_list(given, "nodes_hitrates"), 0, len(trees))
    places = _places(trees, ids)
    children = np.zeros((len(trees), 2), np.int64)
    branch = mode != LEAF
    for side, child in enumerate((false, true)):
        children[branch, side] = _found(places, trees[branch], child[branch], "a child")
    missing = _missing(given, len(trees))
    return Forest(_first_places(trees), mode, feature, threshold, missing, children, *_ballots(given, of, places))


def _ballots(given: Given, of: str, places: Mapping[tuple[int, int], int]) -> tuple[Array, Array, Array, Array]:
    """The last four fields of a Forest: leaf by leaf, in the order of the lists."""
    voter = _found(places, integer_list(given, f"{of}_treeids"), integer_list(given, f"{of}_nodeids"), "a vote")
    target, weight = integer_list(given, f"{of}_ids"), number_list(given, f"{of}_weights")
    check_length(f"{of}_ids", target, len(voter))
    check_length(f"{of}_weights", weight, len(voter))
    order = np.argsort(voter, kind="stable")
    votes = np.bincount(voter, minlength=len(places))
    return np.cumsum(votes) - votes, votes, target[order], weight[order]


def _modes(names: tuple[str, ...]) -> Array:
    numbers = {name: number for number, name in enumerate(MODES) if number != MEMBER}
    for name in names:
        if name not in numbers:
            raise unfit("the mode of a node", expected=" | ".join(numbers), got=str(name)[:100])
    return np.array([numbers[name] for name in names], np.int64)


def _places(trees: Array, ids: Array) -> dict[tuple[int, int], int]:
    """Where in the lists a node stands, by tree and number."""
    names = list(zip(trees.tolist(), ids.tolist(), strict=True))
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names):
        twice = next(name for place, name in enumerate(names) if places[name] != place)
        raise unfit(f"node {twice[1]} of tree {twice[0]} is there twice", expected="each once")
    return places


def _found(places: Mapping[tuple[int, int], int], trees: Array, ids: Array, what: str) -> Array:
    if len(trees) != len(ids):
        raise unfit(f"as many trees as nodes of {what}", expected=str(len(trees)), got=str(len(ids)))
    try:
        found = [places[name] for name in zip(trees.tolist(), ids.tolist(), strict=True)]
    except KeyError as missing:
        tree, node = missing.args[0]
        raise unfit(f"{what} names a node that is not there", got=f"node {node} of tree {tree}") from None
    return np.array(found, np.int64)


def _first_places(trees: Array) -> Array:
    """Of each tree, in the order in which they appear: its root, which is the first of its nodes."""
    return np.sort(np.unique(trees, return_index=True)[1])


def _missing(given: Given, nodes: int) -> Array:
    tracks = integer_list(given, "nodes_missing_value_tracks_true")
    check_length("nodes_missing_value_tracks_true", tracks, 0, nodes)
    if not np.isin(tracks, (0, 1)).all():
        raise unfit("nodes_missing_value_tracks_true", expected="0 | 1")
    return tracks == 1 if len(tracks) else np.zeros(nodes, bool)


@quiet
def _with_base(scores: Array, base: Array) -> Array:
    """The base is added last."""
    return canonical(scores + base.astype(scores.dtype)) if len(base) else scores


# --- classifiers ------------------------------------------------------------------------------------------------


def _infer_classes(x: TensorType, **given: Any) -> tuple[TensorType, TensorType]:
    batch, features = rows(x)
    labels = integer_list(given, "classlabels_int64s")
    check_labels(labels, given["classlabels_strings"])
    check_transform(given["post_transform"])
    forest = forest_of(given, "class")
    forest.check(features, len(labels))
    alone = _class_alone(forest, labels)
    check_length(
        "base_values", number_list(given, "base_values"), 0, len(labels), *(() if alone is None else (1,))
    )
    return TensorType(np.dtype(np.int64), (batch,)), TensorType(np.dtype(np.float32), (batch, len(labels)))


def _class_alone(forest: Forest, labels: Array) -> int | None:
    """That of two classes which all votes are for: its score stands for both."""
    only = len(labels) == 2 and (forest.target == forest.target[0]).all()
    return int(forest.target[0]) if only else None


@operator("TreeEnsembleClassifier", 1, domain=ML, infer=_infer_classes, attributes=(*NODES, *CLASSES))
@operator(
    "TreeEnsembleClassifier",
    3,
    5,
    domain=ML,
    infer=_infer_classes,
    attributes=(*NODES, *CLASSES, *CLASS_TENSORS),
)
def tree_ensemble_classifier(x: Array, **given: Any) -> tuple[Array, Array]:
    """Labels int64 (rows), scores float32 (rows, classes)."""
    forest, classes = forest_of(given, "class"), len(given["classlabels_int64s"])
    return classified(forest.scores(floats(x), classes, "SUM"), forest, given)


def classified(scores: Array, forest: Forest, given: Given) -> tuple[Array, Array]:
    """What the forest's scores, (rows, classes), come to."""
    labels = integer_list(given, "classlabels_int64s")
    base, transform = number_list(given, "base_values"), given["post_transform"]
    alone = _class_alone(forest, labels)
    if alone is None:
        scores = _with_base(scores, base)
        chosen = first_greatest(scores)
    else:
        score = _with_base(scores[:, alone], base[alone : alone + 1] if len(base) == 2 else base)
        share = transform == "NONE" and bool((forest.weight >= 0).all())
        chosen = (score > (0.5 if share else 0)).astype(np.int64)
        scores = np.stack([1 - score, score], axis=-1) if share else opposed(score)
    return labels[chosen], transformed(canonical(scores.astype(np.float32)), transform)


# --- regressors -------------------------------------------------------------------------------------------------


def _infer_targets(x: TensorType, **given: Any) -> TensorType:
    batch, features = rows(x)
    targets = _check_targets(given["n_targets"], given["aggregate_function"])
    check_target_transform(given["post_transform"], targets)
    check_length("base_values", number_list(given, "base_values"), 0, targets)
    forest_of(given, "target").check(features, targets)
    return TensorType(np.dtype(np.float32), (batch, targets))


def _check_targets(targets: int, aggregate: str) -> int:
    if targets < 1:
        raise unfit("n_targets", expected="1 or more", got=str(targets))
    if aggregate not in AGGREGATES:
        raise unfit("aggregate_function", expected=" | ".join(AGGREGATES), got=aggregate[:100])
    return targets


@operator("TreeEnsembleRegressor", 1, domain=ML, infer=_infer_targets, attributes=(*NODES, *TARGETS))
@operator(
    "TreeEnsembleRegressor",
    3,
    5,
    domain=ML,
    infer=_infer_targets,
    attributes=(*NODES, *TARGETS, *TARGET_TENSORS),
)
def tree_ensemble_regressor(x: Array, **given: Any) -> Array:
    """float32 (rows, targets)."""
    forest = forest_of(given, "target")
    return estimated(forest.scores(floats(x), given["n_targets"], given["aggregate_function"]), given)


def estimated(scores: Array, given: Given) -> Array:
    """What a forest's scores, (rows, targets), come to."""
    scores = _with_base(scores, number_list(given, "base_values"))
    return transformed(canonical(scores.astype(np.float32)), given["post_transform"])
