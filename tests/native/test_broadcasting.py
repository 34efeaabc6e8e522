"""Operators of several elements in C against the plain ones, bit by bit."""

import numpy as np
import pytest

from native.broadcasting import ARITHMETIC, COMPARISONS, CONVERTED
from tests.native.carrying_out import agree, declined
from tests.native.comparing import NASTY, nasty

SHAPES = [
    *[((), ()), ((0,), (1,)), ((5,), (5,)), ((100,), ()), ((), (33,)), ((4, 33), (33,)), ((4, 33), (4, 1))],
    *[((2, 3, 7, 7), (1, 3, 1, 1)), ((3, 1, 5), (1, 4, 1)), ((1, 3, 1, 4), (2, 1, 5, 1)), ((2, 0, 3), (1, 1, 3))],
    *[((2, 1, 2, 1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 2, 1, 2)), ((6, 1), (6, 17)), ((1, 1), (1, 1, 1))],
]
SPREAD = [name for name in ARITHMETIC if name != "PRelu"]
pairs = np.meshgrid(NASTY, np.concatenate([NASTY, np.float32([2, -2, 3, 0.5, -0.5, 2**24, 1e30, -1e30])]))
LEFT, RIGHT = (np.ascontiguousarray(each) for each in pairs)


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_every_pair_of_nasty_numbers(kernels, name):
    agree(kernels, name, LEFT, RIGHT)
    agree(kernels, name, RIGHT, LEFT)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", [*SPREAD, "Less"])
def test_shapes_are_brought_together(kernels, name, shapes):
    rng = np.random.default_rng(SHAPES.index(shapes))
    agree(kernels, name, *(nasty(rng, *shape) for shape in shapes))


def test_slopes_by_channel(kernels):
    rng = np.random.default_rng(3)
    agree(kernels, "PRelu", nasty(rng, 2, 3, 9, 5), nasty(rng, 3, 1, 1))


@pytest.mark.parametrize("exponent", [2, 0.5, -1, 3, 0, np.inf, np.nan])
def test_powers_to_one_number(kernels, exponent):
    rng = np.random.default_rng(4)
    agree(kernels, "Pow", nasty(rng, 1000), np.float32(exponent))


@pytest.mark.parametrize("name", ["Add", "Pow", "GreaterOrEqual"])
def test_work_that_is_shared_among_threads(kernels, name):
    rng = np.random.default_rng(5)
    agree(kernels, name, nasty(rng, 7, 50001), nasty(rng, 7, 1))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("name", COMPARISONS)
def test_integers_are_compared(kernels, name, dtype):
    rng = np.random.default_rng(6)
    a, b = (rng.integers(-3, 3, shape).astype(dtype) for shape in ((40, 3), (1, 3)))
    agree(kernels, name, a, b)
    agree(kernels, name, np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype), np.zeros(2, dtype))


@pytest.mark.parametrize("dtype", ["?", "i1", "f4", "i4", "f8", "i8"])
def test_a_choice_keeps_every_bit(kernels, dtype):
    rng = np.random.default_rng(7)
    some = rng.integers(0, 256, (5, 40 * np.dtype(dtype).itemsize), dtype=np.uint8)
    x = (some & 1).view(dtype) if dtype == "?" else some.view(dtype)
    condition = rng.random(x.shape) < 0.5
    for c in (condition, condition[:, :1], condition[:1]):
        for a in (x, np.ascontiguousarray(x[:, :1]), x[0, 0]):
            for b in (x[::-1].copy(), x[1, 1]):
                agree(kernels, "Where", np.ascontiguousarray(c), a, b)


@pytest.mark.parametrize(("of", "to"), sorted(CONVERTED))
def test_conversions(kernels, of, to):
    rng = np.random.default_rng(8)
    if of == "float32":
        ends = np.float32([2.0**n for n in range(65)] + [127.5, 127.99, 128.5, 255.5, 256, 0.5, -0.9])
        near = np.nextafter(ends, np.float32(0))
        x = np.concatenate([NASTY, ends, -ends, near, -near, nasty(rng, 500), 100 * nasty(rng, 300, part=0)])
    elif of == "bool":
        x = rng.random(100) < 0.5
    else:
        ends = np.iinfo(of)
        x = np.concatenate([rng.integers(ends.min, ends.max, 300, endpoint=True), [ends.min, ends.max, 0, 1]])
    numbers = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}
    agree(kernels, "Cast", x.astype(of), to=numbers[to])


def test_what_is_left_to_the_plain_operators(kernels):
    one = np.ones(3, np.float32)
    assert declined(kernels, "Max", one, one, one)
    assert declined(kernels, "Add", np.ones(3, np.int64), np.ones(3, np.int64))
    rough = np.ones((2, 1) * 5, np.float32)
    assert declined(kernels, "Add", rough, rough.T.copy())
