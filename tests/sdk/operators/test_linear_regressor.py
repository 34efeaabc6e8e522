"""One chain for each target, and the intercept."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.by_hand import chained, numbers
from tests.sdk.operators.operating import bits, operate


def regress(x, **given):
    return operate("LinearRegressor", x, version=1, domain=ML, **given)


def test_a_chain_over_the_features_and_then_the_intercept():
    x, weights, intercepts = numbers(1, 7, 37), numbers(2, 3, 37), numbers(3, 3)
    made = regress(
        x, coefficients=tuple(weights.ravel().tolist()), intercepts=tuple(intercepts.tolist()), targets=3
    )
    expected = [
        [chained(zip(row, each, strict=True)) + b for each, b in zip(weights, intercepts, strict=True)]
        for row in x
    ]
    assert bits(made) == bits(np.float32(expected))


def test_other_numbers_become_float32_first():
    given = {"coefficients": (1.0,), "intercepts": (1.0,)}
    assert regress(np.int64([[16777217]]), **given).tolist() == [[16777216]]
    assert regress(np.float64([[1 + 2**-30]]), **given).tolist() == [[2]]


def test_one_nan():
    assert bits(regress(np.float32([[np.inf, 1]]), coefficients=(0.0, 1.0))) == [[0x7FC00000]]


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"coefficients": (1.0, 2.0, 3.0)}, "length of coefficients"),
        ({"coefficients": (1, 2)}, "coefficients"),
        ({"intercepts": (1.0, 2.0)}, "length of intercepts"),
        ({"targets": 0}, "targets"),
        ({"targets": 2**62}, "length of coefficients"),
        ({"post_transform": "LOGISTIC"}, "post_transform"),
    ],
)
def test_what_is_refused(changed, detail):
    with pytest.raises(Refused, match=detail):
        regress(np.zeros((1, 2), np.float32), **{"coefficients": (1.0, 2.0)} | changed)
