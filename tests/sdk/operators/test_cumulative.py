"""CumSum and CumProd."""

from itertools import accumulate
from operator import add, mul

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import nan, numbers
from tests.sdk.operators.operating import bits, operate

BOTH = [("CumSum", 14, add, 0), ("CumProd", 26, mul, 1)]


def run(name, x, axis, version, **attributes):
    return operate(name, x, np.int64(axis), version=version, constant=(1,), **attributes)


@pytest.mark.parametrize(("name", "version", "step", "start"), BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_each_step_is_rounded_before_the_next(name, version, step, start, dtype):
    x = (numbers(1, 50) * 3).astype(dtype)
    for order, reverse in [(slice(None), 0), (slice(None, None, -1), 1)]:
        whole = list(accumulate(x[order], step, initial=dtype(start)))
        got = run(name, x, 0, version, reverse=reverse)
        assert bits(got[order]) == bits(np.array(whole[1:], dtype))
        got = run(name, x, 0, version, reverse=reverse, exclusive=1)
        assert bits(got[order]) == bits(np.array(whole[:-1], dtype))


@pytest.mark.parametrize(("name", "version", "step", "start"), BOTH)
def test_along_any_axis(name, version, step, start):
    x = numbers(2, 2, 3, 4)
    for axis in (0, 1, 2, -1, -3):
        got = np.moveaxis(run(name, x, axis, version), axis, 0)
        assert bits(got) == bits(np.array(list(accumulate(np.moveaxis(x, axis, 0), step))))
    assert run(name, x[:, :0], 1, version).shape == (2, 0, 4)


def test_a_sum_begins_at_plus_zero_and_keeps_one_nan():
    x = np.uint32([0x80000000, 0xFFC00001, 0x3F800000]).view(np.float32)
    assert bits(run("CumSum", x, 0, 11)) == [0, nan(), nan()]
    assert bits(run("CumProd", x, 0, 26)) == [0x80000000, nan(), nan()]


def test_integers_wrap():
    x = np.int32([2**31 - 1, 1, 2])
    assert run("CumSum", x, 0, 14).tolist() == [2**31 - 1, -(2**31), 2 - 2**31]
    assert run("CumProd", x, 0, 26).tolist() == [2**31 - 1, 2**31 - 1, -2]


@pytest.mark.parametrize("axis", [2, -3, [0, 1]])
def test_an_axis_that_is_not_there_is_refused(axis):
    with pytest.raises(Refused, match="axis"):
        run("CumSum", numbers(1, 2, 2), axis, 14)


def test_an_axis_that_is_not_known_beforehand_is_refused():
    with pytest.raises(Refused, match="known"):
        operate("CumSum", numbers(1, 2), np.int64(0), version=14)


def test_other_types_are_refused():
    with pytest.raises(Refused, match="type"):
        run("CumSum", np.int8([1]), 0, 14)
