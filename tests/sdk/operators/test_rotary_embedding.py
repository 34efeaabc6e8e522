"""RotaryEmbedding: pairs that are turned."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import numbers
from tests.sdk.operators.operating import bits, operate


def turn(*inputs, **attributes):
    return operate("RotaryEmbedding", *inputs, version=23, **attributes)


def by_hand(x, cos, sin, interleaved, turned):
    """Each pair of elements of each head at each place."""
    y, half = x.copy(), turned // 2
    for n, h, s in np.ndindex(x.shape[:3]):
        for i in range(half):
            first, second = (2 * i, 2 * i + 1) if interleaved else (i, half + i)
            a, b, c, d = x[n, h, s, first], x[n, h, s, second], cos[n, s, i], sin[n, s, i]
            y[n, h, s, first], y[n, h, s, second] = c * a - d * b, d * a + c * b
    return y


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("turned", [0, 4, 6])
def test_each_pair_is_turned_by_its_place(interleaved, turned):
    x, half = numbers(1, 2, 3, 4, 6), (turned or 6) // 2
    cos, sin = numbers(2, 2, 4, half), numbers(3, 2, 4, half)
    how = {"interleaved": interleaved, "rotary_embedding_dim": turned}
    want = by_hand(x, cos, sin, interleaved, turned or 6)
    assert bits(turn(x, cos, sin, **how)) == bits(want)
    flat = x.swapaxes(1, 2).reshape(2, 4, 18)
    assert bits(turn(flat, cos, sin, num_heads=3, **how)) == bits(want.swapaxes(1, 2).reshape(2, 4, 18))


def test_positions_take_rows_those_out_of_range_the_nearest():
    x, cos, sin = numbers(1, 1, 1, 4, 2), numbers(2, 3, 1), numbers(3, 3, 1)
    positions = np.int64([[2, -1, 2**63 - 1, -(2**63)]])
    rows = [2, 2, 2, 0]
    assert bits(turn(x, cos, sin, positions)) == bits(turn(x, cos[None, rows], sin[None, rows]))


def test_what_is_not_turned_keeps_every_bit():
    x = np.uint32([1, 2, 0x7F800001, 0xFFC12345]).view(np.float32).reshape(1, 1, 1, 4)
    one = np.ones((1, 1, 1), np.float32)
    assert bits(turn(x, one, 0 * one, rotary_embedding_dim=2)) == bits(x)


@pytest.mark.parametrize(
    ("x", "cos", "positions", "attributes"),
    [
        ((1, 2, 3, 5), (1, 3, 2), None, {}),
        ((1, 2, 3, 4), (1, 3, 3), None, {}),
        ((1, 2, 3, 4), (3, 2), None, {}),
        ((1, 2, 3, 4), (1, 3, 2), (1, 3), {}),
        ((1, 2, 3, 4), (9, 2), (1, 4), {}),
        ((1, 2, 3, 4), (0, 2), (1, 3), {}),
        ((1, 2, 3, 4), (1, 3, 3), None, {"rotary_embedding_dim": 6}),
        ((1, 2, 3, 4), (1, 3, 1), None, {"rotary_embedding_dim": -2}),
        ((1, 3, 8), (1, 3, 2), None, {}),
        ((1, 3, 8), (1, 3, 2), None, {"num_heads": 3}),
        ((3, 8), (3, 4), None, {}),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(x, cos, positions, attributes):
    given = [] if positions is None else [np.zeros(positions, np.int64)]
    with pytest.raises(Refused):
        turn(numbers(1, *x), numbers(2, *cos), numbers(3, *cos), *given, **attributes)
