"""Products, convolutions and scales of bytes in C against the plain operators, bit by bit."""

import numpy as np
import pytest

from tests.native.carrying_out import agree, declined
from tests.native.comparing import NASTY, nasty, numbers

BYTES = [np.uint8, np.int8]
SHAPES = [((1, 1), (1, 1)), ((5, 7), (7, 33)), ((13, 64), (64, 65)), ((3, 300), (300, 4)), ((100, 3), (3, 40))]
SHAPES += [((2, 3, 8), (8, 5)), ((2, 3, 8), (2, 8, 5)), ((0, 4), (4, 3)), ((25, 512), (512, 128))]


def extreme(rng, dtype, *shape):
    """Half of them at the ends of the type."""
    ends = np.iinfo(dtype)
    x = rng.integers(ends.min, ends.max, shape, dtype=dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.5, rng.choice(np.array([ends.min, ends.max], dtype), shape), x)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("right", BYTES)
@pytest.mark.parametrize("left", BYTES)
def test_products(kernels, left, right, shapes):
    rng = np.random.default_rng(SHAPES.index(shapes))
    a, b = extreme(rng, left, *shapes[0]), extreme(rng, right, *shapes[1])
    zeros = extreme(rng, left), extreme(rng, right)
    agree(kernels, "MatMulInteger", a, b)
    agree(kernels, "MatMulInteger", a, b, *zeros)
    agree(kernels, "MatMulInteger", a, b, *zeros, variable=(1, 2, 3))


def test_zeros_by_row_and_column(kernels):
    rng = np.random.default_rng(1)
    a, b = extreme(rng, np.uint8, 30, 41), extreme(rng, np.int8, 41, 70)
    zeros = extreme(rng, np.uint8, 30), extreme(rng, np.int8, 70)
    agree(kernels, "MatMulInteger", a, b, *zeros)
    agree(kernels, "MatMulInteger", a, b, None, zeros[1], variable=(1, 3))


@pytest.mark.parametrize("to", BYTES)
@pytest.mark.parametrize("scale", [0.02, np.inf, 0.0, np.nan, 1e-30])
def test_rescaled_products(kernels, to, scale):
    rng = np.random.default_rng(2)
    a, b = extreme(rng, np.uint8, 29, 24), extreme(rng, np.int8, 24, 45)
    a_scale, b_scale = np.float32(0.01), np.abs(numbers(rng, 45))
    zeros = np.uint8(128), extreme(rng, np.int8, 45), extreme(rng, to)
    given = (a, a_scale, zeros[0], b, b_scale, zeros[1], np.float32(scale), zeros[2])
    agree(kernels, "QLinearMatMul", *given)
    agree(kernels, "QLinearMatMul", a, np.abs(numbers(rng, 29)), *given[2:], variable=range(1, 8))


CONVOLUTIONS = [  # x, w, attributes
    ((1, 3, 9, 10), (8, 3, 3, 3), {"pads": (1, 1, 1, 1), "strides": (2, 2)}),
    ((2, 4, 7, 40), (6, 2, 1, 1), {"group": 2}),
    ((1, 6, 11, 13), (6, 1, 3, 3), {"group": 6, "pads": (1, 1, 1, 1)}),
    ((1, 2, 12, 9), (13, 2, 3, 2), {"dilations": (2, 3), "pads": (4, 0, 0, 5)}),
    ((1, 2, 30), (3, 2, 5), {"strides": (3,)}),
    ((1, 2, 4, 5, 6), (3, 2, 2, 2, 2), {"pads": (1, 0, 1, 0, 1, 0)}),
    ((1, 1, 5, 5), (1, 1, 1, 1), {}),
]


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("dtype", BYTES)
def test_convolutions(kernels, dtype, case):
    x_shape, w_shape, how = case
    rng = np.random.default_rng(3)
    x, w = extreme(rng, dtype, *x_shape), extreme(rng, np.int8, *w_shape)
    x_zero, w_zero = extreme(rng, dtype), extreme(rng, np.int8, w_shape[0])
    agree(kernels, "ConvInteger", x, w, **how)
    agree(kernels, "ConvInteger", x, w, x_zero, w_zero, variable=(2,), **how)
    scales = np.float32(0.03), np.abs(numbers(rng, w_shape[0])), np.float32(0.7)
    bias = rng.integers(-(2**31), 2**31, w_shape[0]).astype(np.int32)
    given = (x, scales[0], x_zero, w, scales[1], w_zero, scales[2], extreme(rng, dtype))
    agree(kernels, "QLinearConv", *given, **how)
    agree(kernels, "QLinearConv", *given, bias // 2**16, **how)
    agree(kernels, "QLinearConv", *given, bias, variable=(1, 2), **how)


def test_weights_that_may_change_are_left_to_the_plain_operator(kernels):
    rng = np.random.default_rng(4)
    x, w = extreme(rng, np.uint8, 1, 2, 5, 5), extreme(rng, np.int8, 3, 2, 3, 3)
    assert declined(kernels, "ConvInteger", x, w, variable=(1,))


HALVES = np.arange(-600, 600, dtype=np.float32) / 2


@pytest.mark.parametrize("dtype", BYTES)
@pytest.mark.parametrize("scale", [1.0, 0.1, -3.0, np.inf, np.nan, 0.0, 1e-40])
def test_to_bytes_and_back(kernels, dtype, scale):
    rng = np.random.default_rng(5)
    x = np.concatenate([NASTY, HALVES, nasty(rng, 500), 100 * numbers(rng, 500)]).astype(np.float32)
    for zero in (None, dtype(0), dtype(100), dtype(np.iinfo(dtype).min), dtype(127)):
        if zero is not None or dtype == np.uint8:
            agree(kernels, "QuantizeLinear", x, np.float32(scale), zero, variable=(1, 2))
        agree(kernels, "DequantizeLinear", np.arange(256).astype(dtype), np.float32(scale), zero)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_scales_along_an_axis(kernels, axis):
    rng = np.random.default_rng(6)
    x = 50 * numbers(rng, 3, 40, 35)
    scale, zero = np.abs(numbers(rng, x.shape[axis])), extreme(rng, np.int8, x.shape[axis])
    agree(kernels, "QuantizeLinear", x, scale, zero, axis=axis)
    agree(kernels, "DequantizeLinear", extreme(rng, np.int8, *x.shape), scale, zero, axis=axis)


def test_work_that_is_shared_among_threads(kernels):
    x = 50 * numbers(np.random.default_rng(7), 3, 70000)
    agree(kernels, "QuantizeLinear", x, np.float32(0.5), np.uint8(9))
    agree(kernels, "DynamicQuantizeLinear", x, outputs=3)


@pytest.mark.parametrize("end", [1.0, -1.0, 0.0, -0.0, np.inf, np.nan, 3e38, 1e-45])
def test_scales_from_the_range(kernels, end):
    rng = np.random.default_rng(8)
    for x in (
        np.float32([end]),
        np.float32([end, -0.0, 0.0]),
        np.float32([[end, 0.5]] * 20),
        np.zeros(0, np.float32),
    ):
        agree(kernels, "DynamicQuantizeLinear", x, outputs=3)
    agree(kernels, "DynamicQuantizeLinear", numbers(rng, 5, 33) + np.float32(end), outputs=3)


@pytest.mark.parametrize("dtype", BYTES)
@pytest.mark.parametrize("name", ["QLinearAdd", "QLinearMul"])
def test_pairs(kernels, name, dtype):
    rng = np.random.default_rng(9)
    a, b = extreme(rng, dtype, 300, 7), extreme(rng, dtype, 300, 7)
    zeros = extreme(rng, dtype, 3)
    for scale in (0.5, np.nan, 0.0):
        given = (a, np.float32(0.3), zeros[0], b, np.float32(-0.7), zeros[1], np.float32(scale))
        agree(kernels, name, *given, zeros[2], domain="com.microsoft", variable=(3,))
        agree(kernels, name, *given, domain="com.microsoft")
    assert declined(kernels, name, a, *given[1:3], b[:1], *given[4:], domain="com.microsoft")
