"""Products and convolutions: each element is the chain that the specification writes, and no other."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.operators import products
from assay.operators.arithmetic import chain
from assay.operators.products import Window

NAN = 0x7FC00000
PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
PADS = st.tuples(st.integers(0, 4), st.integers(0, 4))


def bits(x):
    return np.asarray(x).view(np.uint32).tolist()


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def by_hand(x, weights, window, groups):
    """Tap by tap, for each output: which of them are links of its chain."""
    (_, channels, *size), (made, each, *kernel) = x.shape, weights.shape
    value = np.zeros((x.shape[0], made, *window.places(size)), np.float32)
    for image, out, *place in product(*map(range, value.shape)):
        first = out // (made // groups) * (channels // groups)
        links = []
        for channel, *tap in product(range(each), *map(range, kernel)):
            at = [
                p * s + t * d - b
                for p, s, t, d, b in zip(place, window.strides, tap, window.dilations, window.before, strict=True)
            ]
            if all(0 <= i < n for i, n in zip(at, size, strict=True)):
                links.append((x[(image, first + channel, *at)], weights[(out, channel, *tap)]))
        value[(image, out, *place)] = chain(*np.float32(links).reshape(-1, 2).T)
    return value


@given(PAIR, PAIR, PAIR, PADS, PADS, st.sampled_from([(1, 2), (2, 1), (2, 2)]), st.integers(0, 9))
def test_a_convolution_of_any_window(kernel, strides, dilations, before, after, groups, seed):
    groups, made = groups
    window = Window(kernel, strides, dilations, before, after)
    x, weights = numbers(seed, 1, 2 * groups, 6, 5), numbers(seed + 10, groups * made, 2, *kernel)
    if min(window.places((6, 5))) < 1:
        return
    assert bits(products.convolution(x, weights, window, groups)) == bits(by_hand(x, weights, window, groups))


@pytest.mark.parametrize("axes", [1, 3])
def test_a_convolution_along_any_number_of_axes(axes):
    window = Window((2,) * axes, (1,) * axes, (1,) * axes, (1,) * axes, (0,) * axes)
    x, weights = numbers(1, 2, 3, *(4,) * axes), numbers(2, 5, 3, *(2,) * axes)
    assert bits(products.convolution(x, weights, window)) == bits(by_hand(x, weights, window, 1))


def test_what_falls_on_padding_is_no_link_of_the_chain():
    """An infinite weight times a padded zero would be NaN; here it is not asked."""
    window = Window((3,), (1,), (1,), (1,), (1,))
    got = products.convolution(np.float32([[[1, 2]]]), np.float32([[[np.inf, 1, 1]]]), window)
    assert got.tolist() == [[[3.0, np.inf]]]


def test_a_window_on_nothing_but_padding_gives_plus_zero():
    window = Window((1,), (1,), (1,), (2,), (2,))
    got = products.convolution(np.float32([[[-1.0]]]), np.float32([[[1.0]]]), window)
    assert bits(got) == [[[0, 0, *bits(np.float32([-1])), 0, 0]]]


def test_a_product_is_a_chain_for_each_element_whatever_leads():
    a, b = numbers(3, 3, 1, 4, 33), numbers(4, 2, 33, 5)
    got = products.matmul(a, b)
    assert got.shape == (3, 2, 4, 5)
    for i, j, m, n in product(*map(range, got.shape)):
        assert bits(got[i, j, m, n]) == bits(chain(a[i, 0, m], b[j, :, n]))


def test_a_product_over_nothing_is_plus_zero():
    assert bits(products.matmul(np.zeros((2, 0), np.float32), np.zeros((0, 1), np.float32))) == [[0], [0]]


def test_there_is_one_nan():
    a = np.array([[0xFFC00001, 0x3F800000], [0x7F800000, 0]], np.uint32).view(np.float32)
    b = np.array([[0x3F800000], [0x3F800000]], np.uint32).view(np.float32)
    assert bits(products.matmul(a, b)) == [[NAN], [0x7F800000]]
    assert bits(products.matmul(a, -b)) == [[NAN], [0xFF800000]]
    assert bits(products.matmul(a, 0 * b)) == [[NAN], [NAN]]
