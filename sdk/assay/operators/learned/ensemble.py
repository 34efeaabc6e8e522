"""TreeEnsemble: trees whose nodes are named by their place in the lists, branches and leaves apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.learned.forest import LEAF, MEMBER, MODES, Forest, Members
from assay.operators.learned.given import check_length, integer_list, rows, tensor_list
from assay.operators.learned.scores import TRANSFORMS, check_target_transform, transformed
from assay.operators.registry import ML, REQUIRED, Attribute, TensorType, operator, unfit
from assay.operators.shapes import FLOATS, allow

AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")  # by ONNX's numbers
SIDES = ("false", "true")  # of a branch, as in Forest.children
INTEGERS = "tuple[int, ...]"

ATTRIBUTES = (
    *(Attribute(f"nodes_{side}{what}", INTEGERS, REQUIRED) for side in SIDES for what in ("nodeids", "leafs")),
    *(Attribute(name, INTEGERS, REQUIRED) for name in ("nodes_featureids", "leaf_targetids", "tree_roots")),
    *(Attribute(name, "Array", REQUIRED) for name in ("nodes_modes", "nodes_splits", "leaf_weights")),
    *(Attribute(name, "Array", None) for name in ("membership_values", "nodes_hitrates")),
    Attribute("nodes_missing_value_tracks_true", INTEGERS, ()),
    Attribute("n_targets", "int", REQUIRED),
    Attribute("aggregate_function", "int", AGGREGATES.index("SUM")),
    Attribute("post_transform", "int", TRANSFORMS.index("NONE")),
)


def _infer(x: TensorType, **given: Any) -> TensorType:
    allow(FLOATS, X=x)
    batch, features = rows(x)
    targets, transform = given["n_targets"], _chosen("post_transform", TRANSFORMS, given)
    if targets < 1:
        raise unfit("n_targets", expected="1 or more", got=str(targets))
    _chosen("aggregate_function", AGGREGATES, given)
    check_target_transform(transform, targets)
    if x.dtype == np.float64 and transform != "NONE":
        raise unfit("post_transform of float64", expected="NONE, or float32", got=transform)
    forest = forest_of(given)
    for name, found in (("nodes_splits", forest.threshold), ("leaf_weights", forest.weight)):
        if found.dtype != x.dtype:
            raise unfit(f"the type of {name}", expected=f"{x.dtype}, as that of X", got=str(found.dtype))
    forest.check(features, targets)
    return TensorType(x.dtype, (batch, targets))


def _chosen(name: str, names: tuple[str, ...], given: Mapping[str, Any]) -> str:
    number: int = given[name]
    if not 0 <= number < len(names):
        choices = " | ".join(f"{each} ({i})" for i, each in enumerate(names))
        raise unfit(name, expected=choices, got=str(number))
    return names[number]


def forest_of(given: Mapping[str, Any]) -> Forest:
    """Branches first, then leaves, in one list. Raises Refused."""
    split, weight = (tensor_list(given[name], name) for name in ("nodes_splits", "leaf_weights"))
    feature, target = integer_list(given, "nodes_featureids"), integer_list(given, "leaf_targetids")
    mode = _modes(given["nodes_modes"])
    branches, leaves = len(split), len(weight)
    check_length("nodes_modes", mode, branches)
    check_length("nodes_featureids", feature, branches)
    check_length("leaf_targetids", target, leaves)
    if given["nodes_hitrates"] is not None:
        check_length("nodes_hitrates", tensor_list(given["nodes_hitrates"], "nodes_hitrates"), branches)
    roots = integer_list(given, "tree_roots")
    _check_places("tree_roots", roots, np.full(len(roots), branches))
    children = np.zeros((branches + leaves, 2), np.int64)
    for side, name in enumerate(SIDES):
        children[:branches, side] = _children(given, name, branches, leaves)
    ends = np.zeros(leaves, np.int64)
    return Forest(
        roots,
        np.append(mode, ends + LEAF),
        np.append(feature, ends),
        np.append(split, np.zeros(leaves, split.dtype)),
        np.append(_flags(given, "nodes_missing_value_tracks_true", branches, optional=True), ends == 1),
        children,
        first=np.append(np.zeros(branches, np.int64), np.arange(leaves)),
        votes=np.append(np.zeros(branches, np.int64), ends + 1),
        target=target,
        weight=weight,
        members=_members(given["membership_values"], mode, split),
    )


def _modes(modes: Array) -> Array:
    if modes.dtype != np.uint8 or modes.ndim != 1 or (modes >= LEAF).any():
        choices = " | ".join(f"{each} ({i})" for i, each in enumerate(MODES[:LEAF]))
        raise unfit("nodes_modes", expected=f"a list of uint8: {choices}", got=str(TensorType.of(modes)))
    return modes.astype(np.int64)


def _children(given: Mapping[str, Any], side: str, branches: int, leaves: int) -> Array:
    child = integer_list(given, f"nodes_{side}nodeids")
    check_length(f"nodes_{side}nodeids", child, branches)
    leaf = _flags(given, f"nodes_{side}leafs", branches)
    _check_places(f"nodes_{side}nodeids", child, np.where(leaf, leaves, branches))
    return np.where(leaf, child + branches, child)


def _flags(given: Mapping[str, Any], name: str, branches: int, *, optional: bool = False) -> Array:
    flags = integer_list(given, name)
    if optional and not len(flags):
        return np.zeros(branches, bool)
    check_length(name, flags, branches)
    if not np.isin(flags, (0, 1)).all():
        raise unfit(name, expected="0 | 1")
    return np.asarray(flags == 1)


def _check_places(name: str, places: Array, ends: Array) -> None:
    wrong = (places < 0) | (places >= ends)
    if wrong.any():
        at = int(wrong.argmax())
        raise unfit(f"{name}, entry {at}", expected=f"0 … {ends[at] - 1}", got=str(places[at]))


def _members(values: Array | None, mode: Array, split: Array) -> Members:
    """The sets, each ended by a NaN, belong in their order to the nodes that ask for membership."""
    if values is None:
        values = np.zeros(0, split.dtype)
    if values.dtype != split.dtype or values.ndim != 1:
        raise unfit("membership_values", expected=f"a list of {split.dtype}", got=str(TensorType.of(values)))
    asking, end = np.flatnonzero(mode == MEMBER), np.isnan(values)
    if end.sum() != len(asking) or (len(values) and not end[-1]):
        raise unfit(
            "membership_values", expected=f"{len(asking)} sets, each ended by NaN", got=f"{end.sum()} NaNs"
        )
    return Members.of(asking[np.cumsum(end)[~end]], values[~end])


@operator("TreeEnsemble", 5, domain=ML, infer=_infer, attributes=ATTRIBUTES)
def tree_ensemble(x: Array, **given: Any) -> Array:
    """In the type of X: (rows, targets)."""
    return estimated(
        forest_of(given).scores(x, given["n_targets"], AGGREGATES[given["aggregate_function"]]), given
    )


def estimated(scores: Array, given: Mapping[str, Any]) -> Array:
    """What a forest's scores, (rows, targets), come to."""
    transform = TRANSFORMS[given["post_transform"]]
    return scores if transform == "NONE" else transformed(scores, transform)
