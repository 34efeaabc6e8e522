"""Neg, Abs and Sign: of floats bit operations, of integers modulo 2ⁿ."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

PATTERNS = [
    0x00000000,
    0x80000000,
    0x00000001,
    0x80000001,
    0x7F800000,
    0x7FC12345,
    0xFFC12345,
    0x7F800001,
    0xC0490FDB,
]
X = np.uint32(PATTERNS).view(np.float32)


def test_only_the_sign_bit_changes_and_that_of_a_nan_too():
    assert bits(operate("Neg", X, version=13)) == [each ^ 0x80000000 for each in PATTERNS]
    assert bits(operate("Abs", X, version=13)) == [each & 0x7FFFFFFF for each in PATTERNS]


def test_a_sign_is_one_of_three_numbers_or_nan():
    want = [0, 0, 0x3F800000, 0xBF800000, 0x3F800000, 0x7FC00000, 0x7FC00000, 0x7FC00000, 0xBF800000]
    assert bits(operate("Sign", X, version=13)) == want


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_the_least_integer_has_no_opposite(dtype):
    least = np.iinfo(dtype).min
    x = np.array([least, -1, 0, 5], dtype)
    assert operate("Neg", x, version=13).tolist() == [least, 1, 0, -5]
    assert operate("Abs", x, version=13).tolist() == [least, 1, 0, 5]
    assert operate("Sign", x, version=13).tolist() == [-1, -1, 0, 1]
    assert operate("Neg", x[0], version=13).tolist() == least


def test_unsigned_integers():
    assert operate("Abs", np.uint8([200]), version=13).tolist() == [200]
    assert operate("Sign", np.uint8([200, 0]), version=13).tolist() == [1, 0]
    with pytest.raises(Refused, match="type of X"):
        operate("Neg", np.uint8([200]), version=13)
