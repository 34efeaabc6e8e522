"""Gather, GatherElements and GatherND; what they make of indices out of range."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

X = np.int64([[10, 11], [20, 21], [30, 31]])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_indices_take_the_place_of_the_axis(dtype):
    indices = np.array([[2, 0], [-1, -3]], dtype)
    assert operate("Gather", X, indices, version=13).tolist() == [[[30, 31], [10, 11]], [[30, 31], [10, 11]]]
    assert operate("Gather", X, np.array(1, dtype), version=13, axis=-1).tolist() == [11, 21, 31]


def test_one_of_a_list_has_no_axes():
    assert operate("Gather", np.float32([5, 6]), np.int64(-1), version=1).tolist() == 6


ENDS = np.int64([3, 99, 2**63 - 1, -4, -99, -(2**63)])


def test_an_index_out_of_range_is_the_nearest_end():
    assert operate("Gather", X[:, 0], ENDS, version=13).tolist() == [30, 30, 30, 10, 10, 10]
    assert operate("GatherElements", X[:, 0], ENDS, version=13).tolist() == [30, 30, 30, 10, 10, 10]
    assert operate("GatherND", X[:, 0], ENDS[:, None], version=13).tolist() == [30, 30, 30, 10, 10, 10]


def test_of_nothing_nothing_can_be_taken():
    nothing = np.zeros((0, 2))
    assert operate("Gather", nothing, np.zeros(0, np.int64), version=13).shape == (0, 2)
    for name, indices in (("Gather", [0]), ("GatherElements", [[0, 0]]), ("GatherND", [[0]])):
        with pytest.raises(Refused, match="no elements"):
            operate(name, nothing, np.int64(indices), version=13)


@pytest.mark.parametrize(
    ("x", "indices", "axis", "detail"),
    [
        (X, np.float32([0]), 0, "type of indices"),
        (X, np.int64([0]), 2, "axis"),
        (np.int64(1), np.int64(0), 0, "axis"),
    ],
)
def test_what_cannot_be_taken_is_refused(x, indices, axis, detail):
    with pytest.raises(Refused, match=detail):
        operate("Gather", x, indices, version=13, axis=axis)


def test_each_element_by_an_index_of_its_own():
    made = operate("GatherElements", X, np.int64([[1, -1], [0, 0]]), version=13, axis=1)
    assert made.tolist() == [[11, 11], [20, 20]]
    made = operate("GatherElements", X, np.int64([[2], [0], [-1], [1]]), version=11, axis=-2)
    assert made.tolist() == [[30], [10], [30], [20]]


@pytest.mark.parametrize("indices", [np.int64([0]), np.zeros((1, 3), np.int64)])
def test_other_axes_are_no_longer_than_those_of_the_data(indices):
    with pytest.raises(Refused, match="shape of indices"):
        operate("GatherElements", X, indices, version=13)


def test_an_index_may_be_of_several_axes():
    assert operate("GatherND", X, np.int64([[1, 1], [-1, 0]]), version=11).tolist() == [21, 30]
    assert operate("GatherND", X, np.int64([1]), version=13).tolist() == [20, 21]
    assert operate("GatherND", X, np.int64([1, -1]), version=13).tolist() == 21


def test_leading_axes_may_be_in_common():
    x = np.arange(12).reshape(2, 2, 3)
    made = operate("GatherND", x, np.int64([[[1], [0]], [[0], [0]]]), version=12, batch_dims=1)
    assert made.tolist() == [[[3, 4, 5], [0, 1, 2]], [[6, 7, 8], [6, 7, 8]]]
    made = operate("GatherND", x, np.int64([[[2], [0]], [[1], [-1]]]), version=13, batch_dims=2)
    assert made.tolist() == [[2, 3], [7, 11]]


@pytest.mark.parametrize(
    ("indices", "batch", "detail"),
    [
        (np.zeros((3, 3), np.int64), 0, "length of an index"),
        (np.zeros((3, 0), np.int64), 0, "length of an index"),
        (np.zeros((3, 2), np.int64), 1, "length of an index"),
        (np.zeros((2, 1), np.int64), 1, "batch_dims"),
        (np.zeros((3, 1), np.int64), 2, "batch_dims"),
        (np.zeros((3, 1), np.int64), -1, "batch_dims"),
        (np.zeros((3, 1), np.int32), 0, "type of indices"),
    ],
)
def test_indices_that_do_not_fit_are_refused(indices, batch, detail):
    with pytest.raises(Refused, match=detail):
        operate("GatherND", X, indices, version=13, batch_dims=batch)
