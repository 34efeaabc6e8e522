"""Max and Min: NaN if any is, +0 the greater of two zeros, any number of inputs."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

PAYLOAD = np.uint32([0xFFC12345]).view(np.float32)


@pytest.mark.parametrize(("name", "of_zeros", "of_rest"), [("Max", 0, 5), ("Min", 0x80000000, -5)])
def test_zeros_have_an_order_and_a_nan_is_never_passed_over(name, of_zeros, of_rest):
    a = np.float32([0.0, -0.0, np.nan, 5, 5])
    b = np.float32([-0.0, 0.0, 1, -5, np.nan])
    want = [of_zeros, of_zeros, 0x7FC00000, *bits(np.float32([of_rest])), 0x7FC00000]
    assert bits(operate(name, a, b, version=13)) == want
    assert bits(operate(name, b, a, version=13)) == want


def test_of_three_and_of_one():
    x = [np.float32([1, 2]), np.float32([[3], [0]]), np.float32(2)]
    assert operate("Max", *x, version=8).tolist() == [[3, 3], [2, 2]]
    assert operate("Min", *x, version=8).tolist() == [[1, 2], [0, 0]]
    assert bits(operate("Max", PAYLOAD, version=13)) == [0x7FC00000]


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.float64])
def test_of_other_types(dtype):
    a, b = np.array([1, 100], dtype), np.array([2, 3], dtype)
    assert operate("Max", a, b, version=13).tolist() == [2, 100]
    assert operate("Min", a, b, version=13).tolist() == [1, 3]


def test_float16_is_refused():
    with pytest.raises(Refused, match="type of input 0"):
        operate("Max", np.ones(2, np.float16), version=13)
