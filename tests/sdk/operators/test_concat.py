"""Concat."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate


@pytest.mark.parametrize("axis", [1, -1])
def test_one_after_the_other_along_an_axis(axis):
    parts = np.int64([[1], [2]]), np.int64([[3, 4], [5, 6]]), np.zeros((2, 0), np.int64)
    assert operate("Concat", *parts, version=13, axis=axis).tolist() == [[1, 3, 4], [2, 5, 6]]


def test_of_one_it_is_itself():
    assert operate("Concat", np.float32([1, 2]), version=4, axis=0).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ((np.zeros((2, 2)), np.zeros((3, 1))), "shapes that differ"),
        ((np.zeros((2, 2)), np.zeros(2)), "shapes that differ"),
        ((np.zeros((2, 2)), np.zeros((2, 2), np.float32)), "different types"),
        ((np.zeros((2, 2)), None), "missing"),
        ((np.float32(1), np.float32(2)), "axis"),
    ],
)
def test_what_does_not_go_together_is_refused(parts, detail):
    with pytest.raises(Refused, match=detail):
        operate("Concat", *parts, version=13, axis=1)


def test_the_axis_must_be_said():
    with pytest.raises(Refused, match="axis is missing"):
        operate("Concat", np.zeros(2), version=13)
