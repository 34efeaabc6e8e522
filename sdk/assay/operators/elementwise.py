"""Operators of one element of each input, shapes brought together as NumPy does: arithmetic and functions."""

from __future__ import annotations

from functools import reduce

import numpy as np

from assay.operators import angles, functions
from assay.operators.arithmetic import Array, canonical, converted, greatest, least
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import (
    FLOAT32,
    FLOATS,
    INDICES,
    INTEGERS,
    NUMBERS,
    SIGNED,
    allow,
    broadcast,
    same,
    together,
)

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


@operator("Mean", 8, 13, infer=broadcast(FLOATS))
def mean_of(x: Array, *others: Array) -> Array:
    """Their sum as `Sum` has it, divided by their number."""
    return canonical(sum_of(x, *others) / x.dtype.type(1 + len(others)))


def _power_type(x: TensorType, y: TensorType) -> TensorType:
    allow(FLOAT32 | INDICES, X=x)
    allow(NUMBERS, Y=y)
    return TensorType(x.dtype, together(x.shape, y.shape))


@operator("Pow", 7, 12, 13, 15, infer=_power_type)
def power(x: Array, y: Array) -> Array:
    """In float32 if either is a float. Integers: modulo 2ⁿ."""
    if x.dtype.kind != "f" and y.dtype.kind != "f":
        return _whole_power(x, y)
    return converted(functions.power(converted(x, np.float32), converted(y, np.float32)), x.dtype)


def _whole_power(x: Array, y: Array) -> Array:
    """By repeated squaring. To less than the zeroth power: 1 ÷ xⁿ towards zero, of zero 0."""
    x, y = np.broadcast_arrays(x, y)
    value, square, rest = np.ones_like(x), x, np.where(y < 0, y.dtype.type(0), y)
    while rest.any():
        value = np.where(rest & 1 == 1, value * square, value)
        square, rest = square * square, rest >> 1
    inverse = np.where(x == -1, 1 - 2 * (y & 1).astype(x.dtype), (x == 1).astype(x.dtype))
    return np.where(y < 0, inverse, value)


# --- remainders -------------------------------------------------------------------------------------------------


def _remainder_type(a: TensorType, b: TensorType, *, fmod: int) -> TensorType:
    if fmod not in (0, 1):
        raise unfit("the attribute fmod", expected="0 | 1", got=str(fmod))
    return broadcast(NUMBERS)(a, b)


def _early_remainder_type(a: TensorType, b: TensorType, *, fmod: int) -> TensorType:
    if fmod == 0:
        allow(INTEGERS, A=a, B=b)
    return _remainder_type(a, b, fmod=fmod)


@operator("Mod", 10, 13, infer=_early_remainder_type)
@operator("Mod", 28, infer=_remainder_type)
def remainder(a: Array, b: Array, *, fmod: int = 0) -> Array:
    """What is left of a: with the sign of a if `fmod`, of b otherwise. Of integers by zero: 0."""
    if a.dtype.kind == "f":
        return _float_remainder(a, b, fmod)
    divisor = np.where(b == 0, b.dtype.type(1), b)
    return np.asarray(np.fmod(a, divisor) if fmod else np.remainder(a, divisor))


def _float_remainder(a: Array, b: Array, fmod: int) -> Array:
    left = np.fmod(a, b)  # exact
    if not fmod:
        left = np.where(np.signbit(left) != np.signbit(b), left + b, left)
        left = np.where(np.fmod(a, b) == 0, np.copysign(a.dtype.type(0), b), left)
    return canonical(left)


# --- bits -------------------------------------------------------------------------------------------------------


def _shift_type(x: TensorType, y: TensorType, *, direction: str) -> TensorType:
    if direction not in ("LEFT", "RIGHT"):
        raise unfit("the attribute direction", expected="LEFT | RIGHT", got=direction[:100])
    return broadcast(INTEGERS)(x, y)


@operator("BitShift", 11, 28, infer=_shift_type)
def shift(x: Array, y: Array, *, direction: str) -> Array:
    """By fewer than 0 bits, or as many as there are and more: 0; to the right of what is negative −1."""
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    beyond = y.view(unsigned) >= 8 * x.dtype.itemsize
    by = np.where(beyond, y.dtype.type(0), y)
    if direction == "LEFT":
        moved: Array = x.view(unsigned) << by.view(unsigned)
        return np.where(beyond, unsigned.type(0), moved).view(x.dtype)
    return np.where(beyond, -(x < 0).astype(x.dtype), x >> by)


@operator("BitwiseAnd", 18, infer=broadcast(INTEGERS))
def bitwise_and(a: Array, b: Array) -> Array:
    return a & b


@operator("BitwiseOr", 18, infer=broadcast(INTEGERS))
def bitwise_or(a: Array, b: Array) -> Array:
    return a | b


@operator("BitwiseXor", 18, infer=broadcast(INTEGERS))
def bitwise_xor(a: Array, b: Array) -> Array:
    return a ^ b


@operator("BitwiseNot", 18, infer=same(INTEGERS))
def bitwise_not(x: Array) -> Array:
    return ~x


# --- of one -----------------------------------------------------------------------------------------------------


@operator("Neg", 6, 13, infer=same(FLOATS | SIGNED))
def negative(x: Array) -> Array:
    """Of floats: the other sign, of a NaN too."""
    return np.negative(x)


@operator("Abs", 6, 13, infer=same(NUMBERS))
def absolute(x: Array) -> Array:
    """Of floats: the sign +, of a NaN too. Of the least integer: itself."""
    return np.abs(x)


@operator("Sign", 9, 13, infer=same(NUMBERS))
def sign(x: Array) -> Array:
    """−1, +0 or 1."""
    return canonical(np.sign(x))


@operator("Reciprocal", 6, 13, infer=same(FLOATS))
def reciprocal(x: Array) -> Array:
    return canonical(x.dtype.type(1) / x)


@operator("Floor", 6, 13, infer=same(FLOATS))
def floor(x: Array) -> Array:
    return canonical(np.floor(x))


@operator("Ceil", 6, 13, infer=same(FLOATS))
def ceiling(x: Array) -> Array:
    return canonical(np.ceil(x))


@operator("Round", 11, 22, infer=same(FLOATS))
def rounded(x: Array) -> Array:
    """To the nearest integer, halves to the even one."""
    return canonical(np.rint(x))


@operator("Sqrt", 6, 13, infer=same(FLOATS))
def square_root(x: Array) -> Array:
    return canonical(np.sqrt(x))


@operator("Exp", 6, 13, infer=same(FLOAT32))
def exponential(x: Array) -> Array:
    return functions.exp(x)


@operator("Log", 6, 13, infer=same(FLOAT32))
def logarithm(x: Array) -> Array:
    return functions.log(x)


@operator("Sin", 7, 22, infer=same(FLOAT32))
def sine(x: Array) -> Array:
    return angles.sin(x)


@operator("Cos", 7, 22, infer=same(FLOAT32))
def cosine(x: Array) -> Array:
    return angles.cos(x)


@operator("Tan", 7, 22, infer=same(FLOAT32))
def tangent(x: Array) -> Array:
    return angles.tan(x)


@operator("Asin", 7, 22, infer=same(FLOAT32))
def arc_sine(x: Array) -> Array:
    return angles.asin(x)


@operator("Acos", 7, 22, infer=same(FLOAT32))
def arc_cosine(x: Array) -> Array:
    return angles.acos(x)


@operator("Atan", 7, 22, infer=same(FLOAT32))
def arc_tangent(x: Array) -> Array:
    return angles.atan(x)


@operator("Sinh", 9, 22, infer=same(FLOAT32))
def hyperbolic_sine(x: Array) -> Array:
    return functions.sinh(x)


@operator("Cosh", 9, 22, infer=same(FLOAT32))
def hyperbolic_cosine(x: Array) -> Array:
    return functions.cosh(x)


@operator("Tanh", 6, 13, infer=same(FLOAT32))
def hyperbolic_tangent(x: Array) -> Array:
    return functions.tanh(x)


@operator("Asinh", 9, 22, infer=same(FLOAT32))
def area_sine(x: Array) -> Array:
    return functions.asinh(x)


@operator("Acosh", 9, 22, infer=same(FLOAT32))
def area_cosine(x: Array) -> Array:
    return functions.acosh(x)


@operator("Atanh", 9, 22, infer=same(FLOAT32))
def area_tangent(x: Array) -> Array:
    return functions.atanh(x)


@operator("Erf", 9, 13, infer=same(FLOAT32))
def error_function(x: Array) -> Array:
    return functions.erf(x)
