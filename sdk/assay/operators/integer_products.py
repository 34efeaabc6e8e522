"""Products and convolutions of integers, exact modulo 2³², and their rescaling (section 6)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.convolutions import convolved, window_of
from assay.operators.products import Window, multiplied
from assay.operators.quantised import BYTES, INT32, saturated, single
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import FLOAT32, alike, allow

# --- matrices ---------------------------------------------------------------------------------------------------


def _one_or(name: str, given: TensorType | None, shapes: list[tuple[int, ...]]) -> None:
    """One number, or a tensor of one of these shapes."""
    if given is not None and given.shape not in shapes:
        single(**{name: given})


def _rows(a: TensorType) -> list[tuple[int, ...]]:
    """The shapes of what has a number for each row."""
    return [] if a.rank < 2 else [(*a.shape[:-1], 1), *([a.shape[:1]] if a.rank == 2 else [])]


def _columns(b: TensorType) -> list[tuple[int, ...]]:
    return [] if b.rank < 2 else [(*b.shape[:-2], 1, b.shape[-1]), *([b.shape[1:]] if b.rank == 2 else [])]


def _for_rows(given: Array) -> Array:
    return given.reshape(()) if given.size == 1 else given[:, None] if given.ndim == 1 else given


def _for_columns(given: Array) -> Array:
    return given.reshape(()) if given.size == 1 else given


def _less(x: Array, zero: Array) -> Array:
    return x.astype(np.int32) - zero.astype(np.int32)


def _product_type(
    a: TensorType, b: TensorType, a_zero: TensorType | None = None, b_zero: TensorType | None = None
) -> TensorType:
    allow(BYTES, A=a, B=b)
    alike(a, a_zero)
    alike(b, b_zero)
    _one_or("a_zero_point", a_zero, _rows(a))
    _one_or("b_zero_point", b_zero, _columns(b))
    return TensorType(np.dtype(np.int32), multiplied(a, b))


@operator("MatMulInteger", 10, infer=_product_type)
def multiply_integers(a: Array, b: Array, a_zero: Array | None = None, b_zero: Array | None = None) -> Array:
    left = _less(a, np.zeros((), a.dtype) if a_zero is None else _for_rows(a_zero))
    right = _less(b, np.zeros((), b.dtype) if b_zero is None else _for_columns(b_zero))
    return np.asarray(np.matmul(left, right))


def _scaled_product_type(  # noqa: PLR0917 - ONNX's inputs
    a: TensorType,
    a_scale: TensorType,
    a_zero: TensorType,
    b: TensorType,
    b_scale: TensorType,
    b_zero: TensorType,
    y_scale: TensorType,
    y_zero: TensorType,
) -> TensorType:
    made = _product_type(a, b, a_zero, b_zero)
    allow(FLOAT32, a_scale=a_scale, b_scale=b_scale, y_scale=y_scale)
    allow(BYTES, y_zero_point=y_zero)
    _one_or("a_scale", a_scale, _rows(a))
    _one_or("b_scale", b_scale, _columns(b))
    single(y_scale=y_scale, y_zero_point=y_zero)
    return TensorType(y_zero.dtype, made.shape)


@operator("QLinearMatMul", 10, 21, infer=_scaled_product_type)
def multiply_quantised(  # noqa: PLR0917 - ONNX's inputs
    a: Array,
    a_scale: Array,
    a_zero: Array,
    b: Array,
    b_scale: Array,
    b_zero: Array,
    y_scale: Array,
    y_zero: Array,
) -> Array:
    left, right = _less(a, _for_rows(a_zero)), _less(b, _for_columns(b_zero))
    row, column = a.ndim == 1, b.ndim == 1
    product = np.matmul(left[None] if row else left, right[:, None] if column else right)
    y = rescaled(product, _for_rows(a_scale) * _for_columns(b_scale), y_scale, y_zero)
    y = y[..., 0, :] if row else y
    return y[..., 0] if column else y


def rescaled(sums: Array, scale: Array, y_scale: Array, y_zero: Array) -> Array:
    """int32 of one scale to eight bits of another."""
    return saturated(sums.astype(np.float32) * (scale / y_scale.reshape(())), y_zero.reshape(()))


# --- convolutions -----------------------------------------------------------------------------------------------


def _convolution_type(
    x: TensorType, w: TensorType, x_zero: TensorType | None = None, w_zero: TensorType | None = None, **how: Any
) -> TensorType:
    allow(BYTES, x=x, w=w)
    alike(x, x_zero)
    alike(w, w_zero)
    shape = convolved(x, w, None, **how)
    single(x_zero_point=x_zero)
    _one_or("w_zero_point", w_zero, [w.shape[:1]])
    return TensorType(np.dtype(np.int32), shape)


def convolution(x: Array, w: Array, window: Window, groups: int) -> Array:
    """x: (N, C, …); w: (M, C / groups, …kernel); both int32, less their zeros. (N, M, …places); padding adds 0."""
    batch, channels, *size = x.shape
    made = w.shape[0]
    value = np.zeros((batch, groups, made // groups, *window.places(size)), np.int32)
    x = x.reshape(batch, groups, channels // groups, *size)
    w = w.reshape(groups, made // groups, channels // groups, *window.kernel)
    for tap, read, written in window.taps(size):
        seen = x[read]
        places = seen.shape[3:]
        product = np.matmul(w[tap], seen.reshape(*seen.shape[:3], prod(places)))
        value[written] += product.reshape(*product.shape[:3], *places)
    return value.reshape(batch, made, *value.shape[3:])


def _per_channel(given: Array, axes: int) -> Array:
    """One number, or one for each channel that comes out, to go with (N, M, …)."""
    return given.reshape(()) if given.size == 1 else given.reshape(-1, *(1,) * axes)


@operator("ConvInteger", 10, infer=_convolution_type)
def convolve_integers(
    x: Array,
    w: Array,
    x_zero: Array | None = None,
    w_zero: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: tuple[int, ...] | None = None,
    group: int = 1,
    kernel_shape: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    size, kernel = x.shape[2:], w.shape[2:]
    window = window_of(size, kernel, auto_pad=auto_pad, pads=pads, strides=strides, dilations=dilations)
    seen = _less(x, np.zeros((), x.dtype) if x_zero is None else x_zero.reshape(()))
    weights = _less(w, np.zeros((), w.dtype) if w_zero is None else _per_channel(w_zero, w.ndim - 1))
    return convolution(seen, weights, window, group)


def _scaled_convolution_type(  # noqa: PLR0917 - ONNX's inputs
    x: TensorType,
    x_scale: TensorType,
    x_zero: TensorType,
    w: TensorType,
    w_scale: TensorType,
    w_zero: TensorType,
    y_scale: TensorType,
    y_zero: TensorType,
    bias: TensorType | None = None,
    **how: Any,
) -> TensorType:
    made = _convolution_type(x, w, x_zero, w_zero, **how)
    allow(FLOAT32, x_scale=x_scale, w_scale=w_scale, y_scale=y_scale)
    allow(BYTES, y_zero_point=y_zero)
    allow(INT32, B=bias)
    single(x_scale=x_scale, y_scale=y_scale, y_zero_point=y_zero)
    _one_or("w_scale", w_scale, [w.shape[:1]])
    if bias is not None and bias.shape != w.shape[:1]:
        raise unfit("the shape of B", expected=str(list(w.shape[:1])), got=str(bias))
    return TensorType(y_zero.dtype, made.shape)


@operator("QLinearConv", 10, infer=_scaled_convolution_type)
def convolve_quantised(  # noqa: PLR0917 - ONNX's inputs
    x: Array,
    x_scale: Array,
    x_zero: Array,
    w: Array,
    w_scale: Array,
    w_zero: Array,
    y_scale: Array,
    y_zero: Array,
    bias: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: tuple[int, ...] | None = None,
    group: int = 1,
    kernel_shape: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    """`bias` has the scale of the sums, x_scale × w_scale, and no zero."""
    sums = convolve_integers(
        x,
        w,
        x_zero,
        w_zero,
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        pads=pads,
        strides=strides,
    )
    if bias is not None:
        sums = sums + _per_channel(bias, sums.ndim - 2)
    scale = x_scale.reshape(()) * _per_channel(w_scale, sums.ndim - 2)
    return rescaled(sums, scale, y_scale, y_zero)
