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
