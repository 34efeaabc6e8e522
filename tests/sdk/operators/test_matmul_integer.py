"""MatMulInteger against Python's integers."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.integers_by_hand import bytes_of
from tests.sdk.operators.operating import operate


def multiply(a, b, *zeros):
    return operate("MatMulInteger", a, b, *zeros, version=10)


def by_hand(a, b, a_zero=0, b_zero=0):
    """Python's integers have no ends; the last step gives them those of int32."""
    left = (a.astype(object) - a_zero).tolist()
    right = (b.astype(object) - b_zero).T.tolist()
    sums = [[sum(x * y for x, y in zip(row, column, strict=True)) for column in right] for row in left]
    return [[(value + 2**31) % 2**32 - 2**31 for value in row] for row in sums]


@pytest.mark.parametrize("left", [np.int8, np.uint8])
@pytest.mark.parametrize("right", [np.int8, np.uint8])
def test_sums_of_products_of_differences(left, right):
    a, b = bytes_of(left, 3, 40), bytes_of(right, 40, 2, seed=2)
    assert multiply(a, b).tolist() == by_hand(a, b)
    assert multiply(a, b, left(100), right(3)).tolist() == by_hand(a, b, 100, 3)


def test_sums_wrap():
    a, b = np.full((1, 40_000), 255, np.uint8), np.full((40_000, 1), 255, np.uint8)
    assert 255 * 255 * 40_000 >= 2**31
    assert multiply(a, b).tolist() == by_hand(a, b) == [[255 * 255 * 40_000 - 2**32]]


def test_a_zero_for_each_row_and_each_column():
    a, b = bytes_of(np.uint8, 3, 5), bytes_of(np.int8, 5, 2)
    rows, columns = np.uint8([1, 2, 3]), np.int8([-7, 9])
    expected = by_hand(a, b, rows.astype(object)[:, None], columns.astype(object))
    assert multiply(a, b, rows, columns).tolist() == expected
    assert multiply(a, b, rows[:, None], columns[None]).tolist() == expected
    both = multiply(
        np.stack([a, a]), np.stack([b, b]), np.stack([rows[:, None]] * 2), np.stack([columns[None]] * 2)
    )
    assert both.tolist() == [expected, expected]


def test_vectors_are_rows_and_columns():
    a, b = bytes_of(np.uint8, 4), bytes_of(np.uint8, 4, seed=2)
    assert multiply(a, b).tolist() == by_hand(a[None], b[:, None])[0][0]
    assert multiply(a, np.stack([b, b], 1), np.uint8([1])).tolist() == by_hand(a[None], np.stack([b, b], 1), 1)[0]


def test_of_nothing_the_sum_is_zero():
    assert multiply(np.zeros((2, 0), np.int8), np.zeros((0, 1), np.int8)).tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("a", "b", "zeros", "detail"),
    [
        (np.int16([[1]]), np.int8([[1]]), (), "type of A"),
        (np.int8([[1]]), np.int8([[1]]), (np.uint8(0),), "different types"),
        (np.int8([[1, 2]]), np.int8([[1]]), (), "do not fit"),
        (np.int8([[1, 2]]), np.int8([[1], [2]]), (np.int8([1, 2]),), "shape of a_zero_point"),
        (np.int8([[1, 2]]), np.int8([[1], [2]]), (None, np.int8([[1], [2]])), "shape of b_zero_point"),
        (np.int8([1, 2]), np.int8([1, 2]), (np.int8([1, 2]),), "shape of a_zero_point"),
    ],
)
def test_what_does_not_fit_is_refused(a, b, zeros, detail):
    with pytest.raises(Refused, match=detail):
        multiply(a, b, *zeros)
