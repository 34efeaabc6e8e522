"""Scatter, ScatterElements and ScatterND; in which order, and what they ignore."""

from itertools import product

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

PAYLOAD = np.uint32(0xFFC01234).view(np.float32)


def elements(x, indices, updates, version=18, **attributes):
    return operate("ScatterElements", x, np.int64(indices), updates, version=version, **attributes)


def rows(x, indices, updates, version=18, **attributes):
    return operate("ScatterND", x, np.int64(indices), updates, version=version, **attributes)


@pytest.mark.parametrize(("name", "version"), [("Scatter", 9), ("ScatterElements", 11), ("ScatterElements", 18)])
def test_updates_take_their_places(name, version):
    made = operate(
        name, np.zeros((2, 3), np.int8), np.int32([[1, -1]]), np.int8([[5, 6]]), version=version, axis=1
    )
    assert made.tolist() == [[0, 5, 6], [0, 0, 0]]


def test_of_several_the_last_stays():
    assert elements(np.zeros(3), [1, 0, 1, -2, 0], np.float64([1, 2, 3, 4, 5])).tolist() == [5, 4, 0]
    assert rows(np.zeros((2, 2)), [[1], [1]], np.float64([[1, 2], [3, 4]])).tolist() == [[0, 0], [3, 4]]


def test_what_is_out_of_range_is_ignored():
    beyond = [3, -4, 2**63 - 1, -(2**63), 1]
    assert elements(np.zeros(3), beyond, np.arange(1.0, 6)).tolist() == [0, 5, 0]
    assert elements(np.zeros(3), beyond, np.arange(1.0, 6), reduction="add").tolist() == [0, 5, 0]
    places = [[0, 2], [2, 0], [0, -3], [2**62, 2**62], [1, 1]]  # a place of a row-major neighbour is none
    assert rows(np.zeros((2, 2)), places, np.arange(1.0, 6)).tolist() == [[0, 0], [0, 5]]


def test_sums_are_rounded_one_after_the_other():
    big, one = np.float32(2**24), np.float32(1)
    assert elements(np.float32([0]), [0, 0, 0], np.float32([big, one, one]), reduction="add").tolist() == [2**24]
    assert elements(np.float32([0]), [0, 0, 0], np.float32([one, one, big]), reduction="add").tolist() == [
        2**24 + 2
    ]


REDUCED = {"add": [12.0, 7.0], "mul": [48.0, 10.0], "max": [6.0, 5.0], "min": [2.0, 2.0]}


@pytest.mark.parametrize("reduction", REDUCED)
def test_reductions_begin_with_what_is_there(reduction):
    x, updates = np.float32([2, 2]), np.float32([6, 5, 4])
    assert elements(x, [0, 1, 0], updates, reduction=reduction).tolist() == REDUCED[reduction]
    assert rows(x, [[0], [1], [0]], updates, reduction=reduction).tolist() == REDUCED[reduction]


def test_integers_wrap():
    assert elements(np.int8([100]), [0, 0], np.int8([100, 100]), reduction="add").tolist() == [44]
    assert elements(np.uint8([16]), [0], np.uint8([17]), reduction="mul").tolist() == [16]


def test_only_what_is_touched_becomes_the_one_nan():
    x = np.array([PAYLOAD, PAYLOAD, -0.0], np.float32)
    for reduction in ("add", "mul", "max", "min"):
        assert bits(elements(x, [1], np.float32([1]), reduction=reduction)) == [0xFFC01234, 0x7FC00000, 0x80000000]
    assert bits(elements(np.float32([1, 2]), [1], np.array([PAYLOAD]))) == [0x3F800000, 0xFFC01234]


def test_of_two_zeros_the_greater_is_positive():
    assert bits(elements(np.float32([0.0]), [0], np.float32([-0.0]), reduction="max")) == [0]
    assert bits(elements(np.float32([0.0]), [0], np.float32([-0.0]), reduction="min")) == [0x80000000]


def test_as_a_loop_would():
    random = np.random.default_rng(5)
    x = random.standard_normal((4, 5)).astype(np.float32)
    indices = random.integers(-7, 7, (3, 6))
    updates = random.standard_normal((3, 6)).astype(np.float32)
    expected = x.copy()
    for i, j in product(range(3), range(6)):
        if -5 <= indices[i, j] < 5:
            expected[i, indices[i, j]] += updates[i, j]
    assert bits(elements(x, indices, updates, axis=1, reduction="add")) == bits(expected)


def test_an_index_may_mean_one_element_or_a_part():
    x = np.zeros((2, 2, 2), np.int32)
    assert rows(x, [[[1, 0], [0, 1]]], np.int32([[[1, 2], [3, 4]]])).tolist() == [
        [[0, 0], [3, 4]],
        [[1, 2], [0, 0]],
    ]
    assert rows(x, [1, 1, 1], np.int32(9), version=11)[1, 1, 1] == 9


def test_where_there_is_nothing_nothing_is_put():
    assert elements(np.zeros(0), [0, 0], np.ones(2)).tolist() == []
    assert elements(np.ones(2), [], np.ones(0)).tolist() == [1, 1]
    assert rows(np.ones((2, 0)), [[0]], np.ones((1, 0))).shape == (2, 0)


@pytest.mark.parametrize(
    ("x", "indices", "updates", "attributes", "detail"),
    [
        (np.zeros(3), [0], np.zeros(2), {}, "shape of updates"),
        (np.zeros(3), [0], np.zeros(1, np.float32), {}, "different types"),
        (np.zeros((3, 2)), [[0, 0, 0]], np.zeros((1, 3)), {}, "shape of indices"),
        (np.zeros(3), [0], np.zeros(1), {"axis": 1}, "axis"),
        (np.zeros(3), [0], np.zeros(1), {"reduction": "mean"}, "reduction"),
        (np.zeros(3, bool), [0], np.zeros(1, bool), {"reduction": "add"}, "type of data"),
        (np.zeros(3, np.float16), [0], np.zeros(1, np.float16), {"reduction": "max"}, "type of data"),
    ],
)
def test_what_does_not_fit_is_refused(x, indices, updates, attributes, detail):
    with pytest.raises(Refused, match=detail):
        elements(x, indices, updates, **attributes)


@pytest.mark.parametrize(
    ("x", "indices", "updates", "detail"),
    [
        (np.zeros((2, 2)), [[0]], np.zeros(1), "shape of updates"),
        (np.zeros((2, 2)), [[0, 0, 0]], np.zeros(1), "length of an index"),
        (np.zeros(()), [[0]], np.zeros(1), "length of an index"),
        (np.zeros(2), 0, np.zeros(()), "length of an index"),
    ],
)
def test_rows_that_do_not_fit_are_refused(x, indices, updates, detail):
    with pytest.raises(Refused, match=detail):
        rows(x, indices, updates)


@pytest.mark.parametrize(("version", "reduction"), [(16, "max"), (16, "min")])
def test_the_greatest_and_the_least_came_with_18(version, reduction):
    with pytest.raises(Refused, match="reduction"):
        elements(np.zeros(1), [0], np.zeros(1), version=version, reduction=reduction)
    with pytest.raises(Refused, match="attribute reduction"):
        elements(np.zeros(1), [0], np.zeros(1), version=13, reduction="add")
