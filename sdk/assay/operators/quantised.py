"""Floats to the integers that stand for them, x = (q − zero) × scale, and back (section 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.operators.arithmetic import Array, canonical, greatest, least
from assay.operators.reducing import maximum, minimum
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ELEMENT_TYPES, FLOAT32, Types, alike, allow, axis_of, element_type

BYTES: Types = frozenset(map(np.dtype, ("i1", "u1")))
SHORT: Types = BYTES | frozenset(map(np.dtype, ("i2", "u2")))
INT32: Types = frozenset([np.dtype(np.int32)])
FLOAT = 1  # ONNX's number for float32

# --- arithmetic -------------------------------------------------------------------------------------------------


def quantised(x: Array, scale: Array, zero: Array) -> Array:
    """float32 to the type of `zero`."""
    return saturated(x / scale, zero)


def saturated(x: Array, zero: Array) -> Array:
    """float32, divided by the scale: rounded, kept within the type of `zero` less `zero`, NaN as 0; plus it."""
    ends, offset = np.iinfo(zero.dtype), zero.astype(np.int32)
    within = np.rint(x).clip((ends.min - offset).astype(np.float32), (ends.max - offset).astype(np.float32))
    return (np.where(np.isnan(within), 0, within).astype(np.int32) + offset).astype(zero.dtype)


def dequantised(x: Array, scale: Array, zero: Array) -> Array:
    """The difference is of int32, modulo 2³²."""
    return canonical((x.astype(np.int32) - zero.astype(np.int32)).astype(np.float32) * scale)


def spread(parameter: Array, like: Array, axis: int, block: int = 0) -> Array:
    """One number for all of `like`; or one for each index along an axis, or for each block of them."""
    if parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim == 1 and not block:
        return parameter.reshape([-1 if i == axis % like.ndim else 1 for i in range(like.ndim)])
    return parameter.take(np.arange(like.shape[axis]) // block, axis)


# --- what is refused --------------------------------------------------------------------------------------------


def single(**inputs: TensorType | None) -> None:
    for name, each in inputs.items():
        if each is not None and (each.elements != 1 or each.rank > 1):
            raise unfit(f"the shape of {name}", expected="one number", got=str(each))


def _parameters(
    x: TensorType, scale: TensorType, zero: TensorType | None, axis: int | None = None, block: int = 0
) -> None:
    """One of each; or with an axis one for each of its indices, or for each block of so many of them."""
    allow(FLOAT32, scale=scale)
    if zero is not None and zero.shape != scale.shape:
        single(scale=scale, zero_point=zero)
    if axis is None or (scale.elements == 1 and scale.rank <= 1):
        return single(scale=scale)
    axis = axis_of(axis, x.rank)
    if block < 0:
        raise unfit("block_size", expected="0 or more", got=str(block))
    blocks = -(-x.shape[axis] // block) if block else 0
    expected = (*x.shape[:axis], blocks, *x.shape[axis + 1 :]) if block else (x.shape[axis],)
    if scale.shape != expected:
        raise unfit("the shape of the scale", expected=f"one number, or {list(expected)}", got=str(scale))
    return None


# --- QuantizeLinear ---------------------------------------------------------------------------------------------


def quantise_type(types: Types) -> Callable[..., TensorType]:
    def infer(
        x: TensorType,
        scale: TensorType,
        zero: TensorType | None = None,
        *,
        axis: int | None = None,
        block_size: int = 0,
        output_dtype: int = 0,
        precision: int = 0,
        saturate: int = 1,
    ) -> TensorType:
        allow(FLOAT32 | INT32, x=x)
        allow(types, zero_point=zero)
        _parameters(x, scale, zero, axis, block_size)
        if precision not in (0, FLOAT):
            raise unfit("precision", expected=f"0 | {FLOAT} (float32)", got=str(precision))
        asked = element_type(output_dtype, types) if output_dtype else None
        if zero is not None and asked not in (None, zero.dtype):
            raise unfit("output_dtype", expected=f"that of the zero point, {zero.dtype}", got=str(asked))
        return TensorType(zero.dtype if zero else asked or np.dtype(np.uint8), x.shape)

    return infer


@operator("QuantizeLinear", 10, infer=quantise_type(BYTES))
def quantise_10(x: Array, scale: Array, zero: Array | None = None) -> Array:
    return quantise(x, scale, zero)


@operator("QuantizeLinear", 13, infer=quantise_type(BYTES))
def quantise_13(x: Array, scale: Array, zero: Array | None = None, *, axis: int = 1) -> Array:
    return quantise(x, scale, zero, axis=axis)


@operator("QuantizeLinear", 19, infer=quantise_type(BYTES))
def quantise_19(x: Array, scale: Array, zero: Array | None = None, *, axis: int = 1, saturate: int = 1) -> Array:
    return quantise(x, scale, zero, axis=axis)


@operator("QuantizeLinear", 21, infer=quantise_type(SHORT))
def quantise_21(
    x: Array,
    scale: Array,
    zero: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    saturate: int = 1,
) -> Array:
    return quantise(x, scale, zero, axis=axis, block_size=block_size, output_dtype=output_dtype)


@operator("QuantizeLinear", 23, 24, 25, 28, infer=quantise_type(SHORT))
def quantise(
    x: Array,
    scale: Array,
    zero: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Array:
    """`saturate` is for floats of eight bits, which are not taken; `precision` can only be float32."""
    if zero is None:
        zero = np.zeros((), ELEMENT_TYPES[output_dtype] if output_dtype else np.uint8)
    return quantised(x.astype(np.float32), spread(scale, x, axis, block_size), spread(zero, x, axis, block_size))


# --- DequantizeLinear -------------------------------------------------------------------------------------------


def dequantise_type(types: Types) -> Callable[..., TensorType]:
    def infer(
        x: TensorType,
        scale: TensorType,
        zero: TensorType | None = None,
        *,
        axis: int | None = None,
        block_size: int = 0,
        output_dtype: int = 0,
    ) -> TensorType:
        allow(types | INT32, x=x)
        alike(x, zero)
        _parameters(x, scale, zero, axis, block_size)
        if output_dtype not in (0, FLOAT):
            raise unfit("output_dtype", expected=f"0 | {FLOAT} (float32)", got=str(output_dtype))
        return TensorType(scale.dtype, x.shape)

    return infer


@operator("DequantizeLinear", 10, infer=dequantise_type(BYTES))
def dequantise_10(x: Array, scale: Array, zero: Array | None = None) -> Array:
    return dequantise(x, scale, zero)


@operator("DequantizeLinear", 13, 19, infer=dequantise_type(BYTES))
def dequantise_13(x: Array, scale: Array, zero: Array | None = None, *, axis: int = 1) -> Array:
    return dequantise(x, scale, zero, axis=axis)


@operator("DequantizeLinear", 21, infer=dequantise_type(SHORT))
def dequantise_21(
    x: Array, scale: Array, zero: Array | None = None, *, axis: int = 1, block_size: int = 0
) -> Array:
    return dequantise(x, scale, zero, axis=axis, block_size=block_size)


@operator("DequantizeLinear", 23, 24, 25, 28, infer=dequantise_type(SHORT))
def dequantise(
    x: Array,
    scale: Array,
    zero: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Array:
    zero = np.zeros((), x.dtype) if zero is None else zero
    return dequantised(x, spread(scale, x, axis, block_size), spread(zero, x, axis, block_size))


# --- DynamicQuantizeLinear --------------------------------------------------------------------------------------


def _dynamic_type(x: TensorType) -> tuple[TensorType, ...]:
    allow(FLOAT32, x=x)
    byte = np.dtype(np.uint8)
    return TensorType(byte, x.shape), TensorType(x.dtype, ()), TensorType(byte, ())


@operator("DynamicQuantizeLinear", 11, infer=_dynamic_type)
def quantise_dynamically(x: Array) -> tuple[Array, Array, Array]:
    """From the range of the values, 0 included. All 0: the scale is 0, and so is everything."""
    every, nothing = x.reshape(-1), np.zeros((), np.float32)
    low, high = least(minimum(every), nothing), greatest(maximum(every), nothing)
    scale = canonical(np.asarray((high - low) / np.float32(255)))
    zero = saturated(np.asarray(-low / scale), np.zeros((), np.uint8))
    return quantised(x, scale, zero), scale, zero
