"""Activations: each element by itself (section 4). float32 attributes are operands like any other.

What needs a function is computed in double, from the float32 operands on, and rounded once; the rest by operations
that are each rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical, greatest, least
from assay.operators.functions import (
    erf_in_double,
    exp_in_double,
    expm1_in_double,
    rounded,
    softplus_in_double,
    tanh_in_double,
)
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import (
    ANYTHING,
    BOOL,
    FLOAT32,
    FLOATS,
    INTEGERS,
    NUMBERS,
    SIGNED,
    alike,
    allow,
    same,
    together,
)

FLOAT_LARGEST = float(np.finfo(np.float32).max)
SQRT_HALF, SQRT_TWO_OVER_PI = float.fromhex("0x1.6a09e667f3bcdp-1"), float.fromhex("0x1.9884533d43651p-1")
CUBIC = 0.044715  # of the approximation of Gelu

# --- piecewise linear -------------------------------------------------------------------------------------------


@operator("Relu", 6, 13, 14, infer=same(FLOATS | SIGNED))
def relu(x: Array) -> Array:
    return greatest(x, x.dtype.type(0))


@operator("LeakyRelu", 6, 16, infer=same(FLOATS))
def leaky_relu(x: Array, *, alpha: float = 0.009999999776482582) -> Array:
    return prelu(x, x.dtype.type(alpha))


def _prelu_type(x: TensorType, slope: TensorType) -> TensorType:
    allow(NUMBERS, X=x, slope=slope)
    alike(x, slope)
    if together(x.shape, slope.shape) != x.shape:
        raise unfit("the shape of slope", expected=f"to be brought to {list(x.shape)}", got=str(slope))
    return TensorType(x.dtype, x.shape)


@operator("PRelu", 7, 9, 16, infer=_prelu_type)
def prelu(x: Array, slope: Array) -> Array:
    return canonical(np.where(x < 0, x * slope, x))


@operator("ThresholdedRelu", 10, 22, infer=same(FLOATS))
def thresholded_relu(x: Array, *, alpha: float = 1.0) -> Array:
    return np.where(x > alpha, x, x.dtype.type(0))


@operator("Shrink", 9, infer=same(FLOATS))
def shrink(x: Array, *, bias: float = 0.0, lambd: float = 0.5) -> Array:
    return canonical(np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, x.dtype.type(0))))


@operator("HardSigmoid", 6, 22, infer=same(FLOATS))
def hard_sigmoid(x: Array, *, alpha: float = 0.20000000298023224, beta: float = 0.5) -> Array:
    kind = x.dtype.type
    return greatest(kind(0), least(kind(1), x * alpha + beta))


@operator("HardSwish", 14, 22, infer=same(FLOATS))
def hard_swish(x: Array) -> Array:
    kind = x.dtype.type
    return canonical(x * greatest(kind(0), least(kind(1), x * (kind(1) / kind(6)) + kind(0.5))))


@operator("Softsign", 1, 22, infer=same(FLOATS))
def softsign(x: Array) -> Array:
    return canonical(x / (x.dtype.type(1) + np.abs(x)))


# --- of functions -----------------------------------------------------------------------------------------------


@operator("Sigmoid", 6, 13, infer=same(FLOAT32))
def sigmoid(x: Array) -> Array:
    return functions.sigmoid(x)


@operator("Softplus", 1, 22, infer=same(FLOAT32))
def softplus(x: Array) -> Array:
    return functions.softplus(x)


@operator("Elu", 6, 22, infer=same(FLOAT32))
def elu(x: Array, *, alpha: float = 1.0) -> Array:
    wide = x.astype(np.float64)
    return rounded(np.where(x < 0, alpha * expm1_in_double(wide), wide))


@operator("Selu", 6, 22, infer=same(FLOAT32))
def selu(x: Array, *, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323) -> Array:
    wide = x.astype(np.float64)
    return rounded(gamma * np.where(x > 0, wide, alpha * expm1_in_double(wide)))


@operator("Celu", 12, 28, infer=same(FLOAT32))
def celu(x: Array, *, alpha: float = 1.0) -> Array:
    wide = x.astype(np.float64)
    return rounded(np.where(x > 0, wide, alpha * expm1_in_double(wide / alpha)))


def _gelu_type(x: TensorType, *, approximate: str) -> TensorType:
    if approximate not in ("none", "tanh"):
        raise unfit("the attribute approximate", expected="none | tanh", got=approximate[:100])
    return same(FLOAT32)(x)


@operator("Gelu", 20, infer=_gelu_type)
def gelu(x: Array, *, approximate: str = "none") -> Array:
    x = x.astype(np.float64)
    if approximate == "none":
        share = erf_in_double(x * SQRT_HALF)
    else:
        share = tanh_in_double(SQRT_TWO_OVER_PI * (x + CUBIC * ((x * x) * x)))
    return rounded(x * (0.5 * (1.0 + share)))


@operator("Mish", 18, 22, infer=same(FLOAT32))
def mish(x: Array) -> Array:
    """NaN for −∞, as ∞ × 0 is."""
    x = x.astype(np.float64)
    return rounded(np.where(x == -np.inf, np.nan, x * tanh_in_double(softplus_in_double(x))))


@operator("Swish", 24, infer=same(FLOAT32))
def swish(x: Array, *, alpha: float = 1.0) -> Array:
    """NaN where x is infinite and its sigmoid 0 or NaN, as ∞ × 0 is."""
    x = x.astype(np.float64)
    lost = np.isinf(x) & ~(alpha * x > 0)
    return rounded(np.where(lost, np.nan, x * (1.0 / (1.0 + exp_in_double(-(alpha * x))))))


# --- clipping, and nothing --------------------------------------------------------------------------------------


@operator("Clip", 6, infer=same(FLOAT32))
def clip_between(x: Array, *, max: float = FLOAT_LARGEST, min: float = -FLOAT_LARGEST) -> Array:
    return clip(x, np.asarray(min, np.float32), np.asarray(max, np.float32))


def _clip_type(x: TensorType, low: TensorType | None = None, high: TensorType | None = None) -> TensorType:
    allow(NUMBERS, input=x)
    alike(x, low, high)
    for name, bound in (("min", low), ("max", high)):
        if bound is not None and bound.shape not in ((), (1,)):
            raise unfit(f"the shape of {name}", expected="a scalar", got=str(bound))
    return TensorType(x.dtype, x.shape)


@operator("Clip", 11, 12, 13, infer=_clip_type)
def clip(x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    """A bound that is left out is the end of the numbers of the type: of floats, the last one that is finite."""
    ends = np.iinfo(x.dtype) if x.dtype.kind in "iu" else np.finfo(x.dtype)
    low = x.dtype.type(ends.min) if low is None else low.reshape(())
    high = x.dtype.type(ends.max) if high is None else high.reshape(())
    return least(greatest(x, low), high)


def _dropped_type(x: TensorType, **_: Any) -> tuple[TensorType, TensorType]:
    allow(ANYTHING - INTEGERS - BOOL, data=x)
    return TensorType(x.dtype, x.shape), TensorType(np.dtype(np.bool_), x.shape)


@operator("Dropout", 7, infer=lambda x, **_: _dropped_type(x)[0])  # whose mask was no Boolean
@operator("Dropout", 10, infer=_dropped_type)
def early_dropout(x: Array, *, ratio: float = 0.5) -> tuple[Array, Array]:
    return dropout(x)


def _dropout_type(
    x: TensorType, ratio: TensorType | None = None, training_mode: TensorType | None = None, **_: Any
) -> tuple[TensorType, TensorType]:
    allow(BOOL, training_mode=training_mode)
    if training_mode is not None and training_mode.known("training_mode").any():
        raise unfit("training_mode is true: what is dropped is random", expected="false")
    return _dropped_type(x)


@operator("Dropout", 12, 13, 22, infer=_dropout_type)
def dropout(
    x: Array, ratio: Array | None = None, training_mode: Array | None = None, *, seed: int | None = None
) -> tuple[Array, Array]:
    """Once a model is trained nothing is dropped: what came in, and a mask that is true throughout."""
    return x, np.ones(x.shape, np.bool_)
