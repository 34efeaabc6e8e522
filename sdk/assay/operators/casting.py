"""Conversions of one type to another (section 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, converted
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ANYTHING, allow

TYPES: dict[int, np.dtype[Any]] = {  # by the numbers that ONNX has for them
    1: np.dtype("f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("u2"),
    5: np.dtype("i2"),
    6: np.dtype("i4"),
    7: np.dtype("i8"),
    9: np.dtype("?"),
    10: np.dtype("f2"),
    11: np.dtype("f8"),
    12: np.dtype("u4"),
    13: np.dtype("u8"),
}


def _cast_type(x: TensorType, *, to: int, saturate: int = 1, round_mode: str = "up") -> TensorType:
    allow(ANYTHING, input=x)
    if to not in TYPES:
        names = " | ".join(f"{number} ({dtype})" for number, dtype in TYPES.items())
        raise unfit("the type to convert to", expected=names, got=str(to))
    return TensorType(TYPES[to], x.shape)


@operator("Cast", 6, 9, 13, 19, 21, 23, 24, 25, 28, infer=_cast_type)
def cast(x: Array, *, to: int, saturate: int = 1, round_mode: str = "up") -> Array:
    """`saturate` and `round_mode` say how to round to eight bits, which is not among the types."""
    return converted(x, TYPES[to])


def _like_type(x: TensorType, other: TensorType, *, saturate: int = 1, round_mode: str = "up") -> TensorType:
    allow(ANYTHING, input=x, target_type=other)
    return TensorType(other.dtype, x.shape)


@operator("CastLike", 15, 19, 21, 23, 24, 25, infer=_like_type)
def cast_like(x: Array, other: Array, *, saturate: int = 1, round_mode: str = "up") -> Array:
    return converted(x, other.dtype)
