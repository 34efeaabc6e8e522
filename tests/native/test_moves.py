"""Operators that only move, against the plain ones: every bit is kept."""

from itertools import permutations

import numpy as np
import pytest

from native.moves import joined
from tests.native.carrying_out import agree
from tests.native.comparing import nasty

TYPES = ["?", "u1", "f2", "f4", "i4", "f8", "i8"]


def of_type(dtype, *shape):
    width = np.dtype(dtype).itemsize
    some = np.random.default_rng(1).integers(0, 256, (*shape, width), dtype=np.uint8)
    return (some[..., 0] < 128) if dtype == "?" else np.ascontiguousarray(some).view(dtype)[..., 0]


@pytest.mark.parametrize("dtype", TYPES)
def test_every_permutation(kernels, dtype):
    x = of_type(dtype, 3, 1, 5, 4)
    for order in permutations(range(4)):
        agree(kernels, "Transpose", x, perm=order)


@pytest.mark.parametrize("shape", [(33, 70), (1, 9), (129, 3), (0, 4), (5,), (), (300, 301)], ids=str)
@pytest.mark.parametrize("dtype", ["u1", "f2", "f4", "f8"])
def test_matrices_of_every_size(kernels, dtype, shape):
    agree(kernels, "Transpose", of_type(dtype, *shape))


def test_heads_images_and_many_axes(kernels):
    rng = np.random.default_rng(2)
    agree(kernels, "Transpose", nasty(rng, 1, 50, 12, 64), perm=(0, 2, 3, 1))
    agree(kernels, "Transpose", nasty(rng, 2, 31, 33, 3), perm=(0, 3, 1, 2))
    agree(kernels, "Transpose", nasty(rng, *(2,) * 10), perm=(9, 7, 5, 3, 1, 0, 2, 4, 6, 8))
    agree(kernels, "Transpose", nasty(rng, *(2,) * 11))


def test_axes_that_stay_together_are_one():
    assert joined(np.zeros((2, 3, 4, 5)).transpose(2, 3, 0, 1)) == [(20, 1), (6, 20)]
    assert joined(np.zeros((2, 1, 4)).transpose(2, 1, 0)) == [(4, 1), (2, 4)]


@pytest.mark.parametrize("dtype", ["f4", "i8", "u1"])
def test_what_is_joined(kernels, dtype):
    parts = [of_type(dtype, 2, length, 5) for length in (3, 0, 1, 4)]
    agree(kernels, "Concat", *parts, axis=1, variable=(1, 2, 3))
    agree(kernels, "Concat", parts[0], axis=-1)


def test_views(kernels):
    x = of_type("f4", 2, 12, 4, 6)
    agree(kernels, "Reshape", x, np.array([0, -1]))
    agree(kernels, "Flatten", x)
    agree(kernels, "Squeeze", x[:1], np.array([0]))
    agree(kernels, "Unsqueeze", x, np.array([0, -1]))
    agree(kernels, "Identity", x)
    agree(kernels, "Expand", x, np.array([3, 1, 1, 1, 1]))
    agree(kernels, "Slice", x, np.array([1, 3]), np.array([9, 0]), np.array([1, 3]), np.array([2, -1]))
    agree(kernels, "Split", x, axis=1, num_outputs=3, outputs=3)
