"""Gemm: a chain, two factors, a sum."""

from fractions import Fraction

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.by_hand import chained, nan, numbers
from tests.sdk.operators.operating import bits, operate

ALPHA, BETA = float(np.float32(0.1)), float(np.float32(0.3))


def product(*factors):
    value = Fraction(1)
    for each in factors:
        value *= Fraction(float(each))
    return float32(value)


@pytest.mark.parametrize("version", [7, 9, 11, 13])
@pytest.mark.parametrize("shape", [(), (3,), (2, 1), (1, 3), (2, 3)])
def test_each_product_and_the_sum_are_rounded_in_turn(shape, version):
    a, b, c = numbers(1, 5, 2), numbers(2, 3, 5), numbers(3, *shape)
    got = operate("Gemm", a, b, c, version=version, alpha=ALPHA, beta=BETA, transA=1, transB=1)
    spread = np.broadcast_to(c, (2, 3))
    for m in range(2):
        for n in range(3):
            value = product(ALPHA, chained(zip(a[:, m], b[n], strict=True)))
            want = float32(Fraction(float(value)) + Fraction(float(product(BETA, spread[m, n]))))
            assert bits(got[m, n]) == bits(want)


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("right", [0, 1])
def test_either_may_be_transposed(left, right):
    a, b = np.float32([[1, 2], [3, 4]]), np.float32([[5, 6], [7, 8]])
    got = operate("Gemm", a, b, version=11, transA=left, transB=right)
    assert got.tolist() == ((a.T if left else a) @ (b.T if right else b)).tolist()


def test_without_c_nothing_is_added():
    """−2⁻²⁰⁰ underflows to −0, to which adding 0 would give +0."""
    tiny = np.float32([[2.0**-100]])
    assert bits(operate("Gemm", -tiny, tiny, version=13)) == [[0x80000000]]
    assert bits(operate("Gemm", -tiny, tiny, np.float32([0]), version=13)) == [[0]]


def test_an_infinite_c_is_multiplied_by_a_beta_of_zero():
    one = np.float32([[1]])
    assert bits(operate("Gemm", one, one, np.float32([np.inf]), version=13, beta=0.0)) == [[nan()]]


def test_a_sum_over_nothing_leaves_c():
    assert operate("Gemm", numbers(1, 2, 0), numbers(1, 0, 1), np.float32([7]), version=13).tolist() == [[7], [7]]


@pytest.mark.parametrize(
    ("inputs", "attributes"),
    [
        ((numbers(1, 2, 3), numbers(1, 2, 3)), {}),
        ((numbers(1, 2, 3), numbers(1, 3, 2)), {"transA": 1}),
        ((numbers(1, 3), numbers(1, 3, 2)), {}),
        ((numbers(1, 2, 3), numbers(1, 3, 2), numbers(1, 3)), {}),
        ((numbers(1, 2, 3), numbers(1, 3, 2), numbers(1, 1, 2, 2)), {}),
        ((np.ones((2, 3), np.int32), np.ones((3, 2), np.int32)), {}),
        ((numbers(1, 2, 3), numbers(1, 3, 2)), {"alpha": 1}),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(inputs, attributes):
    with pytest.raises(Refused):
        operate("Gemm", *inputs, version=13, **attributes)
