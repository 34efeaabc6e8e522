"""Kernels against chains by fractions; one class; and what is no machine."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import functions
from assay.operators.learned import vectors
from assay.operators.registry import ML
from tests.sdk.operators.by_hand import chained, numbers
from tests.sdk.operators.operating import bits, operate
from tests.sdk.operators.weighing import weighted

FEATURES, VECTORS = 13, 29
GAMMA, ADDEND = np.float32([0.07, 0.3])


def regress(x, **given):
    return operate("SVMRegressor", x, version=1, domain=ML, **given)


def machine(kernel, degree=3.0):
    return {
        "kernel_type": kernel,
        "kernel_params": (float(GAMMA), float(ADDEND), degree),
        "support_vectors": tuple(numbers(2, VECTORS, FEATURES).ravel().tolist()),
        "coefficients": tuple(numbers(3, VECTORS).tolist()),
        "rho": (0.25,),
        "n_supports": VECTORS,
    }


def dots(x):
    return np.float32([[chained(zip(a, b, strict=True)) for b in numbers(2, VECTORS, FEATURES)] for a in x])


def distances(x):
    """Of each row and vector: differences in float32, then the chain of their squares."""
    pairs = [[row - vector for vector in numbers(2, VECTORS, FEATURES)] for row in x]
    return np.float32([[chained(zip(d, d, strict=True)) for d in some] for some in pairs])


KERNELS = {
    "LINEAR": dots,
    "POLY": lambda x: functions.power(dots(x) * GAMMA + ADDEND, np.float32(3)),
    "RBF": lambda x: functions.exp(-(GAMMA * distances(x))),
    "SIGMOID": lambda x: functions.tanh(dots(x) * GAMMA + ADDEND),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_and_then_their_sum_in_double(kernel):
    x = numbers(1, 5, FEATURES)
    weights = numbers(3, VECTORS)
    expected = [[weighted(near, weights, 0.25)] for near in KERNELS[kernel](x)]
    assert bits(regress(x, **machine(kernel))) == bits(np.float32(expected))


def test_what_large_kernels_leave_is_not_lost():
    given = machine("LINEAR") | {"support_vectors": (2.0**24, 1.0, 2.0**24), "n_supports": 3, "rho": (0.0,)}
    made = regress(np.float32([[1]]), **given | {"coefficients": (1.0, 1.0, -1.0)})
    assert made.tolist() == [[1]]


def test_blocks_of_rows_are_no_matter(monkeypatch):
    x = numbers(1, 5, FEATURES)
    whole = bits(regress(x, **machine("RBF")))
    monkeypatch.setattr(vectors, "AT_ONCE", 2 * VECTORS)
    assert bits(regress(x, **machine("RBF"))) == whole


def test_without_vectors_it_is_linear():
    given = {"coefficients": (1.0, 2.0), "rho": (0.5,), "kernel_type": "RBF"}  # which is not looked at
    assert regress(np.float32([[3, 4]]), **given).tolist() == [[11.5]]


def test_one_class_tells_above_from_below():
    given = {"coefficients": (1.0,), "rho": (0.0,), "one_class": 1}
    made = regress(np.float32([[1], [0], [-1], [np.nan]]), **given)
    assert made.tolist() == [[1], [-1], [-1], [-1]]


def test_no_rows_and_one_nan():
    assert regress(np.zeros((0, FEATURES), np.float32), **machine("RBF")).shape == (0, 1)
    assert bits(regress(np.full((1, FEATURES), np.nan, np.float32), **machine("RBF"))) == [[0x7FC00000]]


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"kernel_type": "COSINE"}, "kernel_type"),
        ({"kernel_params": (1.0,)}, "kernel_params"),
        ({"kernel_params": ()}, "kernel_params"),
        ({"kernel_params": (1.0, 0.0, 2.5)}, "degree"),
        ({"kernel_params": (1.0, 0.0, -1.0)}, "degree"),
        ({"kernel_params": (1.0, 0.0, float("inf"))}, "degree"),
        ({"kernel_params": (1.0, 0.0, float("nan"))}, "degree"),
        ({"support_vectors": (1.0,)}, "length of support_vectors"),
        ({"coefficients": (1.0,)}, "length of coefficients"),
        ({"rho": ()}, "length of rho"),
        ({"n_supports": -1}, "n_supports"),
        ({"n_supports": 2**62}, "length of support_vectors"),
        ({"one_class": 2}, "one_class"),
        ({"post_transform": "LOGISTIC"}, "post_transform"),
    ],
)
def test_what_is_refused(changed, detail):
    with pytest.raises(Refused, match=detail):
        regress(numbers(1, 2, FEATURES), **machine("POLY") | changed)
