"""ReduceSum, ReduceMean, ReduceProd and what is made of sums: the order of the elements, and what axes mean."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import functions
from tests.sdk.operators.by_hand import nan, numbers, summed
from tests.sdk.operators.operating import bits, operate

SUMS = ["ReduceSum", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"]
LOGS = ["ReduceLogSum", "ReduceLogSumExp"]
EXTREMES = ["ReduceMax", "ReduceMin"]


def reduced(name, x, axes=None, version=18, **attributes):
    version = 13 if name == "ReduceSum" else version
    given = [] if axes is None else [np.int64(axes)]
    return operate(name, x, *given, version=version, constant=(1,), **attributes)


def of(axis_last, function):
    """`function` of each row, as an array."""
    return np.array([function(row) for row in axis_last])


# --- what axes mean ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SUMS, *LOGS, *EXTREMES])
@pytest.mark.parametrize(
    ("axes", "kept", "dropped"),
    [
        ([1], (2, 1, 4), (2, 4)),
        ([-1, 0], (1, 3, 1), (3,)),
        ([0, 1, 2], (1, 1, 1), ()),
        ([], (1, 1, 1), ()),
        (None, (1, 1, 1), ()),
    ],
)
def test_axes_are_an_attribute_or_an_input_to_the_same_effect(name, axes, kept, dropped):
    x = numbers(1, 2, 3, 4)
    now = reduced(name, x, axes)
    assert now.shape == kept
    assert reduced(name, x, axes, keepdims=0).shape == dropped
    attribute = {} if axes is None else {"axes": tuple(axes)}
    assert bits(operate(name, x, version=11, **attribute)) == bits(now)


def test_axes_are_reduced_in_row_major_order_of_the_input_however_they_are_named():
    x = numbers(1, 5, 3, 7)
    want = of(x.transpose(1, 0, 2).reshape(3, 35), summed)
    for axes in ([0, 2], [2, 0], [-1, -3]):
        assert bits(reduced("ReduceSum", x, axes, keepdims=0)) == bits(want)


@pytest.mark.parametrize("axes", [None, []])
def test_no_axes_may_mean_to_do_nothing_but_what_is_done_to_each(axes):
    x = np.float32([[4, -0.0, 3]])
    got = {name: reduced(name, x, axes, noop_with_empty_axes=1) for name in [*SUMS, *LOGS, *EXTREMES]}
    assert bits(got["ReduceSum"]) == bits(np.float32([[4, 0, 3]]))
    assert bits(got["ReduceMax"]) == bits(x)
    assert got["ReduceSumSquare"].tolist() == [[16, 0, 9]]
    assert got["ReduceL2"].tolist() == [[4, 0, 3]]
    assert bits(got["ReduceLogSum"]) == bits(functions.log(x))


def test_that_no_axes_are_named_is_known_from_their_number():
    assert operate("ReduceSum", numbers(1, 2, 3), np.int64([]), version=13).shape == (1, 1)


def test_axes_that_are_not_there_or_twice_or_not_known_are_refused():
    x = numbers(1, 2, 3)
    for axes in ([2], [-3], [0, 0], [1, -1]):
        with pytest.raises(Refused):
            reduced("ReduceSum", x, axes)
        with pytest.raises(Refused):
            operate("ReduceSum", x, version=11, axes=tuple(axes))
    with pytest.raises(Refused, match="known"):
        operate("ReduceSum", x, np.int64([0]), version=13)
    with pytest.raises(Refused, match="rank"):
        reduced("ReduceSum", x, 0)


# --- what is reduced --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_have_sixteen_lanes_and_a_tree(n, dtype):
    x = numbers(n, 3, n, dtype=dtype)
    sums = of(x, lambda row: summed(row, dtype))
    squares = of(x, lambda row: summed(row * row, dtype))
    assert bits(reduced("ReduceSum", x, [1], keepdims=0)) == bits(sums)
    assert bits(reduced("ReduceMean", x, [1], keepdims=0)) == bits(sums / dtype(n))
    assert bits(reduced("ReduceL1", x, [1], keepdims=0)) == bits(of(abs(x), lambda row: summed(row, dtype)))
    assert bits(reduced("ReduceSumSquare", x, [1], keepdims=0)) == bits(squares)
    assert bits(reduced("ReduceL2", x, [1], keepdims=0)) == bits(np.sqrt(squares))


def test_a_product_has_sixteen_lanes_and_a_tree_too():
    x = numbers(2, 37)
    lanes = [np.float32(1)] * 16
    for i, each in enumerate(x):
        lanes[i % 16] *= each
    for width in (8, 4, 2, 1):
        lanes = [lanes[j] * lanes[j + width] for j in range(width)]
    assert bits(reduced("ReduceProd", x)) == bits(lanes[0])


def test_a_logarithm_of_a_sum():
    x = np.float32([[1, 2], [-1, 1], [-3, 1]])
    want = functions.log(np.float32([3, 0, -2]))
    assert bits(reduced("ReduceLogSum", x, [1], keepdims=0)) == bits(want)
    assert bits(want)[1:] == [0xFF800000, nan()]


def test_a_logarithm_of_a_sum_of_exponentials_is_taken_from_the_maximum():
    x = numbers(1, 20) * 100
    top = x.max()
    want = functions.log(np.array(summed(functions.exp(x - top)))) + top
    assert bits(reduced("ReduceLogSumExp", x)) == bits(want)


def test_an_infinite_maximum_is_the_logarithm_of_the_sum_of_exponentials():
    inf = np.inf
    x = np.float32([[inf, 1], [-inf, -inf], [-inf, 1], [inf, np.nan], [inf, -inf]])
    got = reduced("ReduceLogSumExp", x, [1], keepdims=0)
    assert bits(got) == bits(np.float32([inf, -inf, 1, np.nan, inf]))


def test_there_is_one_nan():
    x = np.uint32([[0xFFC00001, 0x3F800000], [0x7F800000, 0xFF800000]]).view(np.float32)
    for name in ["ReduceSum", "ReduceMean", *EXTREMES, "ReduceLogSum"]:
        assert bits(reduced(name, x, [1]))[0] == [nan()]
    assert bits(reduced("ReduceSum", x, [1]))[1] == [nan()]


def test_zeros_sum_to_plus_zero():
    assert bits(reduced("ReduceSum", np.float32([-0.0, -0.0]))) == [0]
    assert bits(reduced("ReduceMean", np.float32([-0.0]))) == [0]


# --- of nothing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("ReduceSum", 0.0),
        ("ReduceProd", 1.0),
        ("ReduceMean", np.nan),
        ("ReduceMax", -np.inf),
        ("ReduceMin", np.inf),
        ("ReduceL1", 0.0),
        ("ReduceL2", 0.0),
        ("ReduceSumSquare", 0.0),
        ("ReduceLogSum", -np.inf),
        ("ReduceLogSumExp", -np.inf),
    ],
)
def test_of_nothing(name, want):
    got = reduced(name, np.ones((2, 0), np.float32), [1])
    assert bits(got) == bits(np.float32([[want], [want]]))
    assert reduced(name, np.ones((2, 0), np.float32), [0]).shape == (1, 0)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool])
def test_extremes_of_nothing_are_the_ends_of_the_type(dtype):
    low, high = (False, True) if dtype is bool else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    nothing = np.ones(0, dtype)
    assert reduced("ReduceMax", nothing, version=20).tolist() == [low]
    assert reduced("ReduceMin", nothing, version=20).tolist() == [high]


# --- of integers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
def test_integers_are_exact_modulo_their_range(dtype):
    ends = np.iinfo(dtype)
    values, size = [ends.max, ends.max, 5, ends.min], 2**ends.bits
    x = np.array(values, dtype)
    product = values[0] * values[1] * values[2] * values[3]
    for name, want in [
        ("ReduceSum", sum(values)),
        ("ReduceProd", product),
        ("ReduceL1", sum(map(abs, values))),
        ("ReduceSumSquare", sum(value * value for value in values)),
    ]:
        assert int(reduced(name, x)[0]) % size == want % size, name


def test_a_mean_of_integers_is_their_sum_so_formed_towards_zero():
    x = np.int32([[-7, 0], [7, 0], [2**31 - 1, 1], [0, 0]])
    assert reduced("ReduceMean", x, [1], keepdims=0).tolist() == [-3, 3, -(2**30), 0]
    assert reduced("ReduceMean", x[:, :0], [1], keepdims=0).tolist() == [0, 0, 0, 0]


# --- extremes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 17])
def test_the_greatest_and_the_least_of_all(n):
    x = numbers(n, 4, n)
    assert bits(reduced("ReduceMax", x, [1], keepdims=0)) == bits(np.array([max(row) for row in x]))
    assert bits(reduced("ReduceMin", x, [1], keepdims=0)) == bits(np.array([min(row) for row in x]))


def test_of_zeros_the_greatest_is_plus_zero_and_the_least_minus_zero():
    for x in (np.float32([0.0, -0.0]), np.float32([-0.0, 0.0])):
        assert bits(reduced("ReduceMax", x)) == [0]
        assert bits(reduced("ReduceMin", x)) == [0x80000000]
    assert bits(reduced("ReduceMax", np.float32([-0.0, -0.0]))) == [0x80000000]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_extremes_of_integers(dtype):
    ends = np.iinfo(dtype)
    x = np.array([3, ends.max, ends.min, 4], dtype)
    assert reduced("ReduceMax", x, version=20).tolist() == [ends.max]
    assert reduced("ReduceMin", x, version=20).tolist() == [ends.min]


def test_false_is_less_than_true():
    x = np.array([[True, False], [False, False], [True, True]])
    assert reduced("ReduceMax", x, [1], version=20, keepdims=0).tolist() == [True, False, True]
    assert reduced("ReduceMin", x, [1], version=20, keepdims=0).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, np.int8) for name in SUMS),
        *((name, np.float16) for name in [*SUMS, *LOGS, *EXTREMES]),
        *((name, np.float64) for name in LOGS),
        *((name, np.int32) for name in [*LOGS, "ReduceL2"]),
        ("ReduceSum", bool),
    ],
)
def test_other_types_are_refused(name, dtype):
    with pytest.raises(Refused, match="type"):
        reduced(name, np.ones(2, dtype))
