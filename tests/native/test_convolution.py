"""Convolutions in C against the plain ones, bit by bit."""

import numpy as np
import pytest
from hypothesis import assume, given, seed
from hypothesis import strategies as st

from assay.operators import arithmetic, products
from assay.operators.products import Window
from native.epilogue import RELU, Add, Normalise
from native.products import convolution
from tests.native import machines
from tests.native.carrying_out import declined
from tests.native.comparing import nasty, numbers, same_bits

THREADS = (1, 2, 3, 8)


def window(kernel, strides=(1, 1), dilations=(1, 1), before=(0, 0), after=(0, 0)):
    return Window(kernel, strides, dilations, before, after)


SAME = window((3, 3), before=(1, 1), after=(1, 1))
CASES = {  # x, weights, window, groups
    "one by one": ((2, 7, 5, 9), (13, 7, 1, 1), window((1, 1)), 1),
    "one by one, every second": ((1, 3, 6, 7), (4, 3, 1, 1), window((1, 1), (2, 2)), 1),
    "three by three": ((1, 3, 9, 20), (14, 3, 3, 3), SAME, 1),
    "seven by seven, every second": (
        (1, 3, 20, 23),
        (5, 3, 7, 7),
        window((7, 7), (2, 2), before=(3, 3), after=(3, 3)),
        1,
    ),
    "more than a block of links": ((1, 40, 4, 5), (30, 40, 3, 3), SAME, 1),
    "padding on one side": ((1, 2, 5, 4), (3, 2, 3, 2), window((3, 2), (1, 1), (1, 1), (0, 2), (1, 0)), 1),
    "a kernel as large as the image": ((2, 3, 4, 5), (2, 3, 4, 5), window((4, 5)), 1),
    "more padding than image": ((1, 2, 1, 1), (3, 2, 2, 2), window((2, 2), before=(3, 4), after=(2, 5)), 1),
    "dilated": ((1, 3, 12, 11), (4, 3, 3, 3), window((3, 3), (1, 2), (3, 2), (2, 1), (1, 2)), 1),
    "groups": ((2, 6, 7, 8), (9, 2, 3, 3), SAME, 3),
    "an image without pixels": ((1, 2, 3, 0), (2, 2, 1, 1), window((1, 1), before=(0, 1), after=(0, 1)), 1),
    "no image": ((0, 2, 3, 4), (2, 2, 1, 1), window((1, 1)), 1),
    "no channels": ((1, 0, 3, 4), (2, 0, 1, 1), window((1, 1)), 1),
    "a line": ((2, 3, 40), (4, 3, 5), Window((5,), (1,), (2,), (3,), (4,)), 1),
    "each channel alone": ((2, 5, 9, 19), (5, 1, 3, 3), SAME, 5),
    "each alone, every second": (
        (1, 4, 13, 40),
        (4, 1, 3, 3),
        window((3, 3), (2, 2), before=(1, 1), after=(1, 1)),
        4,
    ),
    "each alone, every third": (
        (1, 2, 13, 40),
        (2, 1, 3, 5),
        window((3, 5), (3, 3), before=(1, 2), after=(1, 2)),
        2,
    ),
    "each alone, five by five": ((1, 3, 7, 7), (3, 1, 5, 5), window((5, 5), before=(2, 2), after=(2, 2)), 3),
    "each alone, dilated": ((1, 3, 9, 40), (3, 1, 3, 3), window((3, 3), (1, 1), (2, 3), (2, 3), (2, 3)), 3),
    "each alone, two made of it": ((2, 3, 6, 6), (6, 1, 3, 3), SAME, 3),
    "each alone, more padding than image": (
        (1, 2, 1, 1),
        (2, 1, 3, 3),
        window((3, 3), before=(5, 4), after=(5, 4)),
        2,
    ),
    "each alone, without pixels": (
        (1, 2, 2, 0),
        (2, 1, 1, 1),
        window((1, 1), (3, 3), before=(0, 1), after=(0, 1)),
        2,
    ),
    "each alone, a line": ((2, 3, 40), (3, 1, 5), Window((5,), (2,), (1,), (2,), (2,)), 3),
    "each alone, a long line": ((1, 2, 1, 2100), (2, 1, 1, 3), window((1, 3), before=(0, 1), after=(0, 1)), 2),
    "each alone, two long lines": ((1, 1, 2, 1100), (1, 1, 2, 2), window((2, 2), before=(1, 1), after=(0, 1)), 1),
    "each alone, too wide": ((1, 2, 1, 60), (2, 1, 1, 40), window((1, 40), before=(0, 3), after=(0, 3)), 2),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("values", [numbers, nasty])
def test_the_bits_are_those_of_the_plain_operator(kernels, case, values):
    rng = np.random.default_rng(list(CASES).index(case))
    size, kernel, over, groups = CASES[case]
    x, weights = values(rng, *size), values(rng, *kernel)
    wanted = products.convolution(x, weights, over, groups)
    for threads in THREADS:
        same_bits(convolution(kernels, x, weights, over, groups, threads=threads), wanted)


@pytest.mark.parametrize("alone", [False, True])
def test_padding_is_left_out_and_not_multiplied_by_zero(kernels, alone):
    """Weights that are infinite or NaN, and products that vanish to −0, would tell."""
    x = np.full((1, 2, 5, 18), -1e-30, np.float32)
    weights = np.full((2, 1 if alone else 2, 3, 3), 1e-30, np.float32)
    groups = 2 if alone else 1
    wanted = np.full((1, 2, 5, 18), -0.0, np.float32)
    same_bits(convolution(kernels, x, weights, SAME, groups), wanted)
    weights[:, :, 0, :], x[:] = np.inf, 1
    got = convolution(kernels, x, weights, SAME, groups)
    assert np.isfinite(got[:, :, 0]).all()
    assert np.isinf(got[:, :, 1:]).all()
    weights[:, :, :, 2] = np.nan
    got = convolution(kernels, x, weights, SAME, groups)
    assert np.isnan(got[..., :-1]).all()
    assert not np.isnan(got[..., -1]).any()


@pytest.mark.parametrize("groups", [1, 4])
@arithmetic.quiet
def test_what_follows_a_convolution_is_rounded_as_on_its_own(kernels, groups):
    rng = np.random.default_rng(3)
    x, weights = nasty(rng, 2, 4, 6, 11, part=0.003), nasty(rng, 8, 4 // groups, 3, 3, part=0.003)
    bias, mean, scale, shift = (nasty(rng, 8) for _ in range(4))
    y = products.convolution(x, weights, SAME, groups)
    residual = nasty(rng, *y.shape)
    column = (8, 1, 1)
    y = arithmetic.canonical(y + bias.reshape(column))
    centred = arithmetic.canonical(y - mean.reshape(column))
    factors = np.broadcast_arrays(centred, scale.reshape(column), shift.reshape(column))
    y = arithmetic.canonical(arithmetic.canonical(arithmetic.fma(*factors)) + residual)
    steps = (Add(bias), Normalise(mean, scale, shift), Add(residual))
    for threads in THREADS:
        same_bits(convolution(kernels, x, weights, SAME, groups, steps=steps, threads=threads), y)
    wanted = arithmetic.greatest(y, np.float32(0))
    same_bits(convolution(kernels, x, weights, SAME, groups, steps=(*steps, RELU)), wanted)


SMALL = st.tuples(st.integers(1, 4), st.integers(1, 4))


@seed(7)
@given(
    *(st.integers(0, 2), st.integers(1, 3), st.integers(0, 3), st.integers(0, 5)),
    *(st.tuples(st.integers(0, 12), st.integers(0, 40)), SMALL, SMALL, SMALL, SMALL, SMALL),
    *(st.sampled_from(THREADS), st.integers(0, 2**32 - 1)),
)
def test_any_shape(
    images, groups, channels, made, size, kernel, strides, dilations, before, after, threads, values
):
    over = Window(kernel, strides, dilations, tuple(b - 1 for b in before), tuple(a - 1 for a in after))
    assume(min(over.places(size)) >= 0)
    rng = np.random.default_rng(values)
    x = nasty(rng, images, groups * channels, *size, part=0.01)
    weights = nasty(rng, groups * made, channels, *kernel, part=0.01)
    wanted = products.convolution(x, weights, over, groups)
    for kernels in machines.every():
        same_bits(convolution(kernels, x, weights, over, groups, threads=threads), wanted)


@pytest.mark.parametrize(
    ("x", "weights", "over", "groups"),
    [
        ((1, 4, 5, 5), (2, 3, 3, 3), SAME, 1),
        ((1, 4, 5, 5), (3, 2, 3, 3), SAME, 2),
        ((1, 4, 5, 5), (2, 4, 1, 1), SAME, 1),
        ((1, 4, 5, 5, 5), (2, 4, 1, 1, 1), Window((1,) * 3, (1,) * 3, (1,) * 3, (0,) * 3, (0,) * 3), 1),
        ((1, 1, 5, 5), (1, 1, 1, 1), window((1, 1), before=(2**16, 2**16)), 1),
        ((1, 1, 5, 5), (1, 1, 7, 1), window((7, 1)), 1),
        ((1, 1, 5, 5), (1, 1, 1, 1), window((1, 1), before=(-1, 0)), 1),
        ((1, 1, 5, 5), (1, 1, 1, 0), window((1, 0)), 1),
        ((1, 1, 5, 5), (1, 1, 1, 1), window((1, 1), strides=(0, 1)), 1),
    ],
)
def test_nothing_goes_down_unchecked(kernels, x, weights, over, groups):
    with pytest.raises(ValueError, match=r"expected|groups"):
        convolution(kernels, np.zeros(x, np.float32), np.zeros(weights, np.float32), over, groups)


def test_an_image_that_is_padded_beyond_measure_is_left_to_the_plain_operator(kernels):
    x, weights = np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 3, 3), np.float32)
    assert declined(kernels, "Conv", x, weights, pads=(2**16,) * 4, strides=(2**16, 2**16))
