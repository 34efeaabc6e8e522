"""QLinearConv against Python's integers and exact fractions."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.integers_by_hand import bytes_of, convolved, rescaled
from tests.sdk.operators.operating import operate

X, W = bytes_of(np.uint8, 2, 2, 4, 5), bytes_of(np.int8, 3, 2, 2, 3, seed=2)
X_SCALE, Y_SCALE = np.float32(0.021), np.float32(4.4)
SCALES = np.float32([0.11, 0.5, 0.013])
ZERO = np.uint8(120)
BIAS = np.int32([1000, -(2**31), 17])


def convolve(x=X, w=W, bias=None, w_scale=SCALES, y_zero=ZERO, **given):
    w_zero = given.pop("w_zero", np.zeros(w_scale.shape, np.int8))
    y_scale = given.pop("y_scale", Y_SCALE)
    inputs = (x, X_SCALE, np.uint8(99), w, w_scale, w_zero, y_scale, y_zero, bias)
    return operate("QLinearConv", *inputs, version=10, **given)


def expected(sums, scales, y_zero=ZERO):
    made = np.zeros(sums.shape, object)
    for place, value in np.ndenumerate(sums):
        made[place] = rescaled(value, (X_SCALE, scales[place[1]]), Y_SCALE, y_zero)
    return made.tolist()


@pytest.mark.parametrize("y_zero", [np.uint8(120), np.int8(-3)])
def test_sums_are_rescaled_by_the_scale_of_their_channel(y_zero):
    how = {"pads": (1, 1, 0, 0), "strides": (2, 1)}
    made = convolve(y_zero=y_zero, **how)
    assert made.dtype == y_zero.dtype
    assert made.tolist() == expected(convolved(X, W, x_zero=99, **how), SCALES, y_zero)


def test_a_bias_is_added_to_the_sums_modulo_two_to_the_32():
    sums = convolved(X, W, x_zero=99) + BIAS.astype(object).reshape(1, 3, 1, 1)
    assert (sums < -(2**31)).any()
    wrapped = (sums + 2**31) % 2**32 - 2**31
    assert convolve(bias=BIAS).tolist() == expected(wrapped, SCALES)


def test_one_scale_for_all_weights_and_groups():
    one = W[:2, :1]
    made = convolve(w=one, w_scale=np.float32(0.3), w_zero=np.int8(5), group=2)
    sums = convolved(X, one, x_zero=99, w_zeros=[5, 5], group=2)
    assert made.tolist() == expected(sums, [np.float32(0.3)] * 2)


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"x": X.astype(np.int16)}, "type of x"),
        ({"bias": BIAS.astype(np.int64)}, "type of B"),
        ({"bias": BIAS[:2]}, "shape of B"),
        ({"w_scale": SCALES[:2], "w_zero": np.int8(0)}, "shape of w_scale"),
        ({"w_zero": np.int8([0, 0])}, "shape of w_zero_point"),
        ({"y_zero": np.int32(0)}, "type of y_zero_point"),
        ({"y_scale": SCALES}, "shape of y_scale"),
        ({"y_scale": np.float64(1)}, "type of y_scale"),
        ({"kernel_shape": (3, 3)}, "kernel"),
    ],
)
def test_what_does_not_fit_is_refused(given, detail):
    with pytest.raises(Refused, match=detail):
        convolve(**given)
