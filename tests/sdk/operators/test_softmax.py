"""Softmax and LogSoftmax."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import functions
from tests.sdk.operators.by_hand import nan, numbers, summed
from tests.sdk.operators.operating import bits, operate

INF = np.inf


def softmax(row):
    e = functions.exp(row - row.max())
    return e / summed(e)


def log_softmax(row):
    d = row - row.max()
    return d - functions.log(np.array(summed(functions.exp(d))))


BOTH = pytest.mark.parametrize(("name", "of"), [("Softmax", softmax), ("LogSoftmax", log_softmax)])


@BOTH
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_of_one_axis_since_version_13(name, of, axis):
    x = 10 * numbers(1, 3, 21, 2)
    got = operate(name, x, version=13, axis=axis)
    assert bits(got) == bits(np.apply_along_axis(of, axis, x))


@BOTH
@pytest.mark.parametrize("version", [1, 11])
@pytest.mark.parametrize(("axis", "rows"), [(1, 3), (0, 1), (2, 63), (-1, 63)])
def test_of_all_axes_from_one_on_before(name, of, version, axis, rows):
    x = 10 * numbers(1, 3, 21, 2)
    got = operate(name, x, version=version, axis=axis)
    assert bits(got) == bits(np.array([of(row) for row in x.reshape(rows, -1)]).reshape(x.shape))


@BOTH
def test_the_axis_left_out_is_the_second_once_and_the_last_now(name, of):
    x = numbers(1, 2, 3, 4)
    assert bits(operate(name, x, version=11)) == bits(operate(name, x, version=11, axis=1))
    assert bits(operate(name, x, version=13)) == bits(operate(name, x, version=13, axis=2))


@BOTH
@pytest.mark.parametrize("row", [[INF, 1, 2], [INF, INF, 0], [-INF] * 3, [1, np.nan, 2], [INF, -INF, np.nan]])
def test_a_row_with_infinity_or_nan_or_of_minus_infinity_alone_is_nan_throughout(name, of, row):
    assert bits(operate(name, np.float32(row), version=13)) == [nan()] * 3


def test_minus_infinity_beside_numbers_is_nothing():
    x = np.float32([-INF, 0, 0, -INF])
    assert bits(operate("Softmax", x, version=13)) == bits(np.float32([0, 0.5, 0.5, 0]))
    got = operate("LogSoftmax", x, version=13)
    assert got.tolist()[0] == -INF
    assert bits(got[1]) == bits(-functions.log(np.float32(2)))


def test_great_numbers_do_not_overflow_and_far_ones_vanish():
    x = np.float32([3e38, 3e38, -3e38])
    assert operate("Softmax", x, version=13).tolist() == [0.5, 0.5, 0]


def test_one_element_and_none():
    assert operate("Softmax", np.float32([[7]]), version=13).tolist() == [[1]]
    assert bits(operate("LogSoftmax", np.float32([[7]]), version=13)) == [[0]]
    assert operate("Softmax", np.ones((2, 0), np.float32), version=13).shape == (2, 0)
    assert operate("Softmax", np.ones((0, 2), np.float32), version=11).shape == (0, 2)


@BOTH
def test_what_does_not_fit_is_refused_before_it_runs(name, of):
    for version, axis in [(13, 2), (11, 2), (11, -3)]:
        with pytest.raises(Refused, match="axis"):
            operate(name, numbers(1, 2, 2), version=version, axis=axis)
    with pytest.raises(Refused, match="axis"):
        operate(name, np.float32(1), version=13)
    with pytest.raises(Refused, match="type"):
        operate(name, np.ones(2), version=13)
