"""Mod: exact remainders, with the sign of the dividend or of the divisor."""

from fractions import Fraction
from math import floor, trunc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
INT8 = np.arange(-128, 128, dtype=np.int8)


@pytest.mark.parametrize(("fmod", "rounding"), [(0, floor), (1, trunc)])
def test_every_remainder_of_eight_bits(fmod, rounding):
    got = operate("Mod", INT8[:, None], INT8, version=13, fmod=fmod)
    want = [[a - b * rounding(Fraction(a, b)) if b else 0 for b in range(-128, 128)] for a in range(-128, 128)]
    assert got.tolist() == want


@pytest.mark.parametrize("fmod", [0, 1])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int32])
def test_the_ends_of_the_integers(fmod, dtype):
    ends = np.iinfo(dtype)
    a, b = np.array([ends.min, ends.max, ends.max, 7], dtype), np.array([1, 10, ends.max, 0], dtype)
    assert operate("Mod", a, b, version=10, fmod=fmod).tolist() == [0, ends.max % 10, 0, 0]
    assert operate("Mod", a, ~np.zeros_like(a), version=10, fmod=fmod)[0] == 0  # least by −1


@given(a=FINITE, b=FINITE.filter(bool))
@example(a=3.4028234663852886e38, b=2.0**-149)
@example(a=-(2.0**-149), b=3.4028234663852886e38)
@example(a=-6.0, b=3.0)
@example(a=-1 - 2.0**-23, b=2.0)
def test_of_floats(a, b):
    x, y = np.float32([a]), np.float32([b])
    with_dividend = Fraction(a) - Fraction(b) * trunc(Fraction(a) / Fraction(b))
    want = np.copysign(float32(with_dividend), np.float32(a))  # exact: rounding changes nothing
    assert Fraction(float(want)) == with_dividend
    assert bits(operate("Mod", x, y, version=13, fmod=1)) == bits(np.float32([want]))
    floored = Fraction(a) - Fraction(b) * floor(Fraction(a) / Fraction(b))
    assert bits(operate("Mod", x, y, version=28)) == bits(
        np.float32([np.copysign(float32(floored), np.float32(b))])
    )


def test_floats_at_the_edges():
    inf, nan = np.inf, np.nan
    a = np.float32([inf, -inf, 1, -0.0, nan, 2, -2, 2, 0.0])
    b = np.float32([1, inf, 0, -0.0, 1, inf, inf, -inf, -inf])
    assert bits(operate("Mod", a, b, version=28, fmod=1)) == bits(np.float32([nan] * 5 + [2, -2, 2, 0.0]))
    assert bits(operate("Mod", a, b, version=28, fmod=0)) == bits(np.float32([nan] * 5 + [2, inf, -inf, -0.0]))


def test_what_the_version_does_not_have_is_refused():
    x = np.float32([1])
    with pytest.raises(Refused, match="type of"):
        operate("Mod", x, x, version=13)
    with pytest.raises(Refused, match="fmod"):
        operate("Mod", x, x, version=28, fmod=2)
