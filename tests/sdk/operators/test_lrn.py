"""LRN: sums over a window of channels."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import functions
from tests.sdk.operators.by_hand import numbers, summed
from tests.sdk.operators.operating import bits, operate

ALPHA, BETA, BIAS = np.float32(0.5), np.float32(0.7), np.float32(1.5)


def by_hand(x, size):
    before, channels = (size - 1) // 2, x.shape[1]
    y = np.zeros_like(x)
    for n, c, *at in np.ndindex(x.shape):
        around = [c - before + i for i in range(size)]
        values = [x[(n, i, *at)] if 0 <= i < channels else None for i in around]
        s = summed(value if value is None else value * value for value in values)
        base = BIAS + (ALPHA / np.float32(size)) * s
        y[(n, c, *at)] = x[(n, c, *at)] / functions.power(np.array(base), np.array(BETA))
    return y


@pytest.mark.parametrize("version", [1, 13])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 19, 40])
def test_a_window_of_channels_of_which_the_lesser_half_lies_before(version, size):
    x = numbers(1, 2, 20, 3)
    got = operate("LRN", x, version=version, size=size, alpha=float(ALPHA), beta=float(BETA), bias=float(BIAS))
    assert bits(got) == bits(by_hand(x, size))


def test_a_size_far_beyond_the_channels_costs_no_more_than_they_do():
    x = np.float32([[[1], [2]]])
    got = operate("LRN", x, version=13, size=2**40, alpha=2.0**40, beta=1.0, bias=0.0)
    assert got.tolist() == (x / 5).tolist()


@pytest.mark.parametrize("attributes", [{"size": 0}, {"size": -3}, {}])
def test_what_does_not_fit_is_refused_before_it_runs(attributes):
    with pytest.raises(Refused, match="size"):
        operate("LRN", numbers(1, 1, 2, 3), version=13, **attributes)
