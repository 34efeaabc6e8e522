"""Operators that bring elements to a common mean, variance or length (section 5).

In float32, but where it is said; sums and means are those of reducing.py, over the last axis.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical, fma, quiet
from assay.operators.pooling import window_sum
from assay.operators.products import Window
from assay.operators.reducing import length, mean, rows, sum_of_sizes
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import FLOAT32, FLOATS, allow, axes_of, axis_of, together

# --- by mean and variance ---------------------------------------------------------------------------------------


def _stretched(of_channels: Array, rank: int) -> Array:
    """(C,) as (C, 1, …): beside (N, C, …) of this rank."""
    return of_channels.reshape(*of_channels.shape, *(1,) * (rank - 2))


def _channels(x: TensorType, rank: int) -> int:
    """How many (N, C, …) has; it has so many axes at least."""
    allow(FLOAT32, X=x)
    if x.rank < rank:
        raise unfit("the rank of X", expected=f"{rank} or more", got=str(x))
    return x.shape[1]


def _vectors(size: int, **inputs: TensorType) -> None:
    allow(FLOAT32, **inputs)
    for name, each in inputs.items():
        if each.shape != (size,):
            raise unfit(f"the shape of {name}", expected=f"[{size}]", got=str(each))


def _batch(
    x: TensorType, scale: TensorType, b: TensorType, m: TensorType, v: TensorType, **attributes: Any
) -> TensorType:
    if attributes.get("training_mode") or attributes.get("spatial") == 0:
        raise unfit("BatchNormalization", expected="inference, spatial", got="training_mode 1 or spatial 0")
    _vectors(_channels(x, 2), scale=scale, B=b, mean=m, var=v)
    return TensorType(x.dtype, x.shape)


def _batch_normalised(x: Array, scale: Array, b: Array, m: Array, v: Array, *, epsilon: float) -> Array:
    s = scale / np.sqrt(v + np.float32(epsilon))
    return canonical(fma(x - _stretched(m, x.ndim), _stretched(s, x.ndim), _stretched(b, x.ndim)))


@operator("BatchNormalization", 7, infer=_batch)
def batch_normalisation_7(
    x: Array,
    scale: Array,
    b: Array,
    m: Array,
    v: Array,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
) -> Array:
    return _batch_normalised(x, scale, b, m, v, epsilon=epsilon)


@operator("BatchNormalization", 9, 14, 15, infer=_batch)
def batch_normalisation(
    x: Array,
    scale: Array,
    b: Array,
    m: Array,
    v: Array,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Array:
    return _batch_normalised(x, scale, b, m, v, epsilon=epsilon)


def _flat(x: Array, axis: int) -> Array:
    """The axis and those after it as one."""
    return x.reshape(*x.shape[:axis], prod(x.shape[axis:]))


@quiet
def standardised(x: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """Over the last axis: d × i; m; i — where d = x − m, m the mean, i = 1 ÷ √(mean(d × d) + epsilon)."""
    m = mean(x)[..., None]
    d = x - m
    i = np.float32(1) / np.sqrt(mean(d * d)[..., None] + np.float32(epsilon))
    return d * i, canonical(m), canonical(i)


def _within(x: TensorType, axis: int, **inputs: TensorType | None) -> int:
    """The axis; the inputs may be spread over x, but do not widen it."""
    allow(FLOAT32, X=x, **inputs)
    for name, each in inputs.items():
        if each is not None and together(x.shape, each.shape) != x.shape:
            raise unfit(f"the shape of {name}", expected=f"spread over {list(x.shape)}", got=str(each))
    return axis_of(axis, x.rank)


def _only_float32(stash_type: int) -> None:
    if stash_type != 1:
        raise unfit("stash_type", expected="1 (float32)", got=str(stash_type))


def _layer(
    x: TensorType, scale: TensorType, b: TensorType | None = None, *, axis: int, stash_type: int, **_: Any
) -> tuple[TensorType, ...]:
    _only_float32(stash_type)
    axis = _within(x, axis, Scale=scale, B=b)
    each = TensorType(x.dtype, (*x.shape[:axis], *(1,) * (x.rank - axis)))
    return TensorType(x.dtype, x.shape), each, each


@operator("LayerNormalization", 17, infer=_layer)
def layer_normalisation(
    x: Array,
    scale: Array,
    b: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> tuple[Array, Array, Array]:
    """Y, Mean, InvStdDev."""
    axis = axis_of(axis, x.ndim)
    normal, m, i = standardised(_flat(x, axis), epsilon)
    normal = normal.reshape(x.shape)
    y = normal * scale if b is None else fma(normal, scale, b)
    of_rows = (*x.shape[:axis], *(1,) * (x.ndim - axis))
    return canonical(y), m.reshape(of_rows), i.reshape(of_rows)


def _instance(x: TensorType, scale: TensorType, b: TensorType, **_: Any) -> TensorType:
    _vectors(_channels(x, 3), scale=scale, B=b)
    return TensorType(x.dtype, x.shape)


@operator("InstanceNormalization", 6, 22, infer=_instance)
def instance_normalisation(x: Array, scale: Array, b: Array, *, epsilon: float = 1e-5) -> Array:
    normal, _, _ = standardised(_flat(x, 2), epsilon)
    return canonical(fma(normal.reshape(x.shape), _stretched(scale, x.ndim), _stretched(b, x.ndim)))


def _group(
    x: TensorType, scale: TensorType, b: TensorType, *, num_groups: int, stash_type: int | None = None, **_: Any
) -> TensorType:
    """`scale` and `b` have one number for each group; for each channel, once there was a stash_type."""
    channels = _channels(x, 2)
    if num_groups < 1 or channels % num_groups:
        raise unfit("num_groups", expected=f"a divisor of {channels} channels", got=str(num_groups))
    if stash_type is not None:
        _only_float32(stash_type)
    _vectors(num_groups if stash_type is None else channels, scale=scale, bias=b)
    return TensorType(x.dtype, x.shape)


def _group_normalised(x: Array, scale: Array, b: Array, groups: int, epsilon: float) -> Array:
    """`scale` and `b`: one number for each channel."""
    in_group = x.shape[1] // groups
    normal, _, _ = standardised(x.reshape(x.shape[0], groups, in_group * prod(x.shape[2:])), epsilon)
    return canonical(fma(normal.reshape(x.shape), _stretched(scale, x.ndim), _stretched(b, x.ndim)))


@operator("GroupNormalization", 18, infer=_group)
def group_normalisation_18(x: Array, scale: Array, b: Array, *, num_groups: int, epsilon: float = 1e-5) -> Array:
    in_group = x.shape[1] // num_groups
    return _group_normalised(x, scale.repeat(in_group), b.repeat(in_group), num_groups, epsilon)


@operator("GroupNormalization", 21, infer=_group)
def group_normalisation(
    x: Array,
    scale: Array,
    b: Array,
    *,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Array:
    return _group_normalised(x, scale, b, num_groups, epsilon)


def _root_mean_square(x: TensorType, scale: TensorType, *, axis: int, stash_type: int, **_: Any) -> TensorType:
    _only_float32(stash_type)
    _within(x, axis, scale=scale)
    return TensorType(x.dtype, x.shape)


@operator("RMSNormalization", 23, infer=_root_mean_square)
def root_mean_square_normalisation(
    x: Array,
    scale: Array,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Array:
    flat = _flat(x, axis_of(axis, x.ndim))
    normal = flat / np.sqrt(mean(flat * flat)[..., None] + np.float32(epsilon))
    return canonical(normal.reshape(x.shape) * scale)


# --- by length --------------------------------------------------------------------------------------------------


def _by_length(x: TensorType, *, axis: int, p: int) -> TensorType:
    allow(FLOATS, input=x)
    axis_of(axis, x.rank)
    if p not in {1, 2}:
        raise unfit("p", expected="1 | 2", got=str(p))
    return TensorType(x.dtype, x.shape)


@operator("LpNormalization", 1, 22, infer=_by_length)
def length_normalisation(x: Array, *, axis: int = -1, p: int = 2) -> Array:
    """float64 too. Where the length is 0: +0."""
    lengths = (sum_of_sizes if p == 1 else length)(rows(x, [axis % x.ndim]))
    lengths = np.expand_dims(lengths, axis)
    return np.where(lengths == 0, x.dtype.type(0), canonical(x / lengths))


def _over_axes(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    allow(FLOATS, X=x)
    axes_of(axes, x.rank)
    return TensorType(x.dtype, x.shape)


@operator("MeanVarianceNormalization", 9, 13, infer=_over_axes)
def mean_variance_normalisation(x: Array, *, axes: tuple[int, ...] = (0, 2, 3)) -> Array:
    """float64 too. Added to the deviation, 10⁻⁹ keeps what does not vary from being divided by 0."""
    axes = axes_of(axes, x.ndim)
    d = x - np.expand_dims(mean(rows(x, axes)), axes)
    deviation = np.sqrt(mean(rows(d * d, axes))) + x.dtype.type(1e-9)
    return canonical(d / np.expand_dims(deviation, axes))


# --- by neighbouring channels -----------------------------------------------------------------------------------


def _local(x: TensorType, *, size: int, **_: Any) -> TensorType:
    allow(FLOAT32, X=x)
    if x.rank < 3 or size < 1:
        raise unfit("LRN", expected="X (N, C, …), a positive size", got=f"{x}, {size}")
    return TensorType(x.dtype, x.shape)


@operator("LRN", 1, 13, infer=_local)
def local_response_normalisation(
    x: Array, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Array:
    """x ÷ pow(bias + (alpha ÷ size) × s, beta), s the sum of squares over a window of channels."""
    before = (size - 1) // 2
    one, none = (1,) * (x.ndim - 2), (0,) * (x.ndim - 2)
    window = Window((size, *one), (1, *one), (1, *one), (before, *none), (size - 1 - before, *none))
    share = np.float32(alpha) / np.float32(size)
    base = np.float32(bias) + share * window_sum(x * x, window)
    return canonical(x / functions.power(canonical(base), np.array([beta], np.float32)))
