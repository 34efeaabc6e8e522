"""Sub and Mul: one IEEE operation of floats, modulo 2ⁿ of integers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
INT32 = st.integers(-(2**31), 2**31 - 1)
EXACT = {"Sub": lambda a, b: a - b, "Mul": lambda a, b: a * b}


@pytest.mark.parametrize("name", EXACT)
@given(a=FINITE, b=FINITE)
def test_floats_are_the_exact_value_rounded_once(name, a, b):
    exact = EXACT[name](Fraction(a), Fraction(b))
    if exact != 0:
        got = operate(name, np.float32([a]), np.float32([b]), version=14)
        assert bits(np.abs(got)) == bits(np.float32([abs(float32(exact))]))
        assert np.signbit(got[0]) == (exact < 0)


@pytest.mark.parametrize("name", EXACT)
@given(a=INT32, b=INT32)
def test_integers_are_taken_modulo(name, a, b):
    got = operate(name, np.int32([a]), np.int32([b]), version=14)
    assert int(got[0]) % 2**32 == EXACT[name](a, b) % 2**32


def test_zeros_and_what_is_no_number():
    inf, nan = np.inf, np.nan
    a, b = np.float32([0.0, -0.0, inf, nan]), np.float32([0.0, 0.0, inf, 1])
    assert bits(operate("Sub", a, b, version=14)) == [0, 0x80000000, 0x7FC00000, 0x7FC00000]
    a, b = np.float32([0.0, -0.0, inf, 2.0**-149]), np.float32([-1.0, 0.0, 0.0, 0.5])
    assert bits(operate("Mul", a, b, version=14)) == [0x80000000, 0x80000000, 0x7FC00000, 0]
