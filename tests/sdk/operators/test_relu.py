"""Relu, LeakyRelu, PRelu, ThresholdedRelu, Shrink: one side of zero is changed, the other is not."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
PAYLOAD = np.uint32([0xFFC12345]).view(np.float32)[0]
EDGES = np.float32([-np.inf, -1, -(2.0**-149), -0.0, 0.0, 2.0**-149, 1, np.inf, PAYLOAD])


def test_the_rectifier_makes_minus_zero_plus_zero():
    want = np.float32([0, 0, 0, 0, 0, 2.0**-149, 1, np.inf, np.nan])
    assert bits(operate("Relu", EDGES, version=14)) == bits(want)
    assert operate("Relu", np.int8([-128, 0, 127]), version=14).tolist() == [0, 0, 127]
    assert operate("Relu", np.float32(-3), version=14).tolist() == 0


def test_the_leaky_one_keeps_minus_zero_and_rounds_once():
    want = np.float32(
        [-np.inf, -0.5, -0.0, -0.0, 0.0, 2.0**-149, 1, np.inf, np.nan]
    )  # half the least: a tie, even
    assert bits(operate("LeakyRelu", EDGES, version=16, alpha=0.5)) == bits(want)
    assert operate("LeakyRelu", np.float32([-1]), version=6)[0] == -np.float32(0.01)


@given(x=FINITE, slope=FINITE)
def test_the_slope_is_a_factor_below_zero(x, slope):
    got = operate("PRelu", np.float32([x]), np.float32([slope]), version=16)[0]
    assert got == (float32(Fraction(x) * Fraction(slope)) if x < 0 else np.float32(x))


@pytest.mark.parametrize("slope", [-2, np.inf, np.nan])
def test_at_zero_the_slope_does_not_count(slope):
    x = np.float32([0.0, -0.0])
    assert bits(operate("PRelu", x, np.float32(slope), version=16)) == bits(x)
    assert bits(operate("LeakyRelu", x, version=16, alpha=float(slope))) == bits(x)
    assert bits(operate("Elu", x, version=22, alpha=float(slope))) == bits(x)


def test_slopes_are_brought_to_the_shape_of_x():
    x = -np.ones((2, 3, 2), np.float32)
    slope = np.float32([[1], [2], [3]])
    assert operate("PRelu", x, slope, version=9)[1].tolist() == [[-1, -1], [-2, -2], [-3, -3]]
    assert operate("PRelu", np.int32([-3, 3]), np.int32(2), version=9).tolist() == [-6, 3]
    with pytest.raises(Refused, match="shape of slope"):
        operate("PRelu", x[0], np.ones((2, 3, 2), np.float32), version=9)
    with pytest.raises(Refused, match="different types"):
        operate("PRelu", x, np.ones(1), version=9)


def test_the_threshold_itself_is_below():
    x = np.float32([-5, -0.0, 1, 1.0000001, np.inf, PAYLOAD])
    assert bits(operate("ThresholdedRelu", x, version=22)) == bits(np.float32([0, 0, 0, 1.0000001, np.inf, 0]))
    assert bits(operate("ThresholdedRelu", x, version=10, alpha=-1.0)) == bits(np.where(x > -1, x, np.float32(0)))


def test_shrinking_is_towards_zero_from_both_sides():
    x = np.float32([-2, -0.5, -0.0, 0.5, 2, np.inf, PAYLOAD])
    assert bits(operate("Shrink", x, version=9)) == bits(np.float32([-2, 0, 0, 0, 2, np.inf, 0]))
    got = operate("Shrink", x, version=9, lambd=0.25, bias=0.5)
    assert bits(got) == bits(np.float32([-1.5, 0, 0, 0, 1.5, np.inf, 0]))
    assert bits(operate("Shrink", np.float32([np.inf]), version=9, bias=np.inf)) == [0x7FC00000]


@pytest.mark.parametrize(("name", "version"), [("Relu", 14), ("LeakyRelu", 16), ("Shrink", 9)])
def test_float16_is_refused(name, version):
    with pytest.raises(Refused, match="type of X"):
        operate(name, np.ones(2, np.float16), version=version)
