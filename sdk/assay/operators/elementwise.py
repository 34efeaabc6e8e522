"""Operators of one element of each input, shapes brought together as NumPy does: arithmetic and functions."""

from __future__ import annotations

from functools import reduce

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical, greatest, least
from assay.operators.registry import operator
from assay.operators.shapes import FLOAT32, FLOATS, NUMBERS, SIGNED, broadcast, same

# --- of two, or of any number -----------------------------------------------------------------------------------


@operator("Add", 7, 13, 14, infer=broadcast(NUMBERS))
def add(a: Array, b: Array) -> Array:
    return canonical(a + b)


@operator("Sub", 7, 13, 14, infer=broadcast(NUMBERS))
def subtract(a: Array, b: Array) -> Array:
    return canonical(a - b)


@operator("Mul", 7, 13, 14, infer=broadcast(NUMBERS))
def multiply(a: Array, b: Array) -> Array:
    return canonical(a * b)


@operator("Div", 7, 13, 14, infer=broadcast(NUMBERS))
def divide(a: Array, b: Array) -> Array:
    """Of integers: towards zero; by zero 0; least ÷ −1 is least."""
    if a.dtype.kind == "f":
        return canonical(a / b)
    quotient: Array = np.floor_divide(a, b)
    down = ((quotient * b != a) & ((a < 0) != (b < 0))).astype(a.dtype)  # where NumPy rounded away from zero
    return np.asarray(np.where(b == 0, a.dtype.type(0), quotient + down))


@operator("Max", 8, 12, 13, infer=broadcast(NUMBERS))
def maximum(x: Array, *others: Array) -> Array:
    return reduce(greatest, others, canonical(x))


@operator("Min", 8, 12, 13, infer=broadcast(NUMBERS))
def minimum(x: Array, *others: Array) -> Array:
    return reduce(least, others, canonical(x))


@operator("Sum", 8, 13, infer=broadcast(FLOATS))
def sum_of(x: Array, *others: Array) -> Array:
    """From the first to the last, each sum rounded."""
    return canonical(np.asarray(reduce(np.add, others, x)))


# --- of one -----------------------------------------------------------------------------------------------------


@operator("Neg", 6, 13, infer=same(FLOATS | SIGNED))
def negative(x: Array) -> Array:
    """Of floats: the other sign, of a NaN too."""
    return np.negative(x)


@operator("Sqrt", 6, 13, infer=same(FLOATS))
def square_root(x: Array) -> Array:
    return canonical(np.sqrt(x))


@operator("Exp", 6, 13, infer=same(FLOAT32))
def exponential(x: Array) -> Array:
    return functions.exp(x)
