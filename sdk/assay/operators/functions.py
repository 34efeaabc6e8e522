"""Elementary functions of float32: evaluated in double by fixed steps, rounded once (section 4).

No library is asked: the last bit of glibc's `expf` depends on the instruction set, that of NumPy's on its version.
The polynomials are near-minimax fits whose leading coefficients are exact; their coefficients are part of the
specification. What is called `…_in_double` takes float32 values as doubles and gives a double that is still to be
rounded.
"""

from __future__ import annotations

import numpy as np

from assay.operators.arithmetic import Array, canonical, quiet


def doubles(text: str) -> tuple[float, ...]:
    return tuple(float.fromhex(each) for each in text.split())


LOG2_E, LN2 = doubles("0x1.71547652b82fep+0 0x1.62e42fefa39efp-1")
LN2_HIGH, LN2_LOW = doubles("0x1.62e42fefa2000p-1 0x1.9ef35793c7673p-41")
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")

EXP = doubles(
    """0x1p+0 0x1.fffffffff61ddp-1 0x1.fffffffffe062p-2 0x1.5555557e7777ep-3 0x1.55555565c7e0ep-5
    0x1.1110a6173845ep-7 0x1.6c166bde96885p-10 0x1.a17e052cd2c8fp-13 0x1.a136bf03ec612p-16"""
)
ATANH = doubles(
    """0x1p+0 0x1.5555555555157p-2 0x1.9999999bd81f3p-3 0x1.2492477e1dce5p-3 0x1.c71d5d8ecb89dp-4
    0x1.743cf2e7a943ep-4 0x1.3d6fb1589de81p-4 0x1.f1cd3c3f72266p-5 0x1.6cb6b520b2eb7p-4"""
)
TANH = doubles(
    """0x1p+0 -0x1.5555555539b22p-2 0x1.111110643ece9p-3 -0x1.ba1a472a39970p-5 0x1.65d545b29e287p-6
    -0x1.10c5530715930p-7"""
)
ERF = doubles(
    """0x1.6fcd22af73265p-2 -0x1.7b26f08ca816ap-6 0x1.237b69153afa5p-9 -0x1.ea83a91df6a76p-13
    0x1.a51fecd7e613fp-16 -0x1.642a6be3cfd5cp-19 0x1.2240db7a8368bp-22 -0x1.c18aa60398690p-26
    0x1.4826ed9dd7165p-29 -0x1.c1d1f0656dc32p-33 0x1.21178b60ff135p-36 -0x1.5c8869f5d3af1p-40
    0x1.8accf2653a3bep-44 -0x1.a57ea40d5bd84p-48 0x1.a7c200f716211p-52 -0x1.8e8260c4f0a52p-56
    0x1.6796047ab9d20p-60 -0x1.48b23de64724cp-64 0x1.09dd254257151p-68 -0x1.1df2f8c059e42p-73
    0x1.b4e8e8dcc00abp-78 -0x1.755b5e360ca92p-81 0x1.f2d91b984d040p-86"""
)

FARTHEST = 700.0  # beyond which `exp` is 0 or infinite as float32 anyway, even times another float32
EXPM1_NEAR = TANH_NEAR = ATANH_NEAR = 0.25
ASINH_NEAR = 0.5
ERF_END, ERF_CENTRE = 3.93, 7.75


# --- what is asked ----------------------------------------------------------------------------------------------


@quiet
def exp(x: Array) -> Array:
    return rounded(exp_in_double(x.astype(np.float64)))


@quiet
def log(x: Array) -> Array:
    return rounded(log_in_double(x.astype(np.float64)))


@quiet
def tanh(x: Array) -> Array:
    return rounded(tanh_in_double(x.astype(np.float64)))


@quiet
def erf(x: Array) -> Array:
    return rounded(erf_in_double(x.astype(np.float64)))


@quiet
def sigmoid(x: Array) -> Array:
    return rounded(1.0 / (1.0 + exp_in_double(-x.astype(np.float64))))


@quiet
def softplus(x: Array) -> Array:
    return rounded(softplus_in_double(x.astype(np.float64)))


@quiet
def sinh(x: Array) -> Array:
    t = expm1_in_double(np.abs(x.astype(np.float64)))
    return rounded(np.copysign(0.5 * (t + t / (t + 1.0)), x))


@quiet
def cosh(x: Array) -> Array:
    t = exp_in_double(np.abs(x.astype(np.float64)))
    return rounded(0.5 * (t + 1.0 / t))


@quiet
def asinh(x: Array) -> Array:
    size = np.abs(x.astype(np.float64))
    root = np.sqrt(size * size + 1.0)
    near = log1p_in_double(size + size * size / (1.0 + root))
    return rounded(np.copysign(np.where(size < ASINH_NEAR, near, log_in_double(size + root)), x))


@quiet
def acosh(x: Array) -> Array:
    """NaN below 1."""
    wide = x.astype(np.float64)
    above = log_in_double(wide + np.sqrt(wide * wide - 1.0))  # the square is exact: near 1 little is lost
    return rounded(np.where(wide < 1, np.nan, above))


@quiet
def atanh(x: Array) -> Array:
    """±∞ of ±1, NaN beyond."""
    size = np.abs(x.astype(np.float64))
    far = 0.5 * log_in_double((1.0 + size) / (1.0 - size))
    return rounded(np.copysign(np.where(size < ATANH_NEAR, atanh_in_double(size), far), x))


@quiet
def power(x: Array, y: Array) -> Array:
    """x to the y: where y is 2, one product; otherwise exp(y × log|x|) and a sign."""
    x, y = np.broadcast_arrays(x, y)
    base, exponent = x.astype(np.float64), y.astype(np.float64)
    size = np.abs(base)
    whole = np.isinf(exponent) | (np.trunc(exponent) == exponent)
    odd = whole & (np.abs(exponent) < 2.0**24) & (np.fmod(exponent, 2.0) != 0)
    power = exp_in_double(np.where(size == 1, 0.0, exponent * log_in_double(size)))
    negative = np.signbit(base)
    power = np.where(negative & odd, -power, power)
    power = np.where(negative & ~whole & np.isfinite(base) & (base != 0), np.nan, power)
    power = np.where(np.isnan(base) | np.isnan(exponent), np.nan, power)
    power = np.where((exponent == 0) | (base == 1), 1.0, power)
    return np.where(y == 2, canonical(x * x), rounded(power))


def rounded(x: Array) -> Array:
    """To float32, once, with one NaN."""
    return canonical(x.astype(np.float32))


# --- in double --------------------------------------------------------------------------------------------------


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """By Horner's scheme from the highest power down: each step a product and a sum, rounded apart."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value


def exp_in_double(x: Array) -> Array:
    """2ⁿ × p(r), where x = n ln 2 + r."""
    within = np.clip(x, -FARTHEST, FARTHEST)
    n = np.rint(within * LOG2_E)
    r = within - n * LN2  # rounded, which is far below what float32 shows
    return np.ldexp(polynomial(EXP, r), np.where(np.isnan(n), 0, n).astype(np.int32))


def expm1_in_double(x: Array) -> Array:
    """exp x − 1: for small x by the polynomial of `exp` without its 1, which would cancel."""
    small = np.clip(x, -EXPM1_NEAR, EXPM1_NEAR)
    return np.where(np.abs(x) < EXPM1_NEAR, small * polynomial(EXP[1:], small), exp_in_double(x) - 1.0)


def log_in_double(x: Array) -> Array:
    """e ln 2 + 2 atanh((m − 1) / (m + 1)), where x = m 2ᵉ and √½ ≤ m < √2. −∞ of zeros, NaN below."""
    m, e = np.frexp(np.where((x > 0) & (x < np.inf), x, 1.0))
    low = m < SQRT_HALF
    m, e = np.where(low, m + m, m), np.where(low, e - 1, e).astype(np.float64)
    finite = e * LN2_HIGH + (2.0 * atanh_in_double((m - 1.0) / (m + 1.0)) + e * LN2_LOW)
    return np.where(x == 0, -np.inf, np.where(x == np.inf, np.inf, np.where(x > 0, finite, np.nan)))


def tanh_in_double(x: Array) -> Array:
    size = np.abs(x)
    t = exp_in_double(-2.0 * size)
    return np.where(size < TANH_NEAR, x * polynomial(TANH, x * x), np.copysign((1.0 - t) / (1.0 + t), x))


def erf_in_double(x: Array) -> Array:
    near = np.clip(x, -ERF_END, ERF_END)
    return np.where(np.abs(x) >= ERF_END, np.copysign(1.0, x), near * polynomial(ERF, near * near - ERF_CENTRE))


def softplus_in_double(x: Array) -> Array:
    t = exp_in_double(-np.abs(x))
    return np.where(x > 0, x, 0.0) + log1p_in_double(t)


def log1p_in_double(t: Array) -> Array:
    """log(1 + t), for 0 ≤ t ≤ 1."""
    return 2.0 * atanh_in_double(t / (2.0 + t))


def atanh_in_double(s: Array) -> Array:
    """For |s| ≤ 1/3."""
    return s * polynomial(ATANH, s * s)
