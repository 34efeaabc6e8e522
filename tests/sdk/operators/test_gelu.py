"""Gelu, Mish, Swish: products with a share, rounded once."""

from decimal import Decimal

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk import exactly
from tests.sdk.operators.operating import bits, operate

HALF = Decimal("0.5")


def gelu(x):
    return x * HALF * (1 + exactly.erf(x * HALF.sqrt()))


def gelu_by_tanh(x):
    return x * HALF * (1 + exactly.tanh((2 / exactly.PI).sqrt() * (x + Decimal("0.044715") * x**3)))


ONE = {
    "gelu": ("Gelu", 20, {}, gelu),
    "gelu by tanh": ("Gelu", 20, {"approximate": "tanh"}, gelu_by_tanh),
    "mish": ("Mish", 22, {}, lambda x: x * exactly.tanh(exactly.softplus(x))),
    "swish": ("Swish", 24, {}, lambda x: x * exactly.sigmoid(x)),
    "swish of less": ("Swish", 24, {"alpha": 0.25}, lambda x: x * exactly.sigmoid(x / 4)),
}


@pytest.mark.parametrize("case", ONE)
def test_it_is_within_half_a_unit_and_a_little(case):
    """Gelu down to −4: below, 1 + erf cancels."""
    name, version, attributes, function = ONE[case]
    random = np.random.default_rng(4)
    x = (random.normal(size=250) * 2.0 ** random.integers(-40, 4, 250)).astype(np.float32)
    x = np.clip(x, -4, 60) if name == "Gelu" else x
    for each, got in zip(x, operate(name, x, version=version, **attributes), strict=True):
        assert exactly.off_by(got, function, each) < 0.501, each


def test_the_tail_of_gelu_is_cut_where_it_is_below_a_ten_millionth():
    x = np.linspace(-9, -4, 200, dtype=np.float32)
    for each, got in zip(x, operate("Gelu", x, version=20), strict=True):
        assert abs(Decimal(float(got)) - gelu(Decimal(float(each)))) < Decimal("8e-8")


@pytest.mark.parametrize("case", ONE)
def test_at_the_edges(case):
    name, version, attributes, _ = ONE[case]
    x = np.float32([np.inf, -np.inf, 0, -0.0, np.nan, 3e38, -3e38, 1e20, -1e20])
    want = np.float32([np.inf, np.nan, 0, -0.0, np.nan, 3e38, -0.0, 1e20, -0.0])
    assert bits(operate(name, x, version=version, **attributes)) == bits(want)


def test_a_sigmoid_the_other_way_round():
    x = np.float32([np.inf, -np.inf, 2])
    assert bits(operate("Swish", x, version=24, alpha=-1.0))[:2] == bits(np.float32([np.nan, -np.inf]))
    assert bits(operate("Swish", x, version=24, alpha=0.0)) == bits(np.float32([np.nan, np.nan, 1]))


def test_what_is_refused():
    with pytest.raises(Refused, match="approximate"):
        operate("Gelu", np.ones(2, np.float32), version=20, approximate="sigmoid")
    with pytest.raises(Refused, match="type of X"):
        operate("Swish", np.ones(2), version=24)
