"""Sums, means, extremes and softmax of float32: the bits of `assay.operators`, from reduce.c and softmax.c."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from assay.operators.arithmetic import Array
from native.checks import result, tensor, thread_count
from native.loader import Kernels
from native.sites import Call, Site, binds

FLOAT32 = np.dtype(np.float32)
REDUCTIONS = {  # as in src/reduce.c
    "ReduceSum": 0,
    "ReduceMean": 1,
    "ReduceL1": 2,
    "ReduceSumSquare": 3,
    "ReduceL2": 4,
    "ReduceMax": 5,
    "ReduceMin": 6,
}
WHOLE = {"GlobalAveragePool": 1, "GlobalMaxPool": 5}

# --- one of many ------------------------------------------------------------------------------------------------


def together(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, int, int] | None:
    """(outer, n, inner), n being all of `axes`; None if axes of more than 1 that are kept lie between them."""
    long = [axis for axis in sorted(axes) if shape[axis] != 1]
    if not long:
        return prod(shape), 1, 1
    first, end = long[0], long[-1] + 1
    if any(axis not in axes and shape[axis] != 1 for axis in range(first, end)):
        return None
    return prod(shape[:first]), prod(shape[first:end]), prod(shape[end:])


def reduced(
    kernels: Kernels, what: int, x: Array, axes: Sequence[int], y: Array, *, threads: int = 1
) -> Call | None:
    """`what`: see REDUCTIONS. Raises TypeError or ValueError."""
    tensor(x, "x")
    sizes = together(x.shape, axes)
    if sizes is None:
        return None
    outer, n, inner = sizes
    result(y, y.shape, x)
    if y.size != outer * inner:
        raise ValueError(f"out: expected {outer * inner} elements, got {y.shape}")
    return kernels.bind("reduce", thread_count(threads), what, outer, n, inner, x, y)


@binds(*REDUCTIONS)
def bind_reduction(site: Site) -> Call | None:
    x, y = site.floats()
    if x is None or y is None or (site.read(1) is not None and not site.is_constant(1)):
        return None
    how, given = site.attributes, site.read(1)
    axes = how.get("axes") if given is None else given.tolist()
    if not axes:
        axes = () if how.get("noop_with_empty_axes") else range(x.ndim)
    axes = [axis % x.ndim for axis in axes]
    return reduced(site.kernels, REDUCTIONS[site.node.operator.name], x, axes, y, threads=site.threads)


@binds(*WHOLE)
def bind_whole(site: Site) -> Call | None:
    x, y = site.floats()
    if x is None or y is None:
        return None
    what = WHOLE[site.node.operator.name]
    return reduced(site.kernels, what, x, range(2, x.ndim), y, threads=site.threads)


# --- softmax ----------------------------------------------------------------------------------------------------


@binds("Softmax", "LogSoftmax")
def bind_softmax(site: Site) -> Call | None:
    """Over one axis, or, before version 13, over all from one on."""
    x, y = site.floats()
    if x is None or y is None:
        return None
    axis = site.attributes["axis"] % x.ndim
    end = axis + 1 if min(site.node.operator.versions) >= 13 else x.ndim
    logarithm = site.node.operator.name == "LogSoftmax"
    return softmax(site.kernels, x, range(axis, end), y, logarithm=logarithm, threads=site.threads)


def softmax(
    kernels: Kernels, x: Array, axes: range, y: Array, *, logarithm: bool = False, threads: int = 1
) -> Call:
    """Over these axes as one. Raises TypeError or ValueError."""
    tensor(x, "x")
    result(y, x.shape, x)
    outer, n, inner = (
        prod(x.shape[: axes.start]),
        prod(x.shape[axes.start : axes.stop]),
        prod(x.shape[axes.stop :]),
    )
    name = "log_softmax" if logarithm else "softmax"
    return kernels.bind(name, thread_count(threads), outer, n, inner, x, y)
