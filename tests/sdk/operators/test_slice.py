"""Slice."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

LAST = 2**63 - 1
TEN = np.arange(10)


def cut(x, starts, ends, axes=None, steps=None):
    given = [None if each is None else np.int64(each) for each in (starts, ends, axes, steps)]
    return operate("Slice", x, *given, version=13, constant=(1, 2, 3, 4)).tolist()


@pytest.mark.parametrize(
    ("start", "end", "step", "taken"),
    [
        (2, 5, 1, [2, 3, 4]),
        (-3, LAST, 1, [7, 8, 9]),
        (-100, 2, 1, [0, 1]),
        (5, 2, 1, []),
        (100, 200, 1, []),
        (1, 9, 3, [1, 4, 7]),
        (0, LAST, LAST, [0]),
        (-1, 5, -1, [9, 8, 7, 6]),
        (LAST, -LAST, -4, [9, 5, 1]),
        (2, -1, -1, []),  # -1 is the last element
        (2, -11, -1, [2, 1, 0]),
        (-100, -LAST, -1, [0]),  # backwards too, what lies before the first is the first: NumPy takes none
        (5, -LAST - 1, -LAST - 1, [5]),
    ],
)
def test_starts_ends_and_steps_along_an_axis(start, end, step, taken):
    assert cut(TEN, [start], [end], None, [step]) == taken


def test_axes_in_any_order():
    x = np.arange(12).reshape(3, 4)
    assert cut(x, [1, -1], [3, -4], [-1, 0], [1, -2]) == [[9, 10], [1, 2]]
    assert cut(x, [1], [2]) == [[4, 5, 6, 7]]


def test_of_nothing_nothing_is_taken():
    assert cut(np.zeros((0, 2)), [0, -5], [5, 5], None, [-1, 1]) == []


def test_by_attributes():
    x = np.arange(12).reshape(3, 4)
    assert operate("Slice", x, version=1, starts=(1, -2), ends=(3, 1000)).tolist() == [[6, 7], [10, 11]]
    assert operate("Slice", x, version=1, starts=(1,), ends=(2,), axes=(1,)).tolist() == [[1], [5], [9]]


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (([0], [1], [0], [0]), "step of 0"),
        (([0], [1], [1], None), "axis"),
        (([0, 0], [1, 1], [0, -1], None), "twice"),
        (([0], [1, 2], None, None), "of each"),
        (([0, 0], [1, 1], None, None), "axis"),
    ],
)
def test_what_makes_no_sense_is_refused(given, detail):
    with pytest.raises(Refused, match=detail):
        cut(TEN, *given)
