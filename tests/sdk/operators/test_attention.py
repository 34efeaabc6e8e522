"""Attention: products, masks, windows, a past."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import functions
from tests.sdk.operators.by_hand import chained, nan, numbers, summed
from tests.sdk.operators.operating import bits, operate

INF = np.inf


def softmax(row):
    e = functions.exp(row - row.max())
    return e / summed(e)


def product(a, b):
    return np.array([[chained(zip(row, column, strict=True)) for column in b.T] for row in a]).reshape(len(a), -1)


def by_hand(q, k, v, bias=None, scale=None, softcap=None):
    """One head: (queries, head), (keys, head), (keys, …)."""
    scale = np.float32(1) / np.sqrt(np.float32(q.shape[1])) if scale is None else np.float32(scale)
    s = product(q * np.sqrt(scale), (k * np.sqrt(scale)).T)
    if softcap is not None:
        s = functions.tanh(s / np.float32(softcap)) * np.float32(softcap)
    s = s if bias is None else s + bias
    w = np.array([np.zeros_like(row) if row.max() == -INF else softmax(row) for row in s])
    return product(w, v)


def heads(seed, *shape):
    return numbers(seed, 2, *shape)


def attend(q, k, v, *others, version=23, **attributes):
    return operate("Attention", q, k, v, *others, version=version, **attributes)


@pytest.mark.parametrize("version", [23, 24, 25])
@pytest.mark.parametrize("attributes", [{}, {"scale": 0.25}, {"softcap": 0.5}])
@pytest.mark.parametrize("shared", [1, 3])
def test_each_head_is_two_products_and_a_softmax_between(version, attributes, shared):
    q, k, v = heads(1, 3, 4, 5), heads(2, 3 // shared, 6, 5), heads(3, 3 // shared, 6, 7)
    got = attend(q, k, v, version=version, **attributes)
    for n in range(2):
        for h in range(3):
            want = by_hand(q[n, h], k[n, h // shared], v[n, h // shared], **attributes)
            assert bits(got[n, h]) == bits(want)


def test_heads_may_lie_side_by_side():
    q, k, v = heads(1, 4, 3, 5), heads(2, 2, 6, 5), heads(3, 2, 6, 7)
    flat = [each.swapaxes(1, 2).reshape(2, each.shape[2], -1) for each in (q, k, v)]
    got = attend(*flat, q_num_heads=4, kv_num_heads=2)
    assert bits(got) == bits(attend(q, k, v).swapaxes(1, 2).reshape(2, 3, 28))


@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (2, 1, 1, 4), (1, 2, 3, 4)])
def test_a_mask_is_added_or_hides(shape):
    q, k, v, mask = heads(1, 2, 3, 5), heads(2, 2, 4, 5), heads(3, 2, 4, 5), np.asarray(numbers(4, *shape))
    for given, bias in [(mask, mask), (mask > 0, np.where(mask > 0, 0, -INF).astype(np.float32))]:
        got, spread = attend(q, k, v, given), np.broadcast_to(bias, (2, 2, 3, 4))
        for n, h in np.ndindex(2, 2):
            assert bits(got[n, h]) == bits(by_hand(q[n, h], k[n, h], v[n, h], bias=spread[n, h]))


def allowed(got):
    """From weights: which keys a query attends to."""
    return (got > 0).astype(int).tolist()


def weights(queries, keys, *others, version=25, batch=1, **attributes):
    """Of equal scores: they show who attends to what."""
    q, k = np.zeros((batch, 1, queries, 1), np.float32), np.zeros((batch, 1, keys, 1), np.float32)
    made = attend(q, k, k, *others, version=version, outputs=4, qk_matmul_output_mode=3, **attributes)
    return made[3][:, 0]


def test_a_query_attends_to_itself_and_what_lies_before():
    assert allowed(weights(3, 4, is_causal=1)[0]) == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]


def test_or_to_what_lies_within_a_window():
    got = weights(4, 4, left_window_size=1, right_window_size=0)
    assert allowed(got[0]) == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert allowed(weights(2, 3, right_window_size=1)[0]) == [[1, 1, 0], [1, 1, 1]]
    assert allowed(weights(2, 2, left_window_size=2**63 - 1, right_window_size=2**63 - 1)[0]) == [[1, 1], [1, 1]]


def test_the_past_comes_first():
    past = np.zeros((1, 1, 2, 1), np.float32)
    assert allowed(weights(2, 2, None, past, past, is_causal=1)[0]) == [[1, 1, 1, 0], [1, 1, 1, 1]]
    q, k, v = heads(1, 1, 2, 3), heads(2, 1, 5, 3), heads(3, 1, 5, 4)
    y, keys, values, _ = attend(q, k[:, :, 3:], v[:, :, 3:], None, k[:, :, :3], v[:, :, :3], outputs=4)
    assert bits(y) == bits(attend(q, k, v))
    assert bits(keys) == bits(k)
    assert bits(values) == bits(v)


def test_of_each_batch_so_many_keys_are_valid_and_the_last_query_stands_at_the_last():
    counts = np.int64([3, 1, 0, -(2**63), 2**63 - 1])
    given = (None, None, None, counts)
    rows = weights(2, 4, *given, batch=5)
    assert allowed(rows) == [[[min(1, max(0, n - j)) for j in range(4)]] * 2 for n in (3, 1, 0, 0, 4)]
    rows = weights(2, 4, *given, batch=5, is_causal=1)
    none = [0, 0, 0, 0]
    assert allowed(rows) == [
        [[1, 1, 0, 0], [1, 1, 1, 0]],
        [none, [1, 0, 0, 0]],
        [none, none],
        [none, none],
        [[1, 1, 1, 0], [1, 1, 1, 1]],
    ]


def test_a_mask_may_end_before_the_keys_do():
    for mask in (np.array([True, False]), np.float32([0, -INF])):
        assert allowed(weights(1, 4, mask, version=24)[0]) == [[1, 0, 0, 0]]


def test_a_query_that_attends_to_nothing_gives_plus_zero():
    q, k, v = heads(1, 1, 2, 3), heads(2, 1, 4, 3), heads(3, 1, 4, 3)
    q[0, 0, 0] = np.nan
    got = attend(q, k, v, np.array([[False] * 4, [True] * 4]))
    assert bits(got[:, 0, 0]) == [[0, 0, 0], [0, 0, 0]]
    assert np.isfinite(got).all()
    k = np.full((1, 1, 2, 1), -INF, np.float32)  # scores of −∞, though nothing is hidden
    one = np.ones((1, 1, 1, 1), np.float32)
    assert bits(attend(one, k, np.ones((1, 1, 2, 1), np.float32))) == [[[[0]]]]


def test_what_is_nan_stays_with_its_query():
    q, k, v = heads(1, 1, 2, 3), heads(2, 1, 4, 3), heads(3, 1, 4, 3)
    q[0, 0, 0, 1] = np.nan
    got = attend(q, k, v)
    assert bits(got[0, 0, 0]) == [nan()] * 3
    assert np.isfinite(got[0, 0, 1]).all()


def test_no_keys_and_no_head():
    assert bits(attend(heads(1, 1, 1, 3), heads(2, 1, 0, 3), heads(3, 1, 0, 2))[0]) == [[[0, 0]]]
    assert attend(heads(1, 1, 1, 0), heads(2, 1, 2, 0), heads(3, 1, 2, 0)).shape == (2, 1, 1, 0)


@pytest.mark.parametrize("mode", range(4))
def test_scores_may_be_had_at_each_stage(mode):
    q, k, v = heads(1, 1, 2, 3), heads(2, 1, 2, 3), heads(3, 1, 2, 3)
    how = {"softcap": 0.5, "is_causal": 1}
    got = attend(q, k, v, outputs=4, qk_matmul_output_mode=mode, **how)[3][0, 0]
    root = np.sqrt(np.float32(1) / np.sqrt(np.float32(3)))
    raw = product(q[0, 0] * root, (k[0, 0] * root).T)
    capped = functions.tanh(raw / np.float32(0.5)) * np.float32(0.5)
    biased = capped + np.float32([[0, -INF], [0, 0]])
    stages = [raw, capped, biased, np.array([softmax(row) for row in biased])]
    assert bits(got) == bits(stages[mode])


FITTING = {"q": (1, 4, 3, 5), "k": (1, 2, 6, 5), "v": (1, 2, 6, 7)}


@pytest.mark.parametrize(
    ("changed", "attributes"),
    [
        ({"q": (2, 4, 3, 5)}, {}),
        ({"q": (1, 3, 3, 5)}, {}),
        ({"q": (1, 4, 3, 6)}, {}),
        ({"q": (1, 12, 5)}, {"q_num_heads": 4}),
        ({"k": (1, 2, 5, 5)}, {}),
        ({"k": (1, 4, 6, 5)}, {}),
        ({"k": (1, 0, 6, 5), "v": (1, 0, 6, 5)}, {}),
        ({"v": (1, 1, 6, 7)}, {}),
        ({"mask": (3, 7)}, {}),
        ({"mask": (3, 1)}, {}),  # of one key or for all: ONNX leaves it open
        ({"mask": (2, 3, 6)}, {}),
        ({"mask": (1, 1, 1, 3, 6)}, {}),
        ({"past_key": (1, 2, 1, 5)}, {}),
        ({"past_key": (1, 2, 1, 4), "past_value": (1, 2, 1, 7)}, {}),
        ({"past_key": (1, 2, 1, 5), "past_value": (1, 2, 2, 7)}, {}),
        ({"past_key": (1, 2, 5), "past_value": (1, 2, 7)}, {}),
        ({}, {"q_num_heads": 2}),
        ({}, {"softmax_precision": 11}),
        ({}, {"qk_matmul_output_mode": 4}),
        ({}, {"left_window_size": -2}),
        ({"q": (1, 3, 20), "k": (1, 6, 10), "v": (1, 6, 14)}, {}),
        ({"q": (1, 3, 20), "k": (1, 6, 10), "v": (1, 6, 14)}, {"q_num_heads": 3, "kv_num_heads": 2}),
        ({"q": (1, 3, 20), "k": (1, 6, 10), "v": (1, 6, 14)}, {"q_num_heads": -4, "kv_num_heads": 2}),
        ({"q": (1, 3, 20), "k": (1, 6, 10), "v": (1, 6, 14)}, {"q_num_heads": -4, "kv_num_heads": -2}),
        ({"lengths": (1,)}, {}),  # of another type
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(changed, attributes):
    shapes = FITTING | changed
    names = ("q", "k", "v", "mask", "past_key", "past_value", "lengths")
    given = [numbers(1, *shapes[name]) if name in shapes else None for name in names]
    with pytest.raises(Refused):
        attend(*given, **attributes)


def test_lengths_are_one_for_each_batch_and_exclude_a_past():
    q, k, past = numbers(1, 2, 1, 3, 4), numbers(2, 2, 1, 3, 4), numbers(3, 2, 1, 1, 4)
    for lengths, *pasts in [(np.int64([1]), None, None), (np.int64([1, 2]), past, past)]:
        with pytest.raises(Refused, match="nonpad_kv_seqlen"):
            attend(q, k, k, None, *pasts, lengths, version=24)
