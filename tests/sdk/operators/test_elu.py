"""Elu, Selu, Celu: rounded once, near zero too, where exp x − 1 would cancel."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk import exactly
from tests.sdk.operators.operating import bits, operate

ALPHA, GAMMA = np.float32(1.6732631921768188), np.float32(1.0507010221481323)
SLOPE = np.float32(0.7)


def expm1(x):
    with localcontext() as context:
        context.prec = 140  # for what cancels
        return x.exp() - 1


def exact(value):
    return Decimal(float(value))


ONE = {
    "Elu": (22, {"alpha": float(SLOPE)}, lambda x: exact(SLOPE) * expm1(x) if x < 0 else x),
    "Selu": (22, {}, lambda x: exact(GAMMA) * (x if x > 0 else exact(ALPHA) * expm1(x))),
    "Celu": (28, {"alpha": float(SLOPE)}, lambda x: x if x > 0 else exact(SLOPE) * expm1(x / exact(SLOPE))),
}


@pytest.mark.parametrize("name", ONE)
def test_it_is_within_half_a_unit_and_a_little(name):
    version, attributes, function = ONE[name]
    random = np.random.default_rng(3)
    x = (random.normal(size=300) * 2.0 ** random.integers(-60, 7, 300)).astype(np.float32)
    x = np.concatenate([x, np.float32([-0.25, -0.24999999, -0.25000003, -(2.0**-140), -104, -1e9])])
    for each, got in zip(x, operate(name, x, version=version, **attributes), strict=True):
        assert exactly.off_by(got, function, each) < 0.501, each


@pytest.mark.parametrize("name", ONE)
def test_at_the_edges(name):
    version, _, _ = ONE[name]
    end = -GAMMA * ALPHA if name == "Selu" else np.float32(-1)
    x = np.float32([np.inf, -np.inf, 0, -0.0, np.nan])
    got = operate(name, x, version=version)
    assert bits(got) == bits(np.float32([np.inf, end, 0, -0.0, np.nan]))


def test_without_a_slope_there_is_no_quotient():
    got = operate("Celu", np.float32([-1, 1, 0]), version=12, alpha=0.0)
    assert bits(got) == bits(np.float32([-0.0, 1, np.nan]))


@pytest.mark.parametrize("name", ONE)
def test_doubles_are_refused(name):
    with pytest.raises(Refused, match="type of X"):
        operate(name, np.ones(2), version=ONE[name][0])
