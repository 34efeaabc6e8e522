"""Div: IEEE quotients; of integers towards zero, and defined for every divisor."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

INT8 = np.arange(-128, 128, dtype=np.int8)


def towards_zero(a, b):
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def test_every_quotient_of_eight_bits_is_towards_zero_and_by_zero_is_zero():
    got = operate("Div", INT8[:, None], INT8, version=14)
    want = [[towards_zero(a, b) for b in range(-128, 128)] for a in range(-128, 128)]
    want[0][127] = -128  # −128 ÷ −1, modulo 2⁸
    assert got.tolist() == want


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64, np.uint8])
def test_the_ends_of_the_integers(dtype):
    ends = np.iinfo(dtype)
    a = np.array([ends.max, ends.min, ends.max, ends.min, ends.max], dtype)
    b = np.array([0, 0, ends.max, ends.max, 2], dtype)
    want = [0, 0, 1, towards_zero(ends.min, ends.max), ends.max // 2]
    assert operate("Div", a, b, version=14).tolist() == want


@given(
    a=st.floats(width=32, allow_nan=False, allow_infinity=False),
    b=st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool),
)
@example(a=2.0**-149, b=2.0)
@example(a=1.0, b=3.0)
def test_floats_are_the_exact_quotient_rounded_once(a, b):
    got = operate("Div", np.float32([a]), np.float32([b]), version=14)[0]
    assert abs(got) == abs(float32(Fraction(a) / Fraction(b)))
    assert np.signbit(got) == (np.signbit(a) != np.signbit(b))


def test_floats_by_zero():
    a, b = np.float32([1, -1, 1, 0, np.inf]), np.float32([0, 0, -0.0, 0, np.inf])
    assert bits(operate("Div", a, b, version=13)) == bits(np.float32([np.inf, -np.inf, -np.inf, np.nan, np.nan]))


def test_tensors_without_axes():
    assert operate("Div", np.int32(-7), np.int32(2), version=14).tolist() == -3
    assert operate("Div", np.int32(-7), np.int32(0), version=14).tolist() == 0
