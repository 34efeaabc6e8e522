"""One operation, one rounding: what every operator is made of (docs/reproducible-operators.md, sections 1 to 3).

NumPy adds, multiplies, divides and takes roots as IEEE 754 says, each rounded once. What it leaves open, or
lacks, is here: the fused multiply-add, one NaN, zeros in maxima, sums in a fixed order, conversions.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]

LANES = 16  # of a sum
BLOCK = 2**18  # elements of a fused multiply-add at one time
_BITS: dict[np.dtype[Any], type[np.uint16 | np.uint32 | np.uint64]] = {
    np.dtype(np.float16): np.uint16,
    np.dtype(np.float32): np.uint32,
    np.dtype(np.float64): np.uint64,
}
quiet = np.errstate(all="ignore")  # what overflows, or is no number, is a result like any other
_NAN = {
    np.dtype(np.float16): 0x7E00,
    np.dtype(np.float32): 0x7FC00000,
    np.dtype(np.float64): 0x7FF8000000000000,
}


def canonical(x: Array) -> Array:
    """`x` with one NaN for all; what is no NaN, and what is of no float type, as it is."""
    if x.dtype not in _NAN:
        return x
    bits = _BITS[x.dtype]
    return np.where(np.isnan(x), bits(_NAN[x.dtype]), x.view(bits)).view(x.dtype)


@quiet
def fma(a: Array, b: Array, c: Array) -> Array:
    """`a × b + c` of float32, rounded once; its NaNs are whichever. In blocks: one takes ten times its memory."""
    shape = np.broadcast_shapes(a.shape, b.shape, c.shape)
    if prod(shape) <= BLOCK:
        return _fma(a, b, c)
    a, b, c = np.broadcast_arrays(a, b, c)
    value = np.empty(shape, np.float32)
    for block in _blocks(shape):
        value[block] = _fma(a[block], b[block], c[block])
    return value


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Parts of an array of BLOCK elements at most, cut along its first axes."""
    within = prod(shape[1:])
    if within > BLOCK:
        yield from ((slice(i, i + 1), *rest) for i in range(shape[0]) for rest in _blocks(shape[1:]))
    else:
        step = BLOCK // within
        yield from ((slice(i, i + step),) for i in range(0, shape[0], step))


def _fma(a: Array, b: Array, c: Array) -> Array:
    """The product is exact in double. Its sum with `c` is exact as two doubles (Knuth's TwoSum); the greater is
    rounded to odd by the lesser, and rounding that to float32 rounds the exact sum: 53 bits are 2 × 24 + 2 at
    least (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
    """
    product = a.astype(np.float64) * b.astype(np.float64)
    addend = c.astype(np.float64)
    total = product + addend
    back = total - product
    error = (product - (total - back)) + (addend - back)
    bits = total.view(np.int64)
    between = (error != 0) & (bits & 1 == 0) & np.isfinite(total)
    outwards = (error > 0) == (total > 0)
    odd = bits + np.where(between, np.where(outwards, 1, -1), 0)
    return odd.view(np.float64).astype(np.float32)


@quiet
def chain(a: Array, b: Array) -> Array:
    """`fma` over the last axis, ascending, from +0 (section 2). float32, with one NaN."""
    a, b = np.broadcast_arrays(a, b)
    value = np.zeros(a.shape[:-1], np.float32)
    for i in range(a.shape[-1]):
        value = fma(a[..., i], b[..., i], value)
    return canonical(value)


def total(x: Array) -> Array:
    """The sum over the last axis in sixteen lanes and a tree (section 3), in the format of `x`."""
    return _gathered(x, np.add, 0)


def product(x: Array) -> Array:
    """The product over the last axis, in lanes and a tree as a sum (section 3)."""
    return _gathered(x, np.multiply, 1)


@quiet
def _gathered(x: Array, operation: np.ufunc, start: int) -> Array:
    lanes = lanes_for(x.shape[-1], x.shape[:-1], x.dtype, start)
    for i in range(0, x.shape[-1], LANES):
        block = x[..., i : i + LANES]
        lane = lanes[..., : block.shape[-1]]
        operation(lane, block, out=lane)
    return tree(lanes, operation)


def lanes_for(n: int, shape: tuple[int, ...], dtype: DTypeLike, start: int = 0) -> Array:
    """(*shape, lanes), for `n` elements each. Lanes that none of them falls into are left out: x + 0 is x (no lane
    is −0), and so is x × 1.
    """
    width = min(LANES, 1 << max(0, n - 1).bit_length())
    return np.full((*shape, width), start, dtype)


@quiet
def tree(lanes: Array, operation: np.ufunc = np.add) -> Array:
    """One of the lanes of the last axis, whose number is a power of two."""
    width = lanes.shape[-1]
    while width > 1:
        width //= 2
        lanes = operation(lanes[..., :width], lanes[..., width : 2 * width])
    return canonical(lanes[..., 0])


@quiet
def greatest(a: Array, b: Array) -> Array:
    """NaN if either is; of two zeros +0."""
    return _extreme(a, b, a > b, np.bitwise_and)


@quiet
def least(a: Array, b: Array) -> Array:
    """NaN if either is; of two zeros −0."""
    return _extreme(a, b, a < b, np.bitwise_or)


def _extreme(a: Array, b: Array, first: Array, of_equals: np.ufunc) -> Array:
    """Numbers that are equal differ in the sign of a zero at most, which is one bit."""
    if a.dtype not in _BITS:
        return np.where(first, a, b)
    bits = _BITS[a.dtype]
    equal = of_equals(a.view(bits), b.view(bits)).view(a.dtype)
    chosen = np.where(a == b, equal, np.where(first, a, b))
    nan = bits(_NAN[a.dtype])
    return np.where(np.isnan(a) | np.isnan(b), nan, chosen.view(bits)).view(a.dtype)


@quiet
def converted(x: Array, to: DTypeLike) -> Array:
    """To another type. Floats to integers: towards zero, an end for what lies beyond it, 0 for NaN. Integers to
    integers: modulo 2ⁿ. Anything to Boolean: whether it is not 0. To the type that it has: nothing is done.
    """
    target = np.dtype(to)
    if x.dtype == target:
        return x
    if target == np.bool_:
        return np.asarray(x != 0)
    if x.dtype.kind != "f" or target.kind == "f":
        return canonical(x.astype(target))
    ends = np.iinfo(target)
    inside = (x > ends.min) & (x < float(ends.max) + 1)  # an end that is no float is rounded outwards, to 2ⁿ
    whole = np.where(inside, np.trunc(x), 0).astype(target)
    beyond = np.where(x > 0, target.type(ends.max), target.type(ends.min))
    return np.where(inside, whole, np.where(np.isnan(x), target.type(0), beyond))
