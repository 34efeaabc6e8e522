"""BatchNormalization, as it is in inference."""

from fractions import Fraction

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.by_hand import nan, numbers
from tests.sdk.operators.operating import bits, operate

EPSILON = np.float32(0.01)


def inputs(channels=3, rank=4):
    of_channels = [numbers(seed, channels) for seed in range(2, 6)]
    return [numbers(1, 2, channels, *(2, 5)[: rank - 2]), *of_channels[:3], abs(of_channels[3])]


@pytest.mark.parametrize("version", [7, 9, 14, 15])
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_a_scale_for_each_channel_and_one_fused_step_for_each_element(version, rank):
    x, scale, b, mean, variance = inputs(rank=rank)
    got = operate("BatchNormalization", x, scale, b, mean, variance, version=version, epsilon=float(EPSILON))
    s = scale / np.sqrt(variance + EPSILON)
    for place in np.ndindex(x.shape):
        c = place[1]
        exact = Fraction(float(x[place] - mean[c])) * Fraction(float(s[c])) + Fraction(float(b[c]))
        assert bits(got[place]) == bits(float32(exact))


def test_a_variance_below_zero_is_nan_and_one_of_zero_is_saved_by_epsilon():
    x, one = np.float32([[1, 1]]), np.float32([1, 1])
    got = operate("BatchNormalization", x, one, one, one, np.float32([-1, 0]), version=15)
    assert bits(got) == [[nan(), bits(np.float32([1]))[0]]]


def test_momentum_is_of_training_and_changes_nothing():
    plain = operate("BatchNormalization", *inputs(), version=9)
    assert bits(operate("BatchNormalization", *inputs(), version=9, momentum=0.5)) == bits(plain)


@pytest.mark.parametrize(
    ("version", "attributes", "detail"),
    [
        (15, {"training_mode": 1}, "training_mode"),
        (7, {"spatial": 0}, "spatial"),
        (9, {"spatial": 1}, "spatial"),
        (15, {"outputs": 3}, "output"),
    ],
)
def test_training_is_refused(version, attributes, detail):
    with pytest.raises(Refused, match=detail):
        operate("BatchNormalization", *inputs(), version=version, **attributes)


@pytest.mark.parametrize("which", range(5))
def test_other_shapes_and_types_are_refused(which):
    given = inputs()
    given[which] = given[which].astype(np.float64)
    with pytest.raises(Refused, match="type"):
        operate("BatchNormalization", *given, version=15)
    given[which] = numbers(1, 4)
    with pytest.raises(Refused, match=r"shape|rank"):
        operate("BatchNormalization", *given, version=15)
