"""Sums, means, extremes and softmax in C against the plain operators, bit by bit."""

import numpy as np
import pytest

from native.reductions import REDUCTIONS, WHOLE, together
from tests.native.carrying_out import agree, declined
from tests.native.comparing import nasty, numbers

CASES = [  # shape, axes
    *[((5, 1), (1,)), ((3, 15), (1,)), ((3, 16), (1,)), ((3, 17), (1,)), ((2, 768), (-1,)), ((1, 1000), (0, 1))],
    *[
        ((3, 0), (1,)),
        ((0, 3), (1,)),
        ((3, 0), (0,)),
        ((33, 7), (0,)),
        ((2, 20, 70), (1,)),
        ((2, 5, 3, 4), (1, 2)),
    ],
    *[((16, 64), (0,)), ((1, 129), (0,)), ((4, 1, 6), (0, 1)), ((4, 1, 6), (1,)), ((2, 3, 1, 5, 1), (3, 4))],
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(kernels, name, case):
    shape, axes = case
    rng = np.random.default_rng(CASES.index(case))
    for x in (numbers(rng, *shape), nasty(rng, *shape, part=0.01)):
        agree(kernels, name, x, np.array(axes, np.int64))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes_in_an_attribute_all_axes_and_none(kernels, name):
    x = nasty(np.random.default_rng(1), 4, 37, part=0.01)
    agree(kernels, name, x, version=11, axes=(1,), keepdims=0)
    agree(kernels, name, x)
    agree(kernels, name, x, noop_with_empty_axes=1)


@pytest.mark.parametrize("name", ["ReduceSum", "ReduceMax"])
@pytest.mark.parametrize("shape", [(70001,), (3, 30001), (300, 301)], ids=str)
def test_work_that_is_shared_among_threads(kernels, name, shape):
    x = nasty(np.random.default_rng(2), *shape, part=0)
    agree(kernels, name, x, np.array([-1]))
    agree(kernels, name, x, np.array([0]))


def test_zeros_of_both_signs(kernels):
    zeros = np.float32([[0.0, -0.0, -0.0], [-0.0, -0.0, -0.0]])
    for name in REDUCTIONS:
        for axis in (0, 1):
            agree(kernels, name, np.repeat(zeros, 9, axis=1), np.array([axis]))


def test_axes_with_others_between_are_left_to_the_plain_operator(kernels):
    assert together((2, 3, 4), (0, 2)) is None
    assert together((2, 1, 4), (0, 2)) == (1, 8, 1)
    assert declined(kernels, "ReduceSum", np.ones((2, 3, 4), np.float32), np.array([0, 2]))
    assert declined(kernels, "ReduceSum", np.ones((2, 3, 4), np.int64), np.array([0]))


@pytest.mark.parametrize("shape", [(2, 3, 7, 7), (1, 1, 1, 1), (1, 5, 4, 9, 3), (2, 3, 0), (0, 3, 4)], ids=str)
@pytest.mark.parametrize("name", WHOLE)
def test_global_pools(kernels, name, shape):
    agree(kernels, name, nasty(np.random.default_rng(3), *shape, part=0.01))


SOFTMAX = [((3, 1), -1), ((3, 17), -1), ((5, 128), 1), ((2, 1000), -1), ((2, 10, 70), 1), ((9, 3), 0), ((0, 4), 1)]
SOFTMAX += [((4, 0), 1), ((4, 0), 0), ((7,), 0), ((1, 65, 1), 1)]


@pytest.mark.parametrize("case", SOFTMAX, ids=str)
@pytest.mark.parametrize("version", [11, 13])
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax(kernels, name, version, case):
    shape, axis = case
    rng = np.random.default_rng(SOFTMAX.index(case))
    for x in (numbers(rng, *shape), 30 * numbers(rng, *shape), nasty(rng, *shape, part=0.002)):
        agree(kernels, name, x.astype(np.float32), version=version, axis=axis)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_of_what_is_masked(kernels, name):
    x = numbers(np.random.default_rng(4), 4, 50)
    x[0, 20:] = -np.inf
    x[1] = -np.inf
    x[2, 3] = np.inf
    x[3, 4] = np.nan
    agree(kernels, name, x)
    agree(kernels, name, np.ascontiguousarray(x.T), axis=0)
    agree(kernels, name, np.float32([[-0.0], [0.0], [-np.inf]]))


def test_softmax_that_is_shared_among_threads(kernels):
    agree(kernels, "Softmax", numbers(np.random.default_rng(5), 200, 100))
    agree(kernels, "Softmax", numbers(np.random.default_rng(6), 100, 200), axis=0)
