"""Sines, cosines, tangents and the angles they belong to, of float32 (section 4).

Evaluated in double by fixed steps and rounded once, as in `functions`. An angle of any size is brought into its
quadrant: by π/2 in three parts, or, from 2²⁰ on, by integers.
"""

from __future__ import annotations

import numpy as np

from assay.operators.arithmetic import Array, quiet
from assay.operators.functions import doubles, polynomial, rounded

TWO_OVER_PI, HALF_PI, QUARTER_PI = doubles("0x1.45f306dc9c883p-1 0x1.921fb54442d18p+0 0x1.921fb54442d18p-1")
HALF_PI_PARTS = doubles("0x1.921fb54400000p+0 0x1.0b4611a600000p-34 0x1.3198a2e037073p-69")

SIN = doubles(
    """0x1p+0 -0x1.555555555516ap-3 0x1.1111110fd3935p-7 -0x1.a019fd9a9838bp-13 0x1.71d9a97cd3c34p-19
    -0x1.aa28204b8cc64p-26"""
)
COS = doubles(
    """0x1p+0 -0x1.ffffffffffffap-2 0x1.5555555554131p-5 -0x1.6c16c1691cef0p-10 0x1.a019fc7a81ca5p-16
    -0x1.27e0f50f770a1p-22 0x1.1c062221cb53bp-29"""
)
ATAN = doubles(
    """0x1p+0 -0x1.555555555260ep-2 0x1.999999885befbp-3 -0x1.249240d9941d8p-3 0x1.c7196338febe7p-4
    -0x1.7415affa08e33p-4 0x1.377de082fa570p-4 -0x1.edbfaee18e70fp-5 0x1.0df7a02661596p-5"""
)
ATAN_NEAR, ATAN_FAR = 0.4142, 2.4142  # about the tangents of π/8 and 3π/8

EXACT_QUADRANTS = 2.0**20  # from here on, π/2 in three parts is too short
TWO_OVER_PI_INTEGER = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561  # ⌊2/π × 2²⁵⁶⌋
BLOCK = 2**16  # of such angles are gone about at a time: each takes the memory of forty
_DIGITS = tuple(TWO_OVER_PI_INTEGER >> 32 * i & 0xFFFFFFFF for i in range(8))


# --- what is asked ----------------------------------------------------------------------------------------------


@quiet
def sin(x: Array) -> Array:
    quadrant, sine, cosine = _quadrant(x)
    return rounded(_turned(quadrant, sine, cosine))


@quiet
def cos(x: Array) -> Array:
    quadrant, sine, cosine = _quadrant(x)
    return rounded(_turned(quadrant + 1, sine, cosine))


@quiet
def tan(x: Array) -> Array:
    quadrant, sine, cosine = _quadrant(x)
    return rounded(np.where(quadrant % 2 == 0, sine / cosine, -cosine / sine))


@quiet
def asin(x: Array) -> Array:
    """NaN beyond ±1, where there is no root."""
    x = x.astype(np.float64)
    return rounded(atan_in_double(x / np.sqrt((1.0 - x) * (1.0 + x))))


@quiet
def acos(x: Array) -> Array:
    """NaN beyond ±1, where there is no root."""
    x = x.astype(np.float64)
    return rounded(2.0 * atan_in_double(np.sqrt((1.0 - x) / (1.0 + x))))


@quiet
def atan(x: Array) -> Array:
    return rounded(atan_in_double(x.astype(np.float64)))


# --- in double --------------------------------------------------------------------------------------------------


def atan_in_double(x: Array) -> Array:
    """0, π/4 or π/2, and the angle from there."""
    size = np.abs(x)
    near, far = size < ATAN_NEAR, size > ATAN_FAR
    above = np.where(near, size, np.where(far, -1.0, size - 1.0))
    below = np.where(near, 1.0, np.where(far, size, size + 1.0))
    start = np.where(near, 0.0, np.where(far, HALF_PI, QUARTER_PI))
    t = above / below
    return np.copysign(start + t * polynomial(ATAN, t * t), x)


def _turned(quadrant: Array, sine: Array, cosine: Array) -> Array:
    value = np.where(quadrant % 2 == 0, sine, cosine)
    return np.where(quadrant % 4 >= 2, -value, value)


def _quadrant(x: Array) -> tuple[Array, Array, Array]:
    """n modulo 4, and sine and cosine of r, where x = n π/2 + r. Of what is not finite, r is NaN."""
    wide = x.astype(np.float64).reshape(-1)
    size = np.abs(wide)
    near = np.where(size < EXACT_QUADRANTS, wide, 0.0)
    n = np.rint(near * TWO_OVER_PI) + 0.0  # +0 rather than −0, so that the sine of −0 is −0
    high, middle, low = HALF_PI_PARTS
    r = ((near - n * high) - n * middle) - n * low
    n = n.astype(np.int64)
    far = np.flatnonzero((size >= EXACT_QUADRANTS) & (size < np.inf))
    for start in range(0, far.size, BLOCK):
        places = far[start : start + BLOCK]
        n[places], r[places] = _far_quadrant(wide[places])
    r = np.where(np.isfinite(wide), r, np.nan).reshape(x.shape)
    square = r * r
    return n.reshape(x.shape) % 4, r * polynomial(SIN, square), polynomial(COS, square)


def _far_quadrant(x: Array) -> tuple[Array, Array]:
    """By integers: exact until the rest is rounded. Finite x only."""
    mantissa, exponent = np.frexp(np.abs(x))
    turns = _times_two_over_pi((mantissa * 2.0**24).astype(np.uint64), exponent.astype(np.int64) - 24)
    n, rest = (turns >> 62).astype(np.int64), (turns & (2**62 - 1)).astype(np.int64)
    late = rest >= 2**61
    n, rest = n + late, rest - late * 2**62
    r = (rest.astype(np.float64) * 2.0**-62) * HALF_PI
    return np.where(x < 0, -n, n), np.where(x < 0, -r, r)


def _times_two_over_pi(m: Array, e: Array) -> Array:
    """⌊m × ⌊2/π × 2²⁵⁶⌋ × 2^(e − 194)⌋ modulo 2⁶⁴: m 2ᵉ in units of 2⁻⁶² quadrants, for m < 2²⁴, −3 ≤ e ≤ 104."""
    product, carry = np.zeros((len(_DIGITS) + 1, *m.shape), np.uint64), np.zeros_like(m)
    for i, digit in enumerate(_DIGITS):
        carry = m * np.uint64(digit) + carry
        product[i], carry = carry & 0xFFFFFFFF, carry >> 32
    product[-1] = carry
    first, offset = np.divmod(194 - e, 32)
    low, middle, high = (np.take_along_axis(product, (first + i)[None], 0)[0] for i in range(3))
    by = offset.astype(np.uint64)
    return np.asarray((high << 32 | middle) << (32 - by) | low >> by)
