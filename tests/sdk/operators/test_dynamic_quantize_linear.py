"""DynamicQuantizeLinear."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate


def quantise(x):
    y, scale, zero = operate("DynamicQuantizeLinear", np.float32(x), version=11, outputs=3)
    return y.tolist(), scale, zero.tolist()


def test_the_range_with_zero_in_it_becomes_a_byte():
    y, scale, zero = quantise([0, 2, -3, -2.5, 1.34, 0.5])
    assert bits(scale) == bits(np.float32(5) / np.float32(255))
    assert (y, zero) == ([153, 255, 0, 26, 221, 179], 153)


@pytest.mark.parametrize(
    ("x", "y", "zero"), [([51, 102, 255], [51, 102, 255], 0), ([-51, -102, -255], [204, 153, 0], 255)]
)
def test_zero_is_in_it_also_if_it_is_at_one_end(x, y, zero):
    assert (quantise(x)[0], quantise(x)[2]) == (y, zero)


@pytest.mark.parametrize("x", [[0, -0.0, 0], [], [[]]])
def test_nothing_but_zeros_has_the_scale_zero(x):
    y, scale, zero = quantise(x)
    assert (np.ravel(y).any(), bits(scale), zero) == (False, [0], 0)


def test_a_range_too_small_for_a_scale_is_zero_too():
    """1.4e−45 ÷ 255 is 0; what is not 0 is then infinitely far from it."""
    y, scale, zero = quantise([1e-45, 0])
    assert (y, scale.tolist(), zero) == ([255, 0], 0, 0)


def test_nan_makes_everything_zero():
    y, scale, zero = quantise([1, np.nan, -3])
    assert (y, bits(scale), zero) == ([0, 0, 0], [0x7FC00000], 0)


def test_in_an_infinite_range_everything_is_zero():
    assert quantise([1, np.inf]) == ([0, 0], np.inf, 0)
    y, scale, zero = quantise([-3e38, 3e38])
    assert (y, scale, zero) == ([0, 0], np.inf, 0)


def test_only_float32_is_taken():
    with pytest.raises(Refused, match="type of x"):
        operate("DynamicQuantizeLinear", np.zeros(3), version=11, outputs=3)


@pytest.mark.parametrize("zeros", [[0.0, 0.0], [-0.0, -0.0], [0.0, -0.0], [-0.0, 0.0]], ids=str)
def test_zeros_of_either_sign_have_the_scale_plus_zero(zeros):
    _, scale, _ = operate("DynamicQuantizeLinear", np.float32(zeros), version=11, outputs=3)
    assert bits(scale) == [0]
