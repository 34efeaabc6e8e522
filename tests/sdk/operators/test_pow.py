"""Pow: floats by section 4, integers exactly modulo 2ⁿ."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.operators import functions
from tests.sdk.operators.operating import bits, operate


def power_of_integers(x, y, width):
    """Wrapped to two's complement."""
    value = x if x in (1, -1) and y % 2 else 1 if x in (1, -1) else 0 if y < 0 else pow(x, y, 2**width)
    return (value + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)


@given(x=st.integers(-(2**31), 2**31 - 1), y=st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 40))
@example(x=0, y=-1)
@example(x=0, y=0)
@example(x=-1, y=-(2**63))
@example(x=-1, y=-(2**63) + 1)
@example(x=3, y=-(2**29))  # of which the power is 1 modulo 2³²
@example(x=3, y=2**63 - 1)
def test_of_integers_it_is_exact_but_for_the_upper_bits(x, y):
    got = operate("Pow", np.int32([x]), np.int64([y]), version=15)
    assert got.tolist() == [power_of_integers(x, y, 32)]


def test_exponents_of_other_integers():
    x = np.int64([3, -2, 10])
    assert operate("Pow", x, np.uint64([2**64 - 1, 3, 18]), version=13).tolist() == [
        power_of_integers(3, 2**64 - 1, 64),
        -8,
        10**18,
    ]
    assert operate("Pow", x, np.int8(2), version=12).tolist() == [9, 4, 100]
    assert operate("Pow", np.int64(7), np.int64(0), version=12).tolist() == 1


def test_floats_are_those_of_the_function():
    x, y = np.random.default_rng(1).normal(size=(2, 300)).astype(np.float32)
    assert bits(operate("Pow", x, y, version=7)) == bits(functions.power(x, y))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float64])
def test_the_square_of_floats_is_a_product_whatever_the_type_of_two(dtype):
    x = np.random.default_rng(2).normal(size=300).astype(np.float32)
    assert bits(operate("Pow", x, dtype(2), version=15)) == bits(x * x)


def test_integers_to_a_float_are_converted_back_towards_zero():
    x = np.int32([4, 2, 10, 0, -8, -2, 7])
    y = np.float32([0.5, 0.5, 20, -1, 0.5, 3, np.nan])
    assert operate("Pow", x, y, version=15).tolist() == [2, 1, 2**31 - 1, 2**31 - 1, 0, -8, 0]


@pytest.mark.parametrize("x", [np.float64([2]), np.float16([2]), np.int8([2]), np.uint32([2])])
def test_what_it_does_not_raise_is_refused(x):
    with pytest.raises(Refused, match="type of X"):
        operate("Pow", x, x, version=15)
