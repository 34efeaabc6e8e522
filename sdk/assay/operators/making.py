"""Operators that make tensors: constants, ranges, shapes (section 8)."""

from __future__ import annotations

from math import ceil, isfinite
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, canonical
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import (
    ANYTHING,
    BOOL,
    ELEMENT_TYPES,
    FLOATS,
    INDICES,
    NUMBERS,
    Types,
    alike,
    allow,
    element_type,
    integers,
)

# --- constants --------------------------------------------------------------------------------------------------


def _constant_type(**given: Any) -> TensorType:
    if sum(each is not None for each in given.values()) != 1:
        raise unfit("a constant", expected=f"one of {' | '.join(given)}")
    made = TensorType.of(constant(**given))
    allow(ANYTHING, value=made)
    return made


@operator("Constant", 1, 9, 11, infer=_constant_type)
def constant_tensor(*, value: Array) -> Array:
    return value


@operator("Constant", 12, 13, 19, 21, 23, 24, 25, infer=_constant_type)
def constant(
    *,
    value: Array | None = None,
    value_float: float | None = None,
    value_floats: tuple[float, ...] | None = None,
    value_int: int | None = None,
    value_ints: tuple[int, ...] | None = None,
) -> Array:
    if value is not None:
        return value
    numbers = value_float if value_float is not None else value_floats
    if numbers is not None:
        return canonical(np.array(numbers, np.float32))
    return np.array(value_int if value_int is not None else value_ints, np.int64)


def _constant_of_shape_type(shape: TensorType, *, value: Array | None) -> TensorType:
    filling = _filling(value)
    if filling.size != 1 or filling.ndim > 1 or filling.dtype not in ANYTHING:
        raise unfit("the value", expected="one element", got=str(TensorType.of(filling)))
    lengths = integers(shape, "the shape")
    if any(each < 0 for each in lengths):
        raise unfit("a negative length", got=str(lengths))
    return TensorType(filling.dtype, lengths)


@operator("ConstantOfShape", 9, 20, 21, 23, 24, 25, infer=_constant_of_shape_type)
def constant_of_shape(shape: Array, *, value: Array | None = None) -> Array:
    return np.full(shape.tolist(), _filling(value).reshape(()))


def _filling(value: Array | None) -> Array:
    return np.zeros((), np.float32) if value is None else value


# --- what is counted --------------------------------------------------------------------------------------------


def _shape_type(x: TensorType, *, start: int = 0, end: int | None = None) -> TensorType:
    return TensorType.of(np.array(x.shape[start:end], np.int64))


@operator("Shape", 1, 13, infer=_shape_type)
def shape_of(x: Array) -> Array:
    return np.array(x.shape, np.int64)


@operator("Shape", 15, 19, 21, 23, 24, 25, infer=_shape_type)
def part_of_shape(x: Array, *, start: int = 0, end: int | None = None) -> Array:
    """Bounds are counted from the end if negative, and brought into 0 … rank."""
    return np.array(x.shape[start:end], np.int64)


@operator("Size", 1, 13, 19, 21, 23, 24, 25, infer=lambda x: TensorType.of(np.array(x.elements, np.int64)))
def size(x: Array) -> Array:
    return np.array(x.size, np.int64)


RANGES: Types = FLOATS | INDICES | {np.dtype(np.int16)}


def _range_type(start: TensorType, limit: TensorType, delta: TensorType, **_: Any) -> TensorType:
    ends = {"start": start, "limit": limit, "delta": delta}
    allow(RANGES, **ends)
    alike(*ends.values())
    for name, each in ends.items():
        if each.elements != 1 or each.rank > 1:
            raise unfit(name, expected="one number", got=str(each))
    return TensorType(start.dtype, (_steps(*(each.known(name).item() for name, each in ends.items())),))


@operator("Range", 11, infer=_range_type)
def range_11(start: Array, limit: Array, delta: Array) -> Array:
    return range_of(start, limit, delta)


@operator("Range", 27, infer=_range_type)
def range_of(start: Array, limit: Array, delta: Array, *, stash_type: int = 1) -> Array:
    """`stash_type` is for halves of floats, which are not taken."""
    steps = np.arange(_steps(start.item(), limit.item(), delta.item())).astype(start.dtype)
    return canonical(start.reshape(()) + steps * delta.reshape(()))


def _steps(start: float, limit: float, delta: float) -> int:
    """⌈(limit − start) ÷ delta⌉, of integers exactly, of floats in float64."""
    if delta == 0:
        raise unfit("a delta of 0")
    if isinstance(start, int):
        return max(0, int(-((start - limit) // delta)))
    quotient = (limit - start) / delta
    if not isfinite(quotient):
        raise unfit("a range without end", got=f"{start} … {limit} by {delta}")
    return max(0, ceil(quotient))


# --- EyeLike ----------------------------------------------------------------------------------------------------


def _eye_type(x: TensorType, *, dtype: int | None, k: int) -> TensorType:
    allow(NUMBERS | BOOL, input=x)
    if x.rank != 2:
        raise unfit("the rank", expected="a matrix", got=str(x))
    return TensorType(x.dtype if dtype is None else element_type(dtype, NUMBERS | BOOL), x.shape)


@operator("EyeLike", 9, 22, infer=_eye_type)
def eye_like(x: Array, *, dtype: int | None = None, k: int = 0) -> Array:
    """1 on the k-th diagonal, 0 elsewhere."""
    rows, columns = x.shape
    return np.eye(rows, columns, k, x.dtype if dtype is None else ELEMENT_TYPES[dtype])
