"""ConvInteger against Python's integers."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.integers_by_hand import bytes_of, convolved
from tests.sdk.operators.operating import operate


def convolve(x, w, *zeros, **attributes):
    return operate("ConvInteger", x, w, *zeros, version=10, **attributes)


@pytest.mark.parametrize(("left", "right"), [(np.uint8, np.int8), (np.int8, np.uint8)])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"pads": (1, 0, 2, 1)},
        {"strides": (2, 3), "pads": (1, 1, 1, 1)},
        {"dilations": (2, 1), "pads": (2, 0, 0, 0)},
        {"group": 2},
    ],
)
def test_sums_of_products_of_differences_padding_left_out(left, right, how):
    group = how.get("group", 1)
    x, w = bytes_of(left, 2, 4, 5, 6), bytes_of(right, 4, 4 // group, 3, 2, seed=2)
    assert convolve(x, w, **how).tolist() == convolved(x, w, **how).tolist()
    assert (
        convolve(x, w, left(90), right(5), **how).tolist()
        == convolved(x, w, x_zero=90, w_zeros=[5] * 4, **how).tolist()
    )


def test_a_zero_for_each_channel_that_comes_out():
    x, w, zeros = bytes_of(np.uint8, 1, 1, 3, 3), bytes_of(np.int8, 2, 1, 2, 2), np.int8([-9, 9])
    assert convolve(x, w, None, zeros).tolist() == convolved(x, w, w_zeros=zeros).tolist()


def test_one_spatial_axis_and_padding_by_name():
    x, w = np.uint8([[[1, 2, 3]]]), np.uint8([[[1, 10]]])
    assert convolve(x, w, auto_pad="SAME_UPPER").tolist() == [[[21, 32, 3]]]
    assert convolve(x, w, auto_pad="SAME_LOWER").tolist() == [[[10, 21, 32]]]


@pytest.mark.parametrize(
    ("x", "w", "zeros", "detail"),
    [
        (np.zeros((1, 1, 3), np.float32), np.zeros((1, 1, 2), np.int8), (), "type of x"),
        (np.zeros((1, 1, 3), np.int8), np.zeros((1, 2, 2), np.int8), (), "channels"),
        (np.zeros((1, 1, 3), np.int8), np.zeros((1, 1, 4), np.int8), (), "kernel"),
        (np.zeros((1, 1, 3), np.int8), np.zeros((2, 1, 2), np.int8), (np.uint8(0),), "different types"),
        (np.zeros((1, 1, 3), np.int8), np.zeros((2, 1, 2), np.int8), (np.int8([0, 0]),), "shape of x_zero_point"),
        (
            np.zeros((1, 1, 3), np.int8),
            np.zeros((2, 1, 2), np.int8),
            (None, np.int8([0, 0, 0])),
            "shape of w_zero_point",
        ),
    ],
)
def test_what_does_not_fit_is_refused(x, w, zeros, detail):
    with pytest.raises(Refused, match=detail):
        convolve(x, w, *zeros)
