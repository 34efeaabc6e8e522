"""Operators that go over the input with a window, or take it whole, channel by channel: pools (section 5).

A tap on padding adds +0 to a sum and is no candidate for a maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from math import prod
from typing import Any, Literal

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import LANES, Array, canonical, greatest, lanes_for, quiet, total, tree
from assay.operators.convolutions import MOST_TAPS, Sizes, spatial, window_of
from assay.operators.products import Window
from assay.operators.reducing import Reduce, ends, maximum, mean
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import FLOAT32, FLOATS, allow

MOST_POWER = 2**24  # so far float32 has every integer
POOLED = FLOATS | frozenset(map(np.dtype, ("i1", "u1")))

# --- over a window ----------------------------------------------------------------------------------------------


@quiet
def window_sum(x: Array, window: Window) -> Array:
    """(…, *size) to (…, *places), as section 3 sums; an element's index is its tap's in the kernel, row-major."""
    places = window.places(x.shape[-len(window.kernel) :])
    lanes = lanes_for(prod(window.kernel), (*x.shape[: -len(places)], *places), x.dtype)
    for tap, read, written in window.taps(x.shape[-len(places) :]):
        lanes[..., _number(tap[1:], window.kernel) % LANES][written] += x[read]
    return tree(lanes)


def _number(tap: Sequence[int], kernel: Sizes) -> int:
    """Row-major."""
    return reduce(lambda number, axis: number * axis[1] + axis[0], zip(tap, kernel, strict=True), 0)


@quiet
def window_maximum(x: Array, window: Window, order: Literal["C", "F"] = "C") -> tuple[Array, Array]:
    """The maximum, and which of the taps that fall on the input is the first to be it (a NaN, if there is one).

    The index is that within the spatial axes, in this order; −1 where a window holds padding alone.
    """
    size = x.shape[-len(window.kernel) :]
    shape = (*x.shape[: -len(size)], *window.places(size))
    value, index = np.full(shape, ends(x.dtype)[0]), np.full(shape, -1, np.int64)
    at = np.arange(prod(size), dtype=np.int64).reshape(size, order=order)
    for _, read, written in window.taps(size):
        seen, best = x[read], value[written]
        better = (seen > best) | (np.isnan(seen) & ~np.isnan(best)) | (index[written] < 0)
        index[written] = np.where(better, at[read], index[written])
        value[written] = greatest(best, seen)
    return value, index


def _window(
    x: TensorType,
    kernel_shape: Sizes,
    *,
    count_include_pad: int = 0,
    p: int = 2,
    storage_order: int = 0,
    **how: Any,
) -> TensorType:
    if prod(kernel_shape) > MOST_TAPS:
        raise unfit("kernel_shape", expected=f"at most {MOST_TAPS} taps", got=str(kernel_shape))
    if storage_order not in {0, 1}:
        raise unfit("storage_order", expected="0 | 1", got=str(storage_order))
    window = window_of(spatial(x), kernel_shape, **how)
    return TensorType(x.dtype, (*x.shape[:2], *window.places(x.shape[2:])))


def _pool(x: TensorType, *, kernel_shape: Sizes, **how: Any) -> TensorType:
    allow(FLOATS, X=x)
    return _window(x, kernel_shape, **how)


def _maximum_pool(x: TensorType, *, kernel_shape: Sizes, **how: Any) -> tuple[TensorType, TensorType]:
    allow(POOLED, X=x)
    pooled = _window(x, kernel_shape, **how)
    return pooled, TensorType(np.dtype(np.int64), pooled.shape)


@operator("MaxPool", 1, 8, 10, 11, 12, 22, infer=_maximum_pool)
def maximum_pool(
    x: Array,
    *,
    kernel_shape: tuple[int, ...],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    storage_order: int = 0,
    strides: tuple[int, ...] | None = None,
) -> tuple[Array, Array]:
    """Y and Indices: within all of X, spatial axes row-major, or (storage_order 1) the first of them fastest."""
    size = x.shape[2:]
    window = window_of(
        size,
        kernel_shape,
        auto_pad=auto_pad,
        pads=pads,
        strides=strides,
        dilations=dilations,
        ceil_mode=ceil_mode,
    )
    value, index = window_maximum(x, window, order="F" if storage_order else "C")
    images = np.arange(prod(x.shape[:2]), dtype=np.int64).reshape(*x.shape[:2], *(1,) * len(size))
    return value, np.where(index < 0, -1, images * prod(size) + index)


@operator("AveragePool", 7, 10, 11, 19, 22, infer=_pool)
def average_pool(
    x: Array,
    *,
    kernel_shape: tuple[int, ...],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    how = {"auto_pad": auto_pad, "pads": pads, "strides": strides, "dilations": dilations}
    window, counts = counted(x.shape[2:], kernel_shape, count_include_pad, ceil_mode, **how)
    return canonical(window_sum(x, window) / counts.astype(x.dtype))


def counted(
    size: Sizes, kernel: Sizes, count_include_pad: int, ceil_mode: int, **how: Any
) -> tuple[Window, Array]:
    """A window, and how many of its taps count at each of its places: those on the input, or on the padding too.

    What hangs over the padding, as a last window may with `ceil_mode`, is never counted.
    """
    window = window_of(size, kernel, ceil_mode=ceil_mode, **how)
    begin, end = (0,) * len(size), size
    if count_include_pad:
        padded = window_of(size, kernel, ceil_mode=0, **how)
        begin = tuple(-b for b in padded.before)
        end = tuple(n + a for n, a in zip(size, padded.after, strict=True))
    return window, _taps_within(window, size, begin, end)


def _taps_within(window: Window, size: Sizes, begin: Sizes, end: Sizes) -> Array:
    """For each place of the window, how many taps fall on [begin, end). Shape (*places)."""
    fields = (window.kernel, window.strides, window.dilations, window.before, begin, end)
    along = []
    for places, k, s, d, b, low, high in zip(window.places(size), *fields, strict=True):
        starts = [o * s - b for o in range(places)]
        counts = [min(k, -((start - high) // d)) - max(0, -((start - low) // d)) for start in starts]
        along.append(np.array([max(0, each) for each in counts], np.int64))
    return reduce(np.multiply.outer, along)


def _of_lengths(x: TensorType, p: int) -> None:
    """Roots but the square root are of float32 only."""
    allow(FLOATS if p in {1, 2} else FLOAT32, X=x)
    if not 1 <= p <= MOST_POWER:
        raise unfit("p", expected=f"1 … {MOST_POWER}", got=str(p))


def _length_pool(x: TensorType, *, kernel_shape: Sizes, p: int, **how: Any) -> TensorType:
    _of_lengths(x, p)
    return _window(x, kernel_shape, **how)


def _lengths(x: Array, p: int, add: Reduce) -> Array:
    """The pth root of the sum of pth powers of sizes."""
    if p == 1:
        return add(np.abs(x))
    if p == 2:
        return canonical(np.sqrt(add(x * x)))
    power = np.array(p, np.float32)
    return functions.power(add(functions.power(np.abs(x), power)), np.float32(1) / power)


@operator("LpPool", 2, 11, 18, 22, infer=_length_pool)
def length_pool(
    x: Array,
    *,
    kernel_shape: tuple[int, ...],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: tuple[int, ...] | None = None,
    p: int = 2,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    window = window_of(
        x.shape[2:],
        kernel_shape,
        auto_pad=auto_pad,
        pads=pads,
        strides=strides,
        dilations=dilations,
        ceil_mode=ceil_mode,
    )
    return _lengths(x, p, partial(window_sum, window=window))


# --- over all of a channel --------------------------------------------------------------------------------------


def _whole(x: TensorType) -> TensorType:
    allow(FLOATS, X=x)
    if x.rank < 3:
        raise unfit("the rank of X", expected="3 or more: (N, C, …)", got=str(x))
    return TensorType(x.dtype, (*x.shape[:2], *(1,) * (x.rank - 2)))


def _whole_of_lengths(x: TensorType, *, p: int) -> TensorType:
    _of_lengths(x, p)
    return _whole(x)


def _whole_channels(reduce: Reduce, x: Array) -> Array:
    flat = x.reshape(*x.shape[:2], prod(x.shape[2:]))
    return reduce(flat).reshape(*x.shape[:2], *(1,) * (x.ndim - 2))


@operator("GlobalAveragePool", 1, 22, infer=_whole)
def global_average_pool(x: Array) -> Array:
    return _whole_channels(mean, x)


@operator("GlobalMaxPool", 1, 22, infer=_whole)
def global_maximum_pool(x: Array) -> Array:
    return _whole_channels(maximum, x)


@operator("GlobalLpPool", 2, 22, infer=_whole_of_lengths)
def global_length_pool(x: Array, *, p: int = 2) -> Array:
    return _whole_channels(partial(_lengths, p=p, add=total), x)
