"""What onnxruntime's quantiser writes beyond ONNX, in its domain `com.microsoft` (section 6)."""

from __future__ import annotations

import numpy as np

from assay.operators.activations import leaky_relu, sigmoid
from assay.operators.arithmetic import Array
from assay.operators.integer_products import rescaled
from assay.operators.pooling import global_average_pool
from assay.operators.quantised import (
    BYTES,
    SHORT,
    dequantise,
    dequantise_type,
    dequantised,
    quantise,
    quantise_type,
    quantised,
    single,
)
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import FLOAT32, alike, allow, together

DOMAIN = "com.microsoft"


@operator("QuantizeLinear", 1, domain=DOMAIN, infer=quantise_type(SHORT))
def contributed_quantise(x: Array, scale: Array, zero: Array | None = None, *, axis: int | None = None) -> Array:
    """As ONNX's, of 16 bits too; without an axis there is one scale."""
    return quantise(x, scale, zero, axis=axis or 0)


@operator("DequantizeLinear", 1, domain=DOMAIN, infer=dequantise_type(SHORT))
def contributed_dequantise(x: Array, scale: Array, zero: Array | None = None, *, axis: int | None = None) -> Array:
    return dequantise(x, scale, zero, axis=axis or 0)


# --- of two -----------------------------------------------------------------------------------------------------


def _pair(  # noqa: PLR0917 - the operator's inputs
    a: TensorType,
    a_scale: TensorType,
    a_zero: TensorType,
    b: TensorType,
    b_scale: TensorType,
    b_zero: TensorType,
    c_scale: TensorType,
    c_zero: TensorType | None = None,
) -> TensorType:
    allow(BYTES, A=a, B=b)
    alike(a, a_zero, b, b_zero, c_zero)
    allow(FLOAT32, A_scale=a_scale, B_scale=b_scale, C_scale=c_scale)
    single(A_scale=a_scale, A_zero_point=a_zero, B_scale=b_scale, B_zero_point=b_zero)
    single(C_scale=c_scale, C_zero_point=c_zero)
    return TensorType(a.dtype, together(a.shape, b.shape))


def _zero(given: Array | None, like: Array) -> Array:
    return np.zeros((), like.dtype) if given is None else given.reshape(())


@operator("QLinearAdd", 1, domain=DOMAIN, infer=_pair)
def add_quantised(  # noqa: PLR0917 - the operator's inputs
    a: Array,
    a_scale: Array,
    a_zero: Array,
    b: Array,
    b_scale: Array,
    b_zero: Array,
    c_scale: Array,
    c_zero: Array | None = None,
) -> Array:
    left = dequantised(a, a_scale.reshape(()), a_zero.reshape(()))
    right = dequantised(b, b_scale.reshape(()), b_zero.reshape(()))
    return quantised(left + right, c_scale.reshape(()), _zero(c_zero, a))


@operator("QLinearMul", 1, domain=DOMAIN, infer=_pair)
def multiply_quantised_elements(  # noqa: PLR0917 - the operator's inputs
    a: Array,
    a_scale: Array,
    a_zero: Array,
    b: Array,
    b_scale: Array,
    b_zero: Array,
    c_scale: Array,
    c_zero: Array | None = None,
) -> Array:
    left = a.astype(np.int32) - a_zero.reshape(()).astype(np.int32)
    right = b.astype(np.int32) - b_zero.reshape(()).astype(np.int32)
    scale = a_scale.reshape(()) * b_scale.reshape(())
    return rescaled(left * right, scale, c_scale, _zero(c_zero, a))


# --- of one -----------------------------------------------------------------------------------------------------


def _single(
    x: TensorType,
    x_scale: TensorType,
    x_zero: TensorType,
    y_scale: TensorType,
    y_zero: TensorType | None = None,
    *,
    alpha: float = 0.0,
) -> TensorType:
    allow(BYTES, X=x)
    alike(x, x_zero, y_zero)
    allow(FLOAT32, X_scale=x_scale, Y_scale=y_scale)
    single(X_scale=x_scale, X_zero_point=x_zero, Y_scale=y_scale, Y_zero_point=y_zero)
    return TensorType(x.dtype, x.shape)


@operator("QLinearSigmoid", 1, domain=DOMAIN, infer=_single)
def sigmoid_quantised(
    x: Array, x_scale: Array, x_zero: Array, y_scale: Array, y_zero: Array | None = None
) -> Array:
    value = sigmoid(dequantised(x, x_scale.reshape(()), x_zero.reshape(())))
    return quantised(value, y_scale.reshape(()), _zero(y_zero, x))


@operator("QLinearLeakyRelu", 1, domain=DOMAIN, infer=_single)
def leaky_relu_quantised(
    x: Array,
    x_scale: Array,
    x_zero: Array,
    y_scale: Array,
    y_zero: Array | None = None,
    *,
    alpha: float = 0.009999999776482582,
) -> Array:
    value = leaky_relu(dequantised(x, x_scale.reshape(()), x_zero.reshape(())), alpha=alpha)
    return quantised(value, y_scale.reshape(()), _zero(y_zero, x))


def _pooled(
    x: TensorType,
    x_scale: TensorType,
    x_zero: TensorType,
    y_scale: TensorType,
    y_zero: TensorType,
    *,
    channels_last: int,
) -> TensorType:
    made = _single(x, x_scale, x_zero, y_scale, y_zero)
    if channels_last:
        raise unfit("channels_last", expected="0", got=str(channels_last))
    if x.rank < 3:
        raise unfit("the rank of X", expected="(N, C, …)", got=str(x))
    return TensorType(made.dtype, (*x.shape[:2], *(1,) * (x.rank - 2)))


@operator("QLinearGlobalAveragePool", 1, domain=DOMAIN, infer=_pooled)
def global_average_pool_quantised(
    x: Array, x_scale: Array, x_zero: Array, y_scale: Array, y_zero: Array, *, channels_last: int = 0
) -> Array:
    value = global_average_pool(dequantised(x, x_scale.reshape(()), x_zero.reshape(())))
    return quantised(value, y_scale.reshape(()), y_zero.reshape(()))
