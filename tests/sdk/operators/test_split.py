"""Split, which says how long its parts are in four ways."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

SEVEN = np.arange(7)


def lists(parts):
    return [part.tolist() for part in parts]


def test_lengths_as_attribute_and_as_input():
    old = operate("Split", SEVEN, version=2, split=(3, 0, 4), outputs=3)
    new = operate("Split", SEVEN, np.int64([3, 0, 4]), version=13, constant=(1,), outputs=3)
    newest = operate("Split", SEVEN, np.int64([3, 0, 4]), version=18, constant=(1,), outputs=3)
    assert lists(old) == lists(new) == lists(newest) == [[0, 1, 2], [], [3, 4, 5, 6]]


@pytest.mark.parametrize("version", [2, 11, 13])
def test_without_lengths_the_parts_are_equal(version):
    assert lists(operate("Split", SEVEN[:6], version=version, outputs=3)) == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(Refused, match="lengths"):
        operate("Split", SEVEN, version=version, outputs=3)


def test_since_18_the_last_part_may_be_smaller():
    assert lists(operate("Split", SEVEN, version=18, num_outputs=3, outputs=3)) == [[0, 1, 2], [3, 4, 5], [6]]
    with pytest.raises(Refused, match="lengths"):  # 2, 2, 2, 2, and -1
        operate("Split", SEVEN, version=18, num_outputs=5, outputs=5)


def test_along_any_axis():
    left, right = operate("Split", np.int32([[1, 2], [3, 4]]), version=13, axis=-1, outputs=2)
    assert (left.tolist(), right.tolist()) == ([[1], [3]], [[2], [4]])


@pytest.mark.parametrize("lengths", [(3, 3), (8, -1), (7,), (3, 3, 1)])
def test_lengths_that_do_not_come_to_the_axis_are_refused(lengths):
    with pytest.raises(Refused, match="lengths"):
        operate("Split", SEVEN, version=11, split=lengths, outputs=2)


def test_either_lengths_or_a_number():
    with pytest.raises(Refused, match="num_outputs"):
        operate("Split", SEVEN, version=18, outputs=2)
    with pytest.raises(Refused, match="num_outputs"):
        operate("Split", SEVEN, np.int64([3, 4]), version=18, constant=(1,), num_outputs=2, outputs=2)
    with pytest.raises(Refused, match="num_outputs"):
        operate("Split", SEVEN, version=18, num_outputs=3, outputs=2)


@pytest.mark.parametrize(("version", "given"), [(11, {}), (13, {}), (18, {"num_outputs": 0})])
def test_into_no_parts_is_refused(version, given):
    with pytest.raises(Refused, match="its outputs"):
        operate("Split", SEVEN, version=version, outputs=0, **given)
