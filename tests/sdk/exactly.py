"""What functions are, to forty digits and more: plain series over Decimal, to judge results by."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

DIGITS = 70
PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798"
)


def float32(value: Fraction) -> np.float32:
    """The nearest float32, ties to even; by integers alone."""
    if value == 0:
        return np.float32(0)
    sign, size = (-1, -value) if value < 0 else (1, value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    whole, rest = divmod(size, unit)
    whole += 2 * rest > unit or (2 * rest == unit and whole % 2)
    nearest = whole * unit
    return np.float32(sign * (np.inf if nearest >= 2**128 else float(nearest)))


def off_by(got: np.float32, function: Callable[[Decimal], Decimal], *x: np.float32) -> float:
    """How many units in the last place lie between a result and the truth."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = DIGITS, 10**6, -(10**6)
        truth = function(*(Decimal(float(each)) for each in x))
        unit = float(np.spacing(np.abs(got))) if np.isfinite(got) else 2.0**104
        shown = Decimal(float(got)) if np.isfinite(got) else Decimal(2) ** 128 * (1 if got > 0 else -1)
        return float(abs(shown - truth) / Decimal(unit))


def sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def softplus(x: Decimal) -> Decimal:
    return (1 + x.exp()).ln()


def tanh(x: Decimal) -> Decimal:
    """By its exponentials, with digits for what cancels."""
    with localcontext() as context:
        context.prec = 2 * DIGITS
        t = (2 * x).exp()
        return (t - 1) / (t + 1)


def erf(x: Decimal) -> Decimal:
    """2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1))."""
    with localcontext() as context:
        context.prec = 2 * DIGITS
        term, total, n = x, Decimal(0), 0
        while abs(term) > Decimal(10) ** -DIGITS * abs(x):
            total += term / (2 * n + 1)
            n += 1
            term *= -x * x / n
        return 2 * total / PI.sqrt()


def power(x: Decimal, y: Decimal) -> Decimal:
    return (y * x.ln()).exp()


def sin(x: Decimal) -> Decimal:
    turn = x % (2 * PI)
    term, total, n = turn, Decimal(0), 1
    while abs(term) > Decimal(10) ** -DIGITS:
        total += term
        term *= -turn * turn / ((n + 1) * (n + 2))
        n += 2
    return total


def cos(x: Decimal) -> Decimal:
    return sin(x + PI / 2)


def tan(x: Decimal) -> Decimal:
    return sin(x) / cos(x)


def sinh(x: Decimal) -> Decimal:
    """By its exponentials, with digits for what cancels."""
    with localcontext() as context:
        context.prec = 2 * DIGITS
        return (x.exp() - (-x).exp()) / 2


def cosh(x: Decimal) -> Decimal:
    return (x.exp() + (-x).exp()) / 2


def asinh(x: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 2 * DIGITS
        size = abs(x)
        return (size + (size * size + 1).sqrt()).ln().copy_sign(x)


def acosh(x: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 2 * DIGITS
        return (x + (x * x - 1).sqrt()).ln()


def atanh(x: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 2 * DIGITS
        return ((1 + x) / (1 - x)).ln() / 2


def atan(x: Decimal) -> Decimal:
    """Half the angle, three times; then the series."""
    if abs(x) > 1:
        return (PI / 2 - atan(1 / abs(x))).copy_sign(x)
    for _ in range(3):
        x = x / (1 + (1 + x * x).sqrt())
    power, total, n = x, Decimal(0), 1
    while abs(power) > Decimal(10) ** -DIGITS * abs(x):
        total += power / n
        power *= -x * x
        n += 2
    return 8 * total


def asin(x: Decimal) -> Decimal:
    root = ((1 - x) * (1 + x)).sqrt()
    return atan(x / root) if root else (PI / 2).copy_sign(x)


def acos(x: Decimal) -> Decimal:
    return 2 * atan(((1 - x) / (1 + x)).sqrt()) if x > -1 else PI
