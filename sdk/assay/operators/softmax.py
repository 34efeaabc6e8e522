"""Softmax and its kin: over one axis, or, once, over all from an axis on (section 5)."""

from __future__ import annotations

from math import prod

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical, quiet, total
from assay.operators.reducing import maximum
from assay.operators.registry import TensorType, operator
from assay.operators.shapes import FLOAT32, allow, axis_of


def _types(x: TensorType, *, axis: int) -> TensorType:
    allow(FLOAT32, input=x)
    axis_of(axis, x.rank)
    return TensorType(x.dtype, x.shape)


@quiet
def softmax_of_rows(x: Array) -> Array:
    """e ÷ sum(e), e = exp(x − max x)."""
    e = functions.exp(x - maximum(x)[..., None])
    return canonical(e / total(e)[..., None])


@quiet
def log_softmax_of_rows(x: Array) -> Array:
    d = x - maximum(x)[..., None]
    return canonical(d - functions.log(total(functions.exp(d)))[..., None])


def _flat(x: Array, axis: int) -> Array:
    """As a matrix, whose rows are what follows the axis, and it."""
    axis = axis_of(axis, x.ndim)
    return x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))


@operator("Softmax", 1, 11, infer=_types)
def softmax_flattened(x: Array, *, axis: int = 1) -> Array:
    return softmax_of_rows(_flat(x, axis)).reshape(x.shape)


@operator("Softmax", 13, infer=_types)
def softmax(x: Array, *, axis: int = -1) -> Array:
    return np.moveaxis(softmax_of_rows(np.moveaxis(x, axis, -1)), -1, axis)


@operator("LogSoftmax", 1, 11, infer=_types)
def log_softmax_flattened(x: Array, *, axis: int = 1) -> Array:
    return log_softmax_of_rows(_flat(x, axis)).reshape(x.shape)


@operator("LogSoftmax", 13, infer=_types)
def log_softmax(x: Array, *, axis: int = -1) -> Array:
    return np.moveaxis(log_softmax_of_rows(np.moveaxis(x, axis, -1)), -1, axis)
