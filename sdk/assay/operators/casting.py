"""Conversions of one type to another (section 1)."""

from __future__ import annotations

from assay.operators.arithmetic import Array, converted
from assay.operators.registry import TensorType, operator
from assay.operators.shapes import ANYTHING, ELEMENT_TYPES, allow, element_type


def _cast_type(x: TensorType, *, to: int, saturate: int = 1, round_mode: str = "up") -> TensorType:
    allow(ANYTHING, input=x)
    return TensorType(element_type(to, ANYTHING), x.shape)


@operator("Cast", 6, 9, 13, 19, 21, 23, 24, 25, 28, infer=_cast_type)
def cast(x: Array, *, to: int, saturate: int = 1, round_mode: str = "up") -> Array:
    """`saturate` and `round_mode` say how to round to eight bits, which is not among the types."""
    return converted(x, ELEMENT_TYPES[to])


def _like_type(x: TensorType, other: TensorType, *, saturate: int = 1, round_mode: str = "up") -> TensorType:
    allow(ANYTHING, input=x, target_type=other)
    return TensorType(other.dtype, x.shape)


@operator("CastLike", 15, 19, 21, 23, 24, 25, infer=_like_type)
def cast_like(x: Array, other: Array, *, saturate: int = 1, round_mode: str = "up") -> Array:
    return converted(x, other.dtype)
