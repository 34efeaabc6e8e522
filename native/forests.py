"""Ensembles of trees: the scores of `assay.operators.learned.forest`, from forest.c. Forests are read once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, quiet
from assay.operators.learned import ensemble, trees
from assay.operators.learned.forest import COMPARISONS, LEAF, MEMBER, Forest
from assay.operators.registry import ML
from native.checks import tensor, thread_count
from native.loader import Kernels
from native.sites import Call, Site, binds

NODE = np.dtype(  # as in src/forest.c
    [
        ("threshold", "f8"),
        ("feature", "i4"),
        ("child", "i4", 2),
        ("mode", "u1"),
        ("missing", "u1"),
        ("votes", "u2"),
        ("first", "i8"),
    ],
    align=True,
)
AGGREGATES = ("SUM", "AVERAGE", "MIN", "MAX")  # as in src/forest.c
LARGEST = {"nodes": 2**31 - 1, "votes": 2**16 - 1}
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def laid_out(forest: Forest) -> Array | None:
    """The nodes for forest.c, leaves being their own children; None for sets, and for what is too large."""
    count = len(forest.mode)
    if count > LARGEST["nodes"] or forest.votes.max() > LARGEST["votes"] or (forest.mode == MEMBER).any():
        return None
    nodes, leaf = np.zeros(count, NODE), forest.mode == LEAF
    nodes["threshold"] = np.where(leaf, 0, forest.threshold)
    nodes["feature"] = np.where(leaf, 0, forest.feature)
    nodes["child"] = np.where(leaf[:, None], np.arange(count)[:, None], forest.children)
    for name in ("mode", "missing", "votes", "first"):
        nodes[name] = getattr(forest, name)
    return nodes


def scores(
    kernels: Kernels, forest: Forest, x: Array, targets: int, aggregate: str, *, threads: int = 1
) -> tuple[Call, Array] | None:
    """A call that writes the forest's scores of x, and where: (rows, targets). The forest has been checked."""
    nodes = laid_out(forest)
    if nodes is None or x.dtype not in FLOATS or not x.size:
        return None
    tensor(x, "x", dtype=x.dtype)
    form = np.result_type(x.dtype, forest.weight.dtype)
    made, voted = np.empty((len(x), targets), form), np.empty((len(x), targets), np.uint8)
    asked = np.unique(forest.mode[forest.mode != LEAF])
    sizes = (x.shape[1], targets, len(forest.roots), asked[0] if len(asked) == 1 else len(COMPARISONS))
    given = np.array([*sizes, AGGREGATES.index(aggregate)], np.int64)
    name = "forest_single" if form == np.float32 else "forest_mixed" if x.dtype == np.float32 else "forest_double"
    roots, target = (np.ascontiguousarray(each, np.int64) for each in (forest.roots, forest.target))
    weight = np.ascontiguousarray(forest.weight, form)
    call = kernels.bind(name, thread_count(threads), len(x), given, nodes, roots, target, weight, x, made, voted)
    return call, made


Finish = Callable[[Array, Forest, dict[str, Any]], Array | tuple[Array, ...]]


def _bound(site: Site, forest: Forest, targets: int, aggregate: str, finish: Finish) -> Call | None:
    x, given = site.reads[0], site.attributes
    found = None if x is None else scores(site.kernels, forest, x, targets, aggregate, threads=site.threads)
    if found is None:
        return None
    walk, made = found

    @quiet
    def call() -> None:
        walk()
        values = finish(made, forest, given)
        for out, value in zip(site.writes, values if isinstance(values, tuple) else (values,), strict=False):
            if out is not None:
                np.copyto(out, value)

    return call


@binds("TreeEnsembleClassifier", domain=ML)
def bind_classifier(site: Site) -> Call | None:
    given = site.attributes
    classes = len(given["classlabels_int64s"])
    return _bound(site, trees.forest_of(given, "class"), classes, "SUM", trees.classified)


@binds("TreeEnsembleRegressor", domain=ML)
def bind_regressor(site: Site) -> Call | None:
    given = site.attributes
    forest = trees.forest_of(given, "target")
    return _bound(site, forest, given["n_targets"], given["aggregate_function"], _estimated)


def _estimated(made: Array, _: Forest, given: dict[str, Any]) -> Array:
    return trees.estimated(made, given)


@binds("TreeEnsemble", domain=ML)
def bind_ensemble(site: Site) -> Call | None:
    given = site.attributes
    aggregate = ensemble.AGGREGATES[given["aggregate_function"]]
    return _bound(site, ensemble.forest_of(given), given["n_targets"], aggregate, _ensemble)


def _ensemble(made: Array, _: Forest, given: dict[str, Any]) -> Array:
    return ensemble.estimated(made, given)
