"""LayerNormalization, InstanceNormalization and GroupNormalization: one sequence over different elements."""

from fractions import Fraction

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.by_hand import nan, numbers, summed
from tests.sdk.operators.operating import bits, operate

EPSILON = np.float32(1e-3)


def statistics(row):
    """m, d and i, as section 5 has them."""
    n = np.float32(len(row))
    m = summed(row) / n
    d = row - m
    return m, d, np.float32(1) / np.sqrt(summed(d * d) / n + EPSILON)


def scaled(normal, scale, b):
    """fma, element by element, by fractions."""
    exact = [
        Fraction(float(n)) * Fraction(float(s)) + Fraction(float(a))
        for n, s, a in zip(normal.ravel(), scale.ravel(), b.ravel(), strict=True)
    ]
    return np.array([float32(each) for each in exact]).reshape(normal.shape)


def by_hand(rows):
    return np.array([d * i for _, d, i in map(statistics, rows)])


def normalised(name, *inputs, version, **attributes):
    return operate(name, *inputs, version=version, epsilon=float(EPSILON), **attributes)


# --- LayerNormalization -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("axis", "n"), [(-1, 5), (1, 35), (0, 70), (2, 5)])
def test_of_the_axes_from_one_on(axis, n):
    x, scale, b = numbers(1, 2, 7, 5), numbers(2, 5), numbers(3, 7, 1)
    y, m, i = normalised("LayerNormalization", x, scale, b, version=17, axis=axis, outputs=3)
    rows = x.reshape(-1, n)
    want = scaled(by_hand(rows).reshape(x.shape), np.broadcast_to(scale, x.shape), np.broadcast_to(b, x.shape))
    assert bits(y) == bits(want)
    assert m.shape == i.shape == (*x.shape[: axis % 3], *(1,) * (3 - axis % 3))
    assert bits(m.ravel()) == bits(np.array([statistics(row)[0] for row in rows]))
    assert bits(i.ravel()) == bits(np.array([statistics(row)[2] for row in rows]))


def test_without_a_bias_a_product_is_rounded_alone():
    x, scale = numbers(1, 3, 20), numbers(2, 20)
    got = normalised("LayerNormalization", x, scale, version=17)
    assert bits(got) == bits(by_hand(x) * scale)


def test_a_row_that_does_not_vary_is_its_bias_and_an_infinite_one_nan():
    x = np.float32([[3, 3], [np.inf, 0]])
    got = normalised("LayerNormalization", x, np.float32([1, 1]), np.float32([5, 6]), version=17)
    assert bits(got) == [bits(np.float32([5, 6])), [nan(), nan()]]


def test_axes_without_elements():
    y, m, _ = normalised("LayerNormalization", np.ones((2, 0), np.float32), np.float32([1]), version=17, outputs=3)
    assert y.shape == (2, 0)
    assert bits(m) == [[nan()], [nan()]]


@pytest.mark.parametrize(
    ("inputs", "attributes", "detail"),
    [
        ((numbers(1, 2, 3), numbers(1, 2)), {}, "fit"),
        ((numbers(1, 2, 1), numbers(1, 3)), {}, "Scale"),
        ((numbers(1, 2, 3), numbers(1, 3), numbers(1, 1, 2, 3)), {}, "B"),
        ((numbers(1, 2, 3), numbers(1, 3)), {"axis": 2}, "axis"),
        ((numbers(1, 2, 3), numbers(1, 3)), {"stash_type": 16}, "stash_type"),
        ((np.ones((2, 3)), np.ones(3)), {}, "type"),
    ],
)
def test_what_does_not_fit_a_layer_is_refused(inputs, attributes, detail):
    with pytest.raises(Refused, match=detail):
        normalised("LayerNormalization", *inputs, version=17, **attributes)


# --- InstanceNormalization --------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [6, 22])
@pytest.mark.parametrize("size", [(19,), (4, 5)])
def test_of_each_channel_of_each_image(version, size):
    x, scale, b = numbers(1, 2, 3, *size), numbers(2, 3), numbers(3, 3)
    got = normalised("InstanceNormalization", x, scale, b, version=version)
    rows = by_hand(x.reshape(6, -1)).reshape(2, 3, -1)
    of_channels = [np.broadcast_to(each[:, None], rows.shape) for each in (scale, b)]
    assert bits(got) == bits(scaled(rows, *of_channels).reshape(x.shape))


def test_what_does_not_fit_an_instance_is_refused():
    for x, parts in [((2, 3), 3), ((2, 3, 4), 4), ((2, 3, 4), 1)]:
        with pytest.raises(Refused, match=r"rank|shape"):
            normalised("InstanceNormalization", numbers(1, *x), numbers(2, parts), numbers(3, parts), version=6)


# --- GroupNormalization -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [18, 21])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_of_each_group_of_channels_with_a_scale_for_each_group_once_and_for_each_channel_now(version, groups):
    x = numbers(1, 2, 6, 3, 2)
    parts = groups if version == 18 else 6
    scale, b = numbers(2, parts), numbers(3, parts)
    got = normalised("GroupNormalization", x, scale, b, version=version, num_groups=groups)
    rows = by_hand(x.reshape(2 * groups, -1)).reshape(x.shape)
    of_channels = [np.broadcast_to(np.repeat(each, 6 // parts)[:, None, None], x.shape) for each in (scale, b)]
    assert bits(got) == bits(scaled(rows, *of_channels))


@pytest.mark.parametrize(
    ("version", "parts", "attributes", "detail"),
    [
        (21, 2, {"num_groups": 2}, "scale"),
        (18, 6, {"num_groups": 2}, "scale"),
        (21, 6, {"num_groups": 4}, "num_groups"),
        (21, 6, {"num_groups": 0}, "num_groups"),
        (21, 6, {"num_groups": -2}, "num_groups"),
        (21, 6, {}, "num_groups"),
        (21, 6, {"num_groups": 2, "stash_type": 10}, "stash_type"),
        (18, 2, {"num_groups": 2, "stash_type": 1}, "stash_type"),
    ],
)
def test_what_does_not_fit_a_group_is_refused(version, parts, attributes, detail):
    x, of_parts = numbers(1, 2, 6, 3), numbers(2, parts)
    with pytest.raises(Refused, match=detail):
        normalised("GroupNormalization", x, of_parts, of_parts, version=version, **attributes)
