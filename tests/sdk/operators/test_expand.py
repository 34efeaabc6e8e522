"""Expand and Tile."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate


def expand(x, shape):
    return operate("Expand", x, np.int64(shape), version=13, constant=(1,))


def test_axes_of_length_one_are_repeated_of_the_tensor_or_of_the_shape():
    assert expand(np.int32([[1], [2]]), [3]).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert expand(np.int32([[1, 2]]), [2, 1, 1]).tolist() == [[[1, 2]], [[1, 2]]]
    assert expand(np.int32(7), [2]).tolist() == [7, 7]
    assert expand(np.zeros((0, 1)), [1, 0]).shape == (0, 0)


@pytest.mark.parametrize(("shape", "detail"), [([2], "together"), ([-1], "negative")])
def test_other_shapes_are_refused(shape, detail):
    with pytest.raises(Refused, match=detail):
        expand(np.zeros(3), shape)


def test_a_shape_may_have_more_axes_than_an_array():
    with pytest.raises(Refused, match="do not fit together"):
        expand(np.zeros(3), [*(1,) * 80, 2])


def tile(x, repeats):
    return operate("Tile", x, np.int64(repeats), version=13, constant=(1,))


def test_tiles_lie_side_by_side():
    assert tile(np.int8([[1, 2], [3, 4]]), [2, 2]).tolist() == [[1, 2] * 2, [3, 4] * 2] * 2
    assert tile(np.int8(5), []).tolist() == 5


def test_no_tiles_take_no_memory_on_the_way():
    assert tile(np.ones((1, 1)), [2**31, 0]).shape == (2**31, 0)
    assert tile(np.ones((2, 0)), [1, 2**62]).shape == (2, 0)


@pytest.mark.parametrize("repeats", [[1], [1, -1], [1, 1, 1]])
def test_repeats_are_one_for_each_axis(repeats):
    with pytest.raises(Refused, match="repeats"):
        tile(np.zeros((2, 2)), repeats)
