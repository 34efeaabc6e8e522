"""Operators of one element in C against the plain ones, bit by bit."""

import numpy as np
import pytest

from native.elements import FUNCTIONS, MAPS
from tests.native.carrying_out import agree, declined
from tests.native.comparing import NASTY, nasty, numbers

SIZES = [(), (0,), (1,), (7,), (31,), (3, 5, 43)]
GIVEN = {
    "Celu": {"alpha": 0.3},
    "Elu": {"alpha": -1.7},
    "HardSigmoid": {"alpha": 0.1, "beta": 0.6},
    "LeakyRelu": {"alpha": -0.2},
    "Selu": {"alpha": 1.5, "gamma": 1.1},
    "Swish": {"alpha": 1.7},
    "ThresholdedRelu": {"alpha": 0.3},
}
GIVEN = {name: {each: float(np.float32(value)) for each, value in given.items()} for name, given in GIVEN.items()}
BOUNDARIES = np.float32(  # of the cases that functions distinguish, and of the ranges of their results
    [0.25, 3.93, 2.0**20, 2.0**24, 88.72284, -87.33655, -103.97208, 0.70710678, 1.25, 0.5, 700, 1.0, 2 / 3]
)


def every_kind():
    """Numbers of every size, nasty ones, boundaries and their neighbours; about 9000 of them."""
    rng = np.random.default_rng(1)
    near = np.concatenate([np.nextafter(BOUNDARIES, np.float32(end)) for end in (-np.inf, np.inf)] + [BOUNDARIES])
    bits = rng.integers(0, 2**32, 3000, dtype=np.uint32).view(np.float32)
    every = [NASTY, near, -near, bits, numbers(rng, 3000), 4 * numbers(rng, 2000), 100 * numbers(rng, 1000)]
    return np.concatenate(every).astype(np.float32)


@pytest.mark.parametrize("name", [*FUNCTIONS, *MAPS])
def test_every_kind_of_number(kernels, name):
    agree(kernels, name, every_kind(), **GIVEN.get(name, {}))


@pytest.mark.parametrize("alpha", [0.0, -2.0, np.inf, np.nan])
@pytest.mark.parametrize("name", ["Swish", "Elu", "Celu", "Selu", "LeakyRelu", "HardSigmoid", "ThresholdedRelu"])
def test_attributes_of_every_kind(kernels, name, alpha):
    agree(kernels, name, every_kind(), alpha=float(alpha))


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(kernels, approximate):
    agree(kernels, "Gelu", every_kind(), approximate=approximate)


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("name", ["Exp", "Sin", "Relu", "Neg"])
def test_every_size(kernels, name, shape):
    agree(kernels, name, nasty(np.random.default_rng(2), *shape))


@pytest.mark.parametrize("name", ["Tanh", "Relu"])
def test_work_that_is_shared_among_threads(kernels, name):
    agree(kernels, name, nasty(np.random.default_rng(3), 3, 70001))


@pytest.mark.parametrize("bounds", [(-1.5, 2.5), (0.0, None), (None, -0.0), (None, None), (np.nan, 1), (3, -3)])
def test_clip(kernels, bounds):
    given = [None if each is None else np.float32(each) for each in bounds]
    agree(kernels, "Clip", every_kind(), *given)


def test_clip_between_attributes(kernels):
    agree(kernels, "Clip", every_kind(), version=6, min=-0.5)


def test_what_is_left_to_the_plain_operators(kernels):
    bound, of_ten = np.float32(1), np.ones(10, np.float32)
    assert declined(kernels, "Clip", of_ten, bound, variable=(1,))
    assert declined(kernels, "Relu", of_ten.astype(np.float64))
