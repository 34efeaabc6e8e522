"""Rows divided by their greatest, their size, their length."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.by_hand import numbers, summed
from tests.sdk.operators.operating import bits, operate


def normalize(x, norm):
    return operate("Normalizer", x, version=1, domain=ML, norm=norm)


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("MAX", [[1.5, -2, 1], [-1, 1, 0.5]]),
        ("L1", [[3 / 9, -4 / 9, 2 / 9], [0.4, -0.4, -0.2]]),
        ("L2", [[3 / 29**0.5, -4 / 29**0.5, 2 / 29**0.5], [2 / 3, -2 / 3, -1 / 3]]),
    ],
)
def test_rows_are_divided_by_a_measure_of_theirs(norm, expected):
    x = np.float32([[3, -4, 2], [2, -2, -1]])
    if norm == "MAX":  # the greatest, not the farthest from 0
        expected = [[1, np.float32(-4 / 3), np.float32(2 / 3)], [1, -1, -0.5]]
    assert normalize(x, norm) == pytest.approx(np.float32(expected), rel=1e-6)


def test_the_greatest_may_be_negative():
    assert normalize(np.float32([-1, -2, -4]), "MAX").tolist() == [1, 2, 4]


@pytest.mark.parametrize("of", [np.float32, np.float64])
def test_sums_have_sixteen_lanes_in_the_format_of_the_features(of):
    x = numbers(1, 3, 100, dtype=of)
    sums = np.array([[summed(abs(row), of)] for row in x])
    squares = np.array([[summed(row * row, of)] for row in x])
    assert bits(normalize(x, "L1")) == bits((x / sums).astype(np.float32))
    assert bits(normalize(x, "L2")) == bits((x / np.sqrt(squares)).astype(np.float32))


@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_what_would_be_divided_by_nothing_stays(norm):
    assert bits(normalize(np.float32([[0.0, -0.0]]), norm)) == [[0, 0x80000000]]
    assert normalize(np.zeros((2, 0), np.float32), norm).shape == (2, 0)
    assert normalize(np.int32([[0, 0]]), norm).dtype == np.float32


def test_one_nan():
    assert bits(normalize(np.float32([1, -np.nan]), "L1")) == [0x7FC00000] * 2


@pytest.mark.parametrize(("shape", "norm"), [((2, 2, 2), "MAX"), ((2, 2), "L3"), ((), "L1")])
def test_what_is_refused(shape, norm):
    with pytest.raises(Refused, match=r"shape|norm"):
        normalize(np.zeros(shape, np.float32), norm)
