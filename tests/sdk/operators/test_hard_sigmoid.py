"""HardSigmoid, HardSwish, Softsign: each operation rounded in the format of the tensors."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

SMALL = st.floats(-10, 10, width=32)


def exact(value):
    return Fraction(float(value))


def line(x, alpha, beta):
    """Between 0 and 1; a product and a sum, each rounded."""
    product = exact(float32(exact(x) * exact(np.float32(alpha))))
    return min(max(float32(product + exact(np.float32(beta))), np.float32(0)), np.float32(1))


@given(x=SMALL)
def test_the_hard_sigmoid_is_a_line_between_zero_and_one(x):
    got = operate("HardSigmoid", np.float32([x]), version=22)
    assert got[0] == line(x, 0.2, 0.5)
    assert operate("HardSigmoid", np.float32([x]), version=6, alpha=1.5, beta=0.25)[0] == line(x, 1.5, 0.25)


@given(x=SMALL)
def test_the_hard_swish_is_a_product_with_such_a_line(x):
    got = operate("HardSwish", np.float32([x]), version=22)
    assert got[0] == float32(exact(x) * exact(line(x, float32(Fraction(1, 6)), 0.5)))


@given(x=SMALL)
def test_softsign_is_a_quotient(x):
    below = exact(float32(1 + abs(exact(x))))
    assert operate("Softsign", np.float32([x]), version=22)[0] == float32(exact(x) / below)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("HardSigmoid", [1, 0, 0.5, 0.5, np.nan]),
        ("HardSwish", [np.inf, np.nan, 0, -0.0, np.nan]),
        ("Softsign", [np.nan, np.nan, 0, -0.0, np.nan]),
    ],
)
def test_at_the_edges(name, want):
    x = np.float32([np.inf, -np.inf, 0, -0.0, np.nan])
    assert bits(operate(name, x, version=22)) == bits(np.float32(want))


def test_a_sixth_of_doubles_is_a_double():
    assert operate("HardSwish", np.float64([1]), version=14).tolist() == [1 / 6 + 0.5]
