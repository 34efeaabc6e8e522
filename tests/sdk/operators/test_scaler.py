"""Differences, then products, in the format of the features."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import bits, operate


def scale(x, offset, scale):
    return operate("Scaler", x, version=1, domain=ML, offset=offset, scale=scale)


def test_the_difference_is_rounded_and_then_the_product():
    x = np.float32([[1 + 2**-23, 3]])
    made = scale(x, (2.0**-24, 1.0), (3.0, 0.5))
    assert made.tolist() == [[3, 1]]  # 1 + 2⁻²⁴ is a tie, which goes to 1
    assert scale(x, (1.0,), (2.0,)).tolist() == [[2**-22, 4]]


def test_doubles_are_scaled_as_doubles_and_rounded_once():
    assert scale(np.float64([2**30 + 0.25]), (2.0**30,), (1.0,)).tolist() == [0.25]


def test_integers_become_float32_first():
    assert scale(np.int64([16777217]), (16777216.0,), (1.0,)).tolist() == [0]


def test_one_nan():
    assert bits(scale(np.float32([np.inf, -np.nan]), (np.inf,), (1.0,))) == [0x7FC00000] * 2


@pytest.mark.parametrize(
    ("shape", "offset", "scales"),
    [
        ((1, 3), (1.0, 2.0), (1.0, 2.0)),
        ((3,), (1.0,), (1.0, 1.0, 1.0)),
        ((2, 2, 3), (1.0,) * 3, (1.0,) * 3),
        ((), (1.0,), (1.0,)),
    ],
)
def test_what_does_not_fit_is_refused(shape, offset, scales):
    with pytest.raises(Refused, match=r"length|shape"):
        scale(np.zeros(shape, np.float32), offset, scales)
