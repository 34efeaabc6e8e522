"""Conv: which taps are links of a chain, and in which order."""

from itertools import product

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import chained, nan, numbers
from tests.sdk.operators.operating import bits, operate


def by_hand(x, w, begins, strides, dilations, places, group=1):
    """Each output's links, from its coordinates: channel, then row, then column."""
    made = np.zeros((len(x), len(w), *places), np.float32)
    for n, m, *o in product(*map(range, made.shape)):
        first = m // (len(w) // group) * w.shape[1]
        links = []
        for c, *t in product(*map(range, w.shape[1:])):
            at = [i * s + k * d - b for i, s, k, d, b in zip(o, strides, t, dilations, begins, strict=True)]
            if all(0 <= i < size for i, size in zip(at, x.shape[2:], strict=True)):
                links.append((x[(n, first + c, *at)], w[(m, c, *t)]))
        made[(n, m, *o)] = chained(links)
    return made


@pytest.mark.parametrize("version", [1, 11, 22])
def test_pads_strides_dilations_groups_and_a_bias_that_is_added_last(version):
    x, w, b = numbers(1, 2, 4, 5, 6), numbers(2, 6, 2, 3, 2), numbers(3, 6)
    got = operate("Conv", x, w, b, version=version, pads=(1, 0, 2, 1), strides=(2, 1), dilations=(1, 2), group=2)
    want = by_hand(x, w, (1, 0), (2, 1), (1, 2), got.shape[2:], group=2)
    assert got.shape == (2, 6, 3, 5)
    assert bits(got) == bits(want + b[:, None, None])


@pytest.mark.parametrize("size", [(5,), (3, 4), (2, 3, 3)])
def test_one_axis_or_two_or_three(size):
    x, w = numbers(1, 1, 2, *size), numbers(2, 3, 2, *(2,) * len(size))
    one, none = (1,) * len(size), (0,) * len(size)
    got = operate("Conv", x, w, version=11)
    assert bits(got) == bits(by_hand(x, w, none, one, one, [n - 1 for n in size]))


@pytest.mark.parametrize(
    ("auto_pad", "begin", "places"), [("SAME_UPPER", 0, 3), ("SAME_LOWER", 1, 3), ("VALID", 0, 2)]
)
def test_padding_chosen_by_itself(auto_pad, begin, places):
    """5 by strides of 2 are 3 places, which reach over 6: one element of padding."""
    x, w = numbers(1, 1, 1, 5), numbers(2, 1, 1, 2)
    got = operate("Conv", x, w, version=11, auto_pad=auto_pad, strides=(2,))
    assert bits(got) == bits(by_hand(x, w, (begin,), (2,), (1,), (places,)))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_same_padding_is_never_negative(auto_pad):
    x, w = np.float32([[[1, 2, 3, 4, 5, 6]]]), np.float32([[[1]]])
    assert operate("Conv", x, w, version=11, auto_pad=auto_pad, strides=(3,)).tolist() == [[[1, 4]]]


def test_an_infinite_weight_on_padding_is_not_asked():
    got = operate("Conv", np.float32([[[1, 2]]]), np.float32([[[np.inf, 1]]]), version=11, pads=(1, 0))
    assert got.tolist() == [[[1, np.inf]]]


def test_an_infinite_weight_on_a_zero_is_nan():
    got = operate("Conv", np.float32([[[0]]]), np.float32([[[np.inf]]]), version=11)
    assert bits(got) == [[[nan()]]]


@pytest.mark.parametrize(("shape", "made"), [((0, 2, 3), (0, 4, 3)), ((1, 0, 3), (1, 4, 3))])
def test_no_images_and_no_channels(shape, made):
    got = operate("Conv", numbers(1, *shape), numbers(2, 4, shape[1], 1), version=11)
    assert got.shape == made
    assert not got.any()


def test_a_kernel_far_larger_than_the_input_costs_no_more_than_it():
    w = np.zeros((1, 1, 100_000), np.float32)
    w[..., 70_000] = 2
    got = operate("Conv", np.float32([[[3]]]), w, version=11, pads=(70_000, 29_999))
    assert got.tolist() == [[[6]]]


@pytest.mark.parametrize(
    ("x", "w", "attributes", "detail"),
    [
        ((1, 2, 3), (1, 1, 1), {}, "channels"),
        ((1, 2, 3), (3, 1, 1), {"group": 2}, "channels"),
        ((1, 2, 3), (2, 1, 1), {"group": 0}, "channels"),
        ((1, 2, 3), (2, 1, 1), {"group": -2}, "channels"),
        ((1, 2), (2, 2), {}, "rank"),
        ((1, 2, 3, 3, 3, 3), (2, 2, 1, 1, 1, 1), {}, "rank"),
        ((1, 1, 3), (1, 1, 1, 1), {}, "W"),
        ((1, 1, 3), (1, 1, 2), {"kernel_shape": (3,)}, "W"),
        ((1, 1, 3), (1, 1, 4), {}, "kernel"),
        ((1, 1, 3), (1, 1, 0), {}, "kernel_shape"),
        ((1, 1, 3), (1, 1, 2), {"dilations": (3,)}, "kernel"),
        ((1, 1, 3), (1, 1, 1), {"strides": (0,)}, "strides"),
        ((1, 1, 3), (1, 1, 1), {"strides": (1, 1)}, "strides"),
        ((1, 1, 3), (1, 1, 1), {"pads": (-1, 0)}, "pads"),
        ((1, 1, 3), (1, 1, 1), {"pads": (1,)}, "pads"),
        ((1, 1, 3), (1, 1, 1), {"auto_pad": "SAME"}, "auto_pad"),
        ((1, 1, 3), (1, 1, 1), {"auto_pad": "VALID", "pads": (1, 1)}, "pads"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(x, w, attributes, detail):
    with pytest.raises(Refused, match=detail):
        operate("Conv", numbers(1, *x), numbers(2, *w), version=11, **attributes)


def test_a_bias_of_another_length_and_doubles_are_refused():
    x, w = numbers(1, 1, 1, 3), numbers(1, 2, 1, 1)
    with pytest.raises(Refused, match="B"):
        operate("Conv", x, w, numbers(1, 3), version=11)
    with pytest.raises(Refused, match="type"):
        operate("Conv", x.astype(float), w.astype(float), version=11)
