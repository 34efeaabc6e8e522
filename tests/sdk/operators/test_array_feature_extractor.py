"""Features taken by index, as Gather does."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import bits, operate


def extract(x, y):
    return operate("ArrayFeatureExtractor", x, np.int64(y), version=1, domain=ML)


def test_features_are_taken_from_the_last_axis():
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert extract(x, [3, 0]).tolist() == [[3, 0], [7, 4], [11, 8]]
    assert extract(x, [[1], [1]]).tolist() == [[1, 1], [5, 5], [9, 9]]
    assert extract(x.reshape(1, 3, 4), 2).tolist() == [[[2], [6], [10]]]


def test_a_list_gives_a_row():
    assert extract(np.int64([10, 20, 30]), [[2], [0]]).tolist() == [[30, 10]]


def test_bits_are_kept():
    x = np.uint32([[0x7FC00001, 0x80000000]]).view(np.float32)
    assert bits(extract(x, [1, 0])) == [[0x80000000, 0x7FC00001]]


def test_an_index_out_of_range_is_brought_to_the_nearest_end():
    x = np.float32([[1, 2, 3]])
    assert extract(x, [-1, -3, -4, 3, 2**62, -(2**62)]).tolist() == [[3, 1, 1, 3, 3, 1]]


def test_nothing_may_be_taken():
    assert extract(np.zeros((2, 0), np.float32), np.zeros(0)).shape == (2, 0)


@pytest.mark.parametrize(("shape", "y"), [((2, 0), [0]), ((), [0])])
def test_there_must_be_features(shape, y):
    with pytest.raises(Refused, match=r"features|shape"):
        extract(np.zeros(shape, np.float32), y)


def test_indices_are_int64():
    with pytest.raises(Refused, match="type of Y"):
        operate("ArrayFeatureExtractor", np.float32([1]), np.int32([0]), version=1, domain=ML)
