"""Matrix products in C against the plain ones, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from assay.operators import arithmetic, products
from native.epilogue import RELU, Add, Clip, Normalise
from native.products import matmul, pack
from tests.native import machines
from tests.native.comparing import nasty, numbers, same_bits

THREADS = (1, 2, 3, 8)
SHAPES = [  # M, K, N: nothing, one, odd, more than a tile, than a panel, than a block of links
    *[(1, 1, 1), (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 300, 100), (3, 5, 200), (5, 7, 33), (6, 2, 64), (7, 9, 65)],
    *[(13, 600, 70), (25, 256, 64), (2, 257, 129), (300, 3, 40), (12, 512, 32), (1, 1, 700)],
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("values", [numbers, nasty])
def test_the_bits_are_those_of_the_plain_operator(kernels, shape, values):
    rng = np.random.default_rng(SHAPES.index(shape))
    rows, links, columns = shape
    a, b = values(rng, rows, links), values(rng, links, columns)
    wanted = products.matmul(a, b)
    for threads in THREADS:
        same_bits(matmul(kernels, a, b, threads=threads), wanted)
        same_bits(matmul(kernels, a, pack(kernels, b), threads=threads), wanted)


def test_a_transpose_is_packed_as_it_lies(kernels):
    rng = np.random.default_rng(1)
    a, b = numbers(rng, 9, 20), numbers(rng, 70, 20)
    same_bits(matmul(kernels, a, pack(kernels, b.T)), products.matmul(a, b.T))


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3, 4, 5), (2, 3, 5, 6)), ((3, 4, 5), (2, 1, 5, 37)), ((4, 5), (3, 5, 6)), ((0, 4, 5), (5, 6))],
)
def test_leading_axes_are_broadcast(kernels, left, right):
    rng = np.random.default_rng(2)
    a, b = nasty(rng, *left, part=0.02), nasty(rng, *right, part=0.02)
    wanted = products.matmul(a, b)
    for threads in THREADS:
        same_bits(matmul(kernels, a, b, threads=threads), wanted)


def test_a_chain_that_overflows_stays_infinite(kernels):
    huge = np.float32(3e38)
    a, b = np.float32([[huge, huge, -huge, -huge]]), np.ones((4, 1), np.float32)
    same_bits(matmul(kernels, a, b), np.float32([[np.inf]]))


@arithmetic.quiet
def test_what_follows_a_product_is_rounded_as_on_its_own(kernels):
    rng = np.random.default_rng(3)
    a, b = nasty(rng, 14, 30, part=0.003), nasty(rng, 30, 45, part=0.003)
    bias, residual = nasty(rng, 45), nasty(rng, 14, 45)
    mean, scale, shift = nasty(rng, 45), nasty(rng, 45), nasty(rng, 45)
    least, greatest = np.float32(-3), np.float32(6)
    x = products.matmul(a, b)
    x = arithmetic.canonical(x + bias)
    x = arithmetic.canonical(arithmetic.fma(*np.broadcast_arrays(arithmetic.canonical(x - mean), scale, shift)))
    x = arithmetic.canonical(x + residual)
    clipped = arithmetic.least(arithmetic.greatest(x, least), greatest)
    steps = (Add(bias), Normalise(mean, scale, shift), Add(residual))
    same_bits(matmul(kernels, a, b, steps=steps), x)
    same_bits(matmul(kernels, a, b, steps=(*steps, RELU), threads=2), arithmetic.greatest(x, np.float32(0)))
    bounds = Clip(np.array(least), np.array(greatest))
    same_bits(matmul(kernels, a, pack(kernels, b), steps=(*steps, bounds)), clipped)


def test_relu_of_zeros_is_plus_zero_and_of_a_nan_the_one(kernels):
    a = np.float32([[-0.0], [-1e-45], [np.nan], [-np.inf]])
    got = matmul(kernels, a, np.float32([[1e-45]]), steps=(Add(np.array(np.float32(-0.0))), RELU))
    assert got.view(np.uint32).tolist() == [[0], [0], [0x7FC00000], [0]]


@seed(6)
@given(
    st.integers(0, 40),
    st.integers(0, 530),
    st.integers(0, 140),
    st.sampled_from(THREADS),
    st.integers(0, 2**32 - 1),
)
def test_any_shape(rows, links, columns, threads, values):
    rng = np.random.default_rng(values)
    a, b = nasty(rng, rows, links, part=0.01), nasty(rng, links, columns, part=0.01)
    wanted = products.matmul(a, b)
    for kernels in machines.every():
        same_bits(matmul(kernels, a, b, threads=threads), wanted)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        (np.ones((2, 3)), np.ones((3, 2), np.float32), TypeError),
        (np.ones((2, 3), np.float32), np.ones((2, 3), np.float32), ValueError),
        (np.ones((2, 6), np.float32)[:, ::2], np.ones((3, 2), np.float32), ValueError),
        (np.ones((2, 3), ">f4"), np.ones((3, 2), np.float32), TypeError),
        (np.ones(3, np.float32), np.ones((3, 2), np.float32), ValueError),
    ],
)
def test_nothing_goes_down_unchecked(kernels, a, b, error):
    with pytest.raises(error):
        matmul(kernels, a, b)


def test_results_go_where_they_fit_and_nothing_else_lies(kernels):
    a = np.ones((3, 3), np.float32)
    out = np.empty((3, 3), np.float32)
    assert matmul(kernels, a, a, out=out) is out
    for wrong in (a, np.empty((3, 4), np.float32), np.empty((3, 3)), np.empty((3, 6), np.float32)[:, ::2]):
        with pytest.raises((TypeError, ValueError)):
            matmul(kernels, a, a, out=wrong)
    for threads in (0, 65):
        with pytest.raises(ValueError, match="threads"):
            matmul(kernels, a, a, threads=threads)


@pytest.mark.parametrize(
    "step", [Add(np.ones(4, np.float32)), Add(np.ones(3)), Normalise(*np.ones((3, 2), np.float32))]
)
def test_operands_of_what_follows_have_to_fit(kernels, step):
    a = np.ones((3, 3), np.float32)
    with pytest.raises((TypeError, ValueError)):
        matmul(kernels, a, a, steps=(step,))
