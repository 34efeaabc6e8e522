"""Clip: never below the one bound, never above the other; the upper one wins."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

LARGEST = np.finfo(np.float32).max
X = np.float32([-np.inf, -5, -0.0, 0.0, 5, np.inf, np.nan])


def test_bounds_as_inputs():
    got = operate("Clip", X, np.float32(-1), np.float32(2), version=13)
    assert bits(got) == bits(np.float32([-1, -1, -0.0, 0, 2, 2, np.nan]))


def test_bounds_as_attributes():
    assert bits(operate("Clip", X, version=6, min=-1.0, max=2.0)) == bits(
        np.float32([-1, -1, -0.0, 0, 2, 2, np.nan])
    )


@pytest.mark.parametrize("version", [6, 11, 13])
def test_bounds_that_are_left_out_are_the_largest_numbers(version):
    assert bits(operate("Clip", X, version=version)) == bits(np.float32([-LARGEST, *X[1:5], LARGEST, np.nan]))


def test_one_bound_alone():
    assert operate("Clip", X[1:6], None, np.float32([3]), version=12).tolist() == [-5, 0, 0, 3, 3]
    assert operate("Clip", np.uint8([1, 200]), np.uint8(7), version=12).tolist() == [7, 200]
    assert operate("Clip", np.int64([-(2**63), 2**63 - 1]), version=12).tolist() == [-(2**63), 2**63 - 1]


def test_the_upper_bound_wins_and_zeros_have_an_order():
    assert operate("Clip", X[1:5], np.float32(3), np.float32(1), version=13).tolist() == [1, 1, 1, 1]
    assert bits(operate("Clip", X[2:4], np.float32(0), None, version=13)) == [0, 0]
    assert bits(operate("Clip", X[2:4], None, np.float32(-0.0), version=13)) == [0x80000000] * 2


def test_a_bound_that_is_no_number_makes_all_of_it_none():
    assert bits(operate("Clip", X[1:3], np.float32(np.nan), None, version=13)) == [0x7FC00000] * 2


@pytest.mark.parametrize(
    ("low", "detail"), [(np.ones(2, np.float32), "shape of min"), (np.float64(1), "different types")]
)
def test_what_is_no_bound_is_refused(low, detail):
    with pytest.raises(Refused, match=detail):
        operate("Clip", X, low, version=11)


def test_without_axes():
    assert operate("Clip", np.float32(7), np.float32(0), np.float32(6), version=13).tolist() == 6
