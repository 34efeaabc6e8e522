"""Operators that compare and choose (section 8). They do no arithmetic: what they choose keeps every bit."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import (
    ANYTHING,
    BOOL,
    FLOATS,
    INDICES,
    NUMBERS,
    alike,
    allow,
    axis_of,
    broadcast,
    same,
    together,
)

# --- true or false ----------------------------------------------------------------------------------------------


@operator("Equal", 7, 11, 13, 19, infer=broadcast(NUMBERS | BOOL, to=np.bool_))
def equal(a: Array, b: Array) -> Array:
    return np.asarray(a == b)


@operator("Less", 7, 9, 13, infer=broadcast(NUMBERS, to=np.bool_))
def less(a: Array, b: Array) -> Array:
    return a < b


@operator("LessOrEqual", 12, 16, infer=broadcast(NUMBERS, to=np.bool_))
def less_or_equal(a: Array, b: Array) -> Array:
    return a <= b


@operator("Greater", 7, 9, 13, infer=broadcast(NUMBERS, to=np.bool_))
def greater(a: Array, b: Array) -> Array:
    return a > b


@operator("GreaterOrEqual", 12, 16, infer=broadcast(NUMBERS, to=np.bool_))
def greater_or_equal(a: Array, b: Array) -> Array:
    return a >= b


@operator("And", 7, infer=broadcast(BOOL))
def both(a: Array, b: Array) -> Array:
    return a & b


@operator("Or", 7, infer=broadcast(BOOL))
def either(a: Array, b: Array) -> Array:
    return a | b


@operator("Xor", 7, infer=broadcast(BOOL))
def one_of_two(a: Array, b: Array) -> Array:
    return a ^ b


@operator("Not", 1, infer=same(BOOL))
def negation(x: Array) -> Array:
    return ~x


def _truth(x: TensorType, **_: Any) -> TensorType:
    allow(FLOATS, X=x)
    return TensorType(np.dtype("?"), x.shape)


@operator("IsNaN", 9, 13, 20, infer=_truth)
def is_nan(x: Array) -> Array:
    return np.asarray(x != x)  # noqa: PLR0124 - what a NaN is


@operator("IsInf", 10, 20, infer=_truth)
def is_infinite(x: Array, *, detect_negative: int = 1, detect_positive: int = 1) -> Array:
    positive, negative = (x == np.inf) & (detect_positive != 0), (x == -np.inf) & (detect_negative != 0)
    return np.asarray(positive | negative)


def _where_type(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    allow(BOOL, condition=condition)
    allow(ANYTHING, X=x, Y=y)
    alike(x, y)
    return TensorType(x.dtype, together(condition.shape, x.shape, y.shape))


@operator("Where", 9, 16, infer=_where_type)
def where(condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y)


# --- the greatest and the least ---------------------------------------------------------------------------------


def _axis(x: TensorType, axis: int) -> int:
    """`axis` of `x`, along which there is something to choose from."""
    found = axis_of(axis, x.rank)
    if x.shape[found] == 0:
        raise unfit("the axis is empty", expected="an element to choose", got=str(x))
    return found


def _index_type(x: TensorType, *, axis: int, keepdims: int, **_: Any) -> TensorType:
    allow(NUMBERS, data=x)
    found = _axis(x, axis)
    kept = (1,) if keepdims else ()
    return TensorType(np.dtype(np.int64), (*x.shape[:found], *kept, *x.shape[found + 1 :]))


@operator("ArgMax", 1, 11, 12, 13, infer=_index_type)
def index_of_greatest(x: Array, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Array:
    """Of equals the first, or the last. NaNs are equal and beyond every number; so they are to the least."""
    return _index(np.argmax, x, axis, keepdims, select_last_index)


@operator("ArgMin", 1, 11, 12, 13, infer=_index_type)
def index_of_least(x: Array, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Array:
    return _index(np.argmin, x, axis, keepdims, select_last_index)


def _index(of: Any, x: Array, axis: int, keepdims: int, last: int) -> Array:
    found = of(np.flip(x, axis) if last else x, axis=axis, keepdims=bool(keepdims))
    return np.asarray(x.shape[axis] - 1 - found if last else found, np.int64)


def _hardmax_type(x: TensorType, *, axis: int) -> TensorType:
    allow(FLOATS, input=x)
    _axis(x, axis)
    return TensorType(x.dtype, x.shape)


@operator("Hardmax", 13, infer=_hardmax_type)
def hardmax(x: Array, *, axis: int = -1) -> Array:
    """1 where the first of the greatest is, 0 elsewhere."""
    value = np.zeros_like(x)
    np.put_along_axis(value, np.argmax(x, axis=axis, keepdims=True), 1, axis)
    return value


def _flat(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """As a matrix: the axes before `axis`, and from it on."""
    return prod(shape[:axis]), prod(shape[axis:])


def _flat_hardmax_type(x: TensorType, *, axis: int) -> TensorType:
    _hardmax_type(TensorType(x.dtype, _flat(x.shape, axis_of(axis, x.rank))), axis=1)
    return TensorType(x.dtype, x.shape)


@operator("Hardmax", 1, 11, infer=_flat_hardmax_type)
def flat_hardmax(x: Array, *, axis: int = 1) -> Array:
    """One 1 for all the axes from `axis` on."""
    return hardmax(x.reshape(_flat(x.shape, axis % x.ndim))).reshape(x.shape)


# --- in order ---------------------------------------------------------------------------------------------------


def _top_type(x: TensorType, k: TensorType, *, axis: int, **_: Any) -> tuple[TensorType, TensorType]:
    allow(INDICES, K=k)
    if k.shape not in ((), (1,)):
        raise unfit("the shape of K", expected="one number", got=str(k))
    return _first_type(x, k=int(k.known("K").item()), axis=axis)


def _first_type(x: TensorType, *, k: int, axis: int) -> tuple[TensorType, TensorType]:
    allow(NUMBERS, X=x)
    found = axis_of(axis, x.rank)
    if not 1 <= k <= x.shape[found]:
        raise unfit("how many elements to take", expected=f"1 … {x.shape[found]}", got=str(k))
    shape = (*x.shape[:found], k, *x.shape[found + 1 :])
    return TensorType(x.dtype, shape), TensorType(np.dtype(np.int64), shape)


@operator("TopK", 1, infer=_first_type)
def first_greatest(x: Array, *, k: int, axis: int = -1) -> tuple[Array, Array]:
    return _first(x, k, axis, largest=1)


@operator("TopK", 10, 11, 24, infer=_top_type)
def first(x: Array, k: Array, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Array, Array]:
    """Whether they are to be sorted or not."""
    return _first(x, int(k.item()), axis, largest)


def _first(x: Array, k: int, axis: int, largest: int) -> tuple[Array, Array]:
    """In order. Of equals the lower index first; NaNs are equal and greater than every number."""
    if largest:  # backwards twice, so that what is equal stays in order
        order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis=axis, kind="stable")
    order = np.take(order, np.arange(k), axis=axis).astype(np.int64)
    return np.take_along_axis(x, order, axis), order
