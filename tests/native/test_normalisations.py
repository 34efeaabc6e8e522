"""Normalisations in C against the plain operators, bit by bit."""

import numpy as np
import pytest

from tests.native.carrying_out import agree, declined
from tests.native.comparing import nasty, numbers

VALUES = [numbers, lambda rng, *shape: nasty(rng, *shape, part=0.002)]
EPSILON = float(np.float32(1e-3))


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("shape", [(3, 1), (2, 5, 17), (4, 768), (1, 16), (300, 100), (0, 5), (5, 0)], ids=str)
def test_layers(kernels, shape, values):
    rng = np.random.default_rng(1)
    x, scale, bias = values(rng, *shape), values(rng, shape[-1]), values(rng, shape[-1])
    agree(kernels, "LayerNormalization", x, scale, bias, outputs=3)
    agree(kernels, "LayerNormalization", x, scale, bias, epsilon=EPSILON, variable=(1, 2))
    agree(kernels, "LayerNormalization", x, scale)
    agree(kernels, "RMSNormalization", x, scale, variable=(1,))


def test_layers_of_several_axes_and_what_is_spread_over_them(kernels):
    rng = np.random.default_rng(2)
    x, whole, last, one = numbers(rng, 2, 3, 4, 5), numbers(rng, 4, 5), numbers(rng, 1, 1, 1, 5), numbers(rng, 1)
    agree(kernels, "LayerNormalization", x, whole, last, axis=2, outputs=3)
    agree(kernels, "LayerNormalization", x, one, whole, axis=-2, variable=(2,))
    agree(kernels, "RMSNormalization", x, last, axis=1)
    assert declined(kernels, "LayerNormalization", x, one, variable=(1,))
    assert declined(kernels, "LayerNormalization", x, numbers(rng, 2, 3, 1, 5))


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("shape", [(2, 4, 3), (1, 4, 7, 7), (3, 4, 2, 3, 5), (2, 4, 0), (0, 4, 3)], ids=str)
def test_instances_groups_and_batches(kernels, shape, values):
    rng = np.random.default_rng(3)
    x, (scale, bias, mean, variance) = values(rng, *shape), values(rng, 4, 4)
    agree(kernels, "BatchNormalization", x, scale, bias, mean, np.abs(variance), epsilon=EPSILON)
    agree(kernels, "BatchNormalization", x, scale, bias, mean, variance, version=7)
    if x.shape[2]:
        agree(kernels, "InstanceNormalization", x, scale, bias, epsilon=EPSILON)
        agree(kernels, "GroupNormalization", x, scale, bias, num_groups=2)
        agree(kernels, "GroupNormalization", x, scale[:2], bias[:2], num_groups=2, version=18)


@pytest.mark.parametrize("shape", [(6, 33), (6, 33, 1, 1)], ids=str)
def test_batches_of_vectors(kernels, shape):
    rng = np.random.default_rng(4)
    agree(kernels, "BatchNormalization", nasty(rng, *shape), *np.abs(nasty(rng, 4, 33)))


def test_work_that_is_shared_among_threads(kernels):
    rng = np.random.default_rng(5)
    x = numbers(rng, 8, 16, 60, 60)
    agree(kernels, "BatchNormalization", x, *np.abs(numbers(rng, 4, 16)))
    agree(kernels, "InstanceNormalization", x, *numbers(rng, 2, 16))


def test_scales_that_may_change_are_left_to_the_plain_operator(kernels):
    x, given = np.ones((2, 3, 4), np.float32), np.ones((4, 3), np.float32)
    assert declined(kernels, "BatchNormalization", x, *given, variable=(1,))
