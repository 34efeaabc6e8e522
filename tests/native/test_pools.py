"""Pools in C against the plain operators, bit by bit."""

import numpy as np
import pytest

from tests.native.carrying_out import agree, declined
from tests.native.comparing import nasty, numbers

CASES = [
    ((2, 3, 11, 13), {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}),
    ((1, 2, 8, 40), {"kernel_shape": (2, 2), "strides": (2, 2)}),
    ((1, 2, 9, 70), {"kernel_shape": (3, 5), "pads": (2, 4, 1, 3)}),
    ((1, 1, 20, 33), {"kernel_shape": (5, 4), "strides": (1, 3), "dilations": (2, 3), "pads": (3, 2, 0, 5)}),
    ((2, 1, 6, 7), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}),
    ((2, 1, 6, 7), {"kernel_shape": (3, 2), "strides": (2, 5), "auto_pad": "SAME_UPPER"}),
    ((1, 1, 5, 5), {"kernel_shape": (2, 2), "pads": (3, 3, 3, 3), "strides": (2, 2)}),  # windows of padding alone
    ((2, 2, 50), {"kernel_shape": (7,), "strides": (4,), "pads": (3, 3)}),
    ((1, 2, 5, 6, 7), {"kernel_shape": (2, 3, 2), "pads": (1, 1, 1, 0, 0, 0), "strides": (1, 2, 1)}),
    ((1, 1, 1, 1), {"kernel_shape": (1, 1)}),
    ((0, 2, 5, 5), {"kernel_shape": (2, 2)}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pools(kernels, case):
    shape, how = case
    rng = np.random.default_rng(CASES.index(case))
    for x in (numbers(rng, *shape), nasty(rng, *shape, part=0.05)):
        agree(kernels, "MaxPool", x, **how)
        agree(kernels, "AveragePool", x, **how)
        agree(kernels, "AveragePool", x, count_include_pad=1, **how)


def test_what_is_left_to_the_plain_operators(kernels):
    x = np.ones((1, 1, 4, 4), np.float32)
    assert declined(kernels, "MaxPool", x, kernel_shape=(2, 2), outputs=2)
    assert declined(kernels, "MaxPool", x.astype(np.int8), kernel_shape=(2, 2))
    assert declined(kernels, "MaxPool", x, kernel_shape=(2, 2), pads=(0, 0, 0, 1 << 20), strides=(1, 1 << 19))
    assert declined(kernels, "MaxPool", x, kernel_shape=(100, 100), pads=(100,) * 4, strides=(50, 50))
