"""Operators that make one element of many: sums, means, extremes, products and norms over axes (sections 3 and 5).

`rows` brings the elements that are reduced together into the last axis, in row-major order; what follows reduces
that axis. An empty set of axes reduces each element by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from assay.operators import arithmetic, functions
from assay.operators.arithmetic import Array, canonical, greatest, least, quiet, total
from assay.operators.elementwise import divide
from assay.operators.registry import Infer, TensorType, operator, unfit
from assay.operators.shapes import (
    BOOL,
    FLOAT32,
    FLOATS,
    INDICES,
    Types,
    allow,
    axes_of,
    axis_of,
    integers,
)

Reduce: TypeAlias = Callable[[Array], Array]  # of the last axis

SUMMABLE = FLOATS | frozenset(map(np.dtype, ("i4", "i8", "u4", "u8")))
COMPARABLE = SUMMABLE | BOOL | frozenset(map(np.dtype, ("i1", "u1")))

# --- of the last axis -------------------------------------------------------------------------------------------


def mean(x: Array) -> Array:
    """The sum ÷ n, n rounded to the format. Of integers: towards zero, and 0 of none."""
    return divide(total(x), np.asarray(x.shape[-1]).astype(x.dtype))


def maximum(x: Array) -> Array:
    """NaN if any is; of none −∞, or the least of the type."""
    return _extreme(x, greatest, ends(x.dtype)[0])


def minimum(x: Array) -> Array:
    """NaN if any is; of none ∞, or the greatest of the type."""
    return _extreme(x, least, ends(x.dtype)[1])


def _extreme(x: Array, of: Callable[[Array, Array], Array], nothing: Array) -> Array:
    """By halves: the order does not matter."""
    x = np.concatenate([np.broadcast_to(nothing, (*x.shape[:-1], 1)), x], axis=-1)
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        x = np.concatenate([of(x[..., :half], x[..., half : 2 * half]), x[..., 2 * half :]], axis=-1)
    return x[..., 0]


def ends(dtype: np.dtype[Any]) -> Array:
    """The least and the greatest value of a type."""
    if dtype.kind == "f":
        return np.array([-np.inf, np.inf], dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    of_type = np.iinfo(dtype)
    return np.array([of_type.min, of_type.max], dtype)


def log_sum_exp(x: Array) -> Array:
    """The maximum where it is infinite: log 0 = −∞."""
    top = maximum(x)
    apart = functions.log(total(functions.exp(x - top[..., None])))
    return np.where(np.isinf(top), top, canonical(apart + top))


# --- over axes --------------------------------------------------------------------------------------------------


def rows(x: Array, axes: Sequence[int]) -> Array:
    """(…axes not reduced, n)."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    together = sorted(axes)
    shape = [x.shape[axis] for axis in kept]
    return x.transpose(*kept, *together).reshape(*shape, prod(x.shape[axis] for axis in together))


def reduced_shape(shape: Sequence[int], axes: Sequence[int], keepdims: int) -> tuple[int, ...]:
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _chosen(axes: Sequence[int] | None, rank: int, noop: int) -> tuple[int, ...]:
    """All if none is named, unless that is to do nothing."""
    if axes is not None and len(axes):
        return axes_of(axes, rank)
    return () if noop else tuple(range(rank))


def _reduced(reduce: Reduce, x: Array, axes: Sequence[int], keepdims: int) -> Array:
    return np.asarray(reduce(rows(x, axes))).reshape(reduced_shape(x.shape, axes, keepdims))


def _by_attribute(types: Types) -> Infer:
    def infer(x: TensorType, *, axes: tuple[int, ...] | None, keepdims: int) -> TensorType:
        allow(types, data=x)
        return TensorType(x.dtype, reduced_shape(x.shape, _chosen(axes, x.rank, 0), keepdims))

    return infer


def _by_input(types: Types) -> Infer:
    def infer(
        x: TensorType, axes: TensorType | None = None, *, keepdims: int, noop_with_empty_axes: int
    ) -> TensorType:
        allow(types, data=x)
        named = None if axes is None or axes.shape == (0,) else integers(axes, "axes")
        return TensorType(x.dtype, reduced_shape(x.shape, _chosen(named, x.rank, noop_with_empty_axes), keepdims))

    return infer


def reduction(
    name: str, *, attribute: tuple[int, ...], given: tuple[int, ...], types: Types
) -> Callable[[Reduce], Reduce]:
    """Declare twice what reduces the last axis: `axes` were an attribute once, and are an input now."""

    def declare(reduce: Reduce) -> Reduce:
        @operator(name, *attribute, infer=_by_attribute(types))
        def with_attribute(x: Array, *, axes: tuple[int, ...] | None = None, keepdims: int = 1) -> Array:
            return _reduced(reduce, x, _chosen(axes, x.ndim, 0), keepdims)

        @operator(name, *given, infer=_by_input(types))
        def with_input(
            x: Array, axes: Array | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
        ) -> Array:
            named = None if axes is None else axes.tolist()
            return _reduced(reduce, x, _chosen(named, x.ndim, noop_with_empty_axes), keepdims)

        return quiet(reduce)

    return declare


reduction("ReduceSum", attribute=(1, 11), given=(13,), types=SUMMABLE)(total)
reduction("ReduceMean", attribute=(1, 11, 13), given=(18,), types=SUMMABLE)(mean)
reduction("ReduceMax", attribute=(1, 11, 12, 13), given=(18, 20), types=COMPARABLE)(maximum)
reduction("ReduceMin", attribute=(1, 11, 12, 13), given=(18, 20), types=COMPARABLE)(minimum)
reduction("ReduceProd", attribute=(1, 11, 13), given=(18,), types=SUMMABLE)(arithmetic.product)
reduction("ReduceLogSumExp", attribute=(1, 11, 13), given=(18, 28), types=FLOAT32)(log_sum_exp)


@reduction("ReduceL1", attribute=(1, 11, 13), given=(18,), types=SUMMABLE)
def sum_of_sizes(x: Array) -> Array:
    return total(np.abs(x))


@reduction("ReduceSumSquare", attribute=(1, 11, 13), given=(18,), types=SUMMABLE)
def sum_of_squares(x: Array) -> Array:
    return total(x * x)


@reduction("ReduceL2", attribute=(1, 11, 13), given=(18,), types=FLOATS)
def length(x: Array) -> Array:
    return canonical(np.sqrt(sum_of_squares(x)))


@reduction("ReduceLogSum", attribute=(1, 11, 13), given=(18, 28), types=FLOAT32)
def log_sum(x: Array) -> Array:
    return functions.log(total(x))


# --- along one axis ---------------------------------------------------------------------------------------------


def _along(x: TensorType, axis: TensorType, **_: Any) -> TensorType:
    allow(SUMMABLE, x=x)
    allow(INDICES, axis=axis)
    if axis.elements != 1:
        raise unfit("the axis", expected="one number", got=str(axis))
    axis_of(int(axis.known("the axis").item()), x.rank)
    return TensorType(x.dtype, x.shape)


def _running(operation: np.ufunc, start: int, x: Array, axis: Array, *, exclusive: int, reverse: int) -> Array:
    x = np.moveaxis(x, int(axis.item()), 0)
    x = x[::-1] if reverse else x
    made = np.empty(x.shape, x.dtype)
    value = np.full(x.shape[1:], start, x.dtype)
    for i in range(len(x)):
        after = operation(value, x[i])
        made[i] = value if exclusive else after
        value = after
    made = made[::-1] if reverse else made
    return canonical(np.moveaxis(made, 0, int(axis.item())))


@operator("CumSum", 11, 14, infer=_along)
def cumulative_sum(x: Array, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Array:
    return _running(np.add, 0, x, axis, exclusive=exclusive, reverse=reverse)


@operator("CumProd", 26, infer=_along)
def cumulative_product(x: Array, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Array:
    return _running(np.multiply, 1, x, axis, exclusive=exclusive, reverse=reverse)
