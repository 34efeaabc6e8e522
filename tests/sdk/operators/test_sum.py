"""Sum and Mean of several tensors: from the first to the last, each step rounded."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

BIG, ONE = np.float32([2.0**24]), np.float32([1])


def test_the_order_is_that_of_the_inputs():
    assert operate("Sum", BIG, ONE, ONE, version=13).tolist() == [2.0**24]
    assert operate("Sum", ONE, ONE, BIG, version=13).tolist() == [2.0**24 + 2]
    assert operate("Mean", ONE, ONE, BIG, version=13).tolist() == [np.float32(2.0**24 + 2) / np.float32(3)]


def test_a_mean_is_of_as_many_as_there_are():
    x = [np.float32([[1], [2]]), np.float32([3, 6]), np.float32(5)]
    assert operate("Mean", *x, version=8).tolist() == [
        [3, 4],
        [np.float32(10) / np.float32(3), np.float32(13) / 3],
    ]


@pytest.mark.parametrize("name", ["Sum", "Mean"])
def test_of_one_it_is_itself_but_for_a_nan(name):
    x = np.uint32([0x80000000, 0x00000001, 0xFFC00001]).view(np.float32)
    assert bits(operate(name, x, version=13)) == [0x80000000, 1, 0x7FC00000]


def test_doubles_stay_doubles():
    got = operate("Sum", np.float64([0.1]), np.float64([0.2]), version=13)
    assert got.tolist() == [0.1 + 0.2]


def test_integers_are_refused():
    with pytest.raises(Refused, match="type of input 0"):
        operate("Sum", np.int32([1]), np.int32([2]), version=13)
