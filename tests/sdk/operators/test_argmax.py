"""ArgMax, ArgMin, Hardmax: the first of equals, NaNs before all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

VALUES = st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45]), min_size=1, max_size=40)


def found(values, better, last):
    """By going over them."""
    at = 0
    for i, value in enumerate(values):
        most = values[at]
        equal = value == most or (np.isnan(value) and np.isnan(most))
        if (equal and last) or (not equal and not np.isnan(most) and (np.isnan(value) or better(value, most))):
            at = i
    return at


@pytest.mark.parametrize(("name", "better"), [("ArgMax", lambda a, b: a > b), ("ArgMin", lambda a, b: a < b)])
@pytest.mark.parametrize("last", [0, 1])
@given(values=VALUES)
def test_of_equals_it_is_the_first_or_the_last_and_a_nan_goes_before(name, better, last, values):
    x = np.float32(values)
    got = operate(name, x, version=13, axis=0, keepdims=0, select_last_index=last)
    assert got.dtype == np.int64
    assert got.tolist() == found(x.tolist(), better, last)


def test_axes():
    x = np.int8([[[1, 5, 5], [7, 0, 7]]])
    assert operate("ArgMax", x, version=13, axis=-1).tolist() == [[[1], [0]]]
    assert operate("ArgMax", x, version=13, axis=2, keepdims=0, select_last_index=1).tolist() == [[2, 2]]
    assert operate("ArgMin", x, version=1, axis=1).tolist() == [[[0, 1, 0]]]
    assert operate("ArgMin", np.zeros((0, 3), np.uint8), version=11, axis=1).tolist() == []


@pytest.mark.parametrize("name", ["ArgMax", "Hardmax"])
@pytest.mark.parametrize(
    ("x", "axis", "detail"),
    [
        (np.ones((2, 0), np.float32), 1, "empty"),
        (np.ones(2, np.float32), 1, "axis"),
        (np.float32(1), 0, "axis"),
        (np.array([True]), 0, "type of"),
    ],
)
def test_where_there_is_nothing_to_choose_it_is_refused(name, x, axis, detail):
    with pytest.raises(Refused, match=detail):
        operate(name, x, version=13, axis=axis)


@given(values=VALUES)
def test_the_hard_maximum_is_one_where_the_index_points(values):
    x = np.float32(values)
    at = found(x.tolist(), lambda a, b: a > b, last=0)
    assert bits(operate("Hardmax", x, version=13)) == [0x3F800000 if i == at else 0 for i in range(len(values))]


def test_until_version_13_one_maximum_is_for_all_axes_from_the_one_named():
    x = np.float32([[[1, 2], [3, 0]], [[9, 9], [9, 9]]])
    assert operate("Hardmax", x, version=11).tolist() == [[[0, 0], [1, 0]], [[1, 0], [0, 0]]]
    assert operate("Hardmax", x, version=11, axis=0).tolist() == [[[0, 0], [0, 0]], [[1, 0], [0, 0]]]
    assert operate("Hardmax", x, version=13, axis=1).tolist() == [[[0, 1], [1, 0]], [[1, 1], [0, 0]]]
    assert operate("Hardmax", x, version=1, axis=2).tolist() == operate("Hardmax", x, version=13, axis=-1).tolist()
    with pytest.raises(Refused, match="empty"):
        operate("Hardmax", np.ones((2, 0, 3), np.float32), version=11)
