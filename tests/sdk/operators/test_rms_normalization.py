"""RMSNormalization."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import nan, numbers, summed
from tests.sdk.operators.operating import bits, operate

EPSILON = np.float32(1e-3)


def run(*inputs, **attributes):
    return operate("RMSNormalization", *inputs, version=23, epsilon=float(EPSILON), **attributes)


@pytest.mark.parametrize(("axis", "n"), [(-1, 21), (1, 84), (0, 168)])
def test_each_element_is_divided_by_the_root_and_then_scaled(axis, n):
    x, scale = numbers(1, 2, 4, 21), numbers(2, 4, 21)
    want = [row / np.sqrt(summed(row * row) / np.float32(n) + EPSILON) for row in x.reshape(-1, n)]
    assert bits(run(x, scale, axis=axis)) == bits(np.array(want).reshape(x.shape) * scale)


def test_zeros_stay_zeros_and_what_overflows_is_nothing():
    x = np.float32([[-0.0, 0], [1e30, 1], [np.inf, 1]])
    assert bits(run(x, np.float32(1))) == [[0x80000000, 0], [0, 0], [nan(), 0]]


def test_an_axis_without_elements():
    assert run(np.ones((2, 0), np.float32), np.float32(1)).shape == (2, 0)


@pytest.mark.parametrize(
    ("scale", "attributes", "detail"),
    [
        (numbers(1, 2), {}, "fit"),
        (numbers(1, 3), {"axis": 3}, "axis"),
        (numbers(1, 3), {"stash_type": 0}, "stash"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(scale, attributes, detail):
    with pytest.raises(Refused, match=detail):
        run(numbers(1, 2, 3), scale, **attributes)
