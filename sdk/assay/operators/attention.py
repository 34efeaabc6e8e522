"""Attention, and rotation by position, as sequences of chains, sums and functions (section 5).

float32 only. Within, everything is (batch, heads, sequence, head).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical
from assay.operators.products import matmul
from assay.operators.reducing import maximum
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.selecting import gather
from assay.operators.shapes import BOOL, FLOAT32, allow, together
from assay.operators.softmax import softmax_of_rows

INT64 = frozenset([np.dtype(np.int64)])
FAR = 2**62  # beyond any key

# --- Attention --------------------------------------------------------------------------------------------------


def _heads(x: TensorType, name: str, heads: int | None) -> TensorType:
    """(batch, heads, sequence, head), of (batch, sequence, heads × head) or of that."""
    if x.rank == 4 and heads in {None, x.shape[1]}:
        return x
    if x.rank != 3 or not heads or heads < 1 or x.shape[2] % heads:
        expected = "(batch, heads, sequence, head), or (batch, sequence, heads × head) and the number of heads"
        raise unfit(f"the shape of {name}", expected=expected, got=f"{x}, heads {heads}")
    batch, sequence, size = x.shape
    return TensorType(x.dtype, (batch, heads, sequence, size // heads))


def _attention(  # noqa: PLR0917 - ONNX's inputs
    q: TensorType,
    k: TensorType,
    v: TensorType,
    mask: TensorType | None = None,
    past_key: TensorType | None = None,
    past_value: TensorType | None = None,
    lengths: TensorType | None = None,
    *,
    q_num_heads: int | None,
    kv_num_heads: int | None,
    qk_matmul_output_mode: int,
    softmax_precision: int | None,
    left_window_size: int = -1,
    right_window_size: int = -1,
    **_: Any,
) -> tuple[TensorType, ...]:
    allow(FLOAT32, Q=q, K=k, V=v, past_key=past_key, past_value=past_value)
    if softmax_precision not in {None, 1}:
        raise unfit("softmax_precision", expected="1 (float32)", got=str(softmax_precision))
    if qk_matmul_output_mode not in range(4) or min(left_window_size, right_window_size) < -1:
        raise unfit("an attribute", expected="qk_matmul_output_mode 0 … 3, windows of −1 or more")
    queries = _heads(q, "Q", q_num_heads)
    keys = _extended(_heads(k, "K", kv_num_heads), "past_key", past_key)
    values = _extended(_heads(v, "V", kv_num_heads), "past_value", past_value)
    batch, heads, sequence, head = queries.shape
    attended, seen = keys.shape[1], keys.shape[2]
    if (past_key is None) != (past_value is None) or q.rank != k.rank or k.rank != v.rank:
        raise unfit(
            "Q, K, V and the past", expected="of one rank, and all of the past or none", got=f"{q}, {k}, {v}"
        )
    if keys.shape != (batch, attended, seen, head) or values.shape[:3] != keys.shape[:3]:
        raise unfit("K and V", expected=f"for the batches and heads of {q}", got=f"{k}, {v}")
    if not attended or heads % attended:
        raise unfit("the heads of K and V", expected=f"a divisor of {heads}", got=str(attended))
    scores = TensorType(q.dtype, (batch, heads, sequence, seen))
    _maskable(scores, mask, lengths, past_key)
    made = (batch, heads, sequence, values.shape[3])
    flat = (batch, sequence, heads * values.shape[3])
    return TensorType(q.dtype, made if q.rank == 4 else flat), keys, values, scores


def _extended(x: TensorType, name: str, past: TensorType | None) -> TensorType:
    if past is None:
        return x
    if past.rank != 4 or (*past.shape[:2], past.shape[3]) != (*x.shape[:2], x.shape[3]):
        raise unfit(f"the shape of {name}", expected=f"{list(x.shape)}, but for axis 2", got=str(past))
    return TensorType(x.dtype, (*x.shape[:2], past.shape[2] + x.shape[2], x.shape[3]))


def _maskable(
    scores: TensorType, mask: TensorType | None, lengths: TensorType | None, past: TensorType | None
) -> None:
    allow(FLOAT32 | BOOL, attn_mask=mask)
    if mask is not None:
        keys, last = scores.shape[-1], mask.shape[-1:]
        whole = (*mask.shape[:-1], max(keys, *last)) if last else ()
        if last == (1,) != (keys,) or together(scores.shape, whole) != scores.shape:
            expected = f"spread over {list(scores.shape)}, of all keys or some, but not one"
            raise unfit("the shape of attn_mask", expected=expected, got=str(mask))
    allow(INT64, nonpad_kv_seqlen=lengths)
    if lengths is not None and (lengths.shape != scores.shape[:1] or past is not None):
        raise unfit("nonpad_kv_seqlen", expected="one number for each batch, and no past", got=str(lengths))


@operator("Attention", 23, 24, 25, infer=_attention)
def attention(  # noqa: PLR0917 - ONNX's inputs
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    past_key: Array | None = None,
    past_value: Array | None = None,
    lengths: Array | None = None,
    *,
    is_causal: int = 0,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
) -> tuple[Array, Array, Array, Array]:
    """Y, present_key, present_value, and the scores at one of four stages. `lengths`: nonpad_kv_seqlen."""
    queries, keys, values = _split(q, q_num_heads), _split(k, kv_num_heads), _split(v, kv_num_heads)
    past = 0 if past_key is None else past_key.shape[2]
    if past_key is not None and past_value is not None:
        keys, values = np.concatenate([past_key, keys], axis=2), np.concatenate([past_value, values], axis=2)
    root = np.sqrt(np.float32(1) / np.sqrt(np.float32(queries.shape[3])) if scale is None else np.float32(scale))
    each = queries.shape[1] // keys.shape[1]  # so many heads of queries attend to one of keys
    scores = matmul(queries * root, (keys * root).repeat(each, axis=1).swapaxes(2, 3))
    cap = np.float32(softcap)
    capped = canonical(functions.tanh(scores / cap) * cap) if cap > 0 else scores
    windows = (left_window_size, right_window_size)
    allowed = attended(*scores.shape[2:], past=past, lengths=lengths, causal=is_causal, windows=windows)
    bias = _bias(mask, allowed)
    biased = canonical(capped + bias)
    none = (maximum(biased) == -np.inf) | (maximum(bias) == -np.inf)
    weights = np.where(none[..., None], np.float32(0), softmax_of_rows(biased))
    y = matmul(weights, values.repeat(each, axis=1))
    y = y if q.ndim == 4 else y.swapaxes(1, 2).reshape(*q.shape[:2], y.shape[1] * y.shape[3])
    return y, keys, values, (scores, capped, biased, weights)[qk_matmul_output_mode]


def _split(x: Array, heads: int | None) -> Array:
    if x.ndim == 4 or heads is None:
        return x
    batch, sequence, size = x.shape
    return x.reshape(batch, sequence, heads, size // heads).swapaxes(1, 2)


def attended(
    queries: int, keys: int, *, past: int, lengths: Array | None, causal: int, windows: tuple[int, int]
) -> Array:
    """Which keys a query may attend to: (queries, keys), or with lengths (batch, 1, queries, keys).

    Query i stands at key i + past; with lengths, the last of them at the last key of its batch.
    """
    left, right = (min(each, FAR) for each in windows)
    j, at = np.arange(keys), np.arange(queries)[:, None] + past
    allowed = np.ones((queries, keys), np.bool_)
    if lengths is not None:
        valid = lengths.clip(0, keys)[:, None, None, None]
        at, allowed = at + valid - queries, allowed & (j < valid)
    for refused in (causal and j > at, left >= 0 and j < at - left, right >= 0 and j > at + right):
        allowed = allowed & ~np.asarray(refused, np.bool_)
    return allowed


def _bias(mask: Array | None, allowed: Array) -> Array:
    """What is added to scores: the mask, and −∞ beyond its end and where it is not allowed to attend."""
    bias = _hidden(allowed)
    if mask is None:
        return bias
    mask = _hidden(mask) if mask.dtype == np.bool_ else mask
    if mask.ndim:
        beyond = [(0, 0)] * (mask.ndim - 1) + [(0, allowed.shape[-1] - mask.shape[-1])]
        mask = np.pad(mask, beyond, constant_values=-np.inf)
    return canonical(mask + bias)


def _hidden(allowed: Array) -> Array:
    return np.where(allowed, np.float32(0), np.float32(-np.inf))


# --- RotaryEmbedding --------------------------------------------------------------------------------------------


def _rotary(
    x: TensorType,
    cos: TensorType,
    sin: TensorType,
    positions: TensorType | None = None,
    *,
    num_heads: int | None,
    rotary_embedding_dim: int,
    **_: Any,
) -> TensorType:
    allow(FLOAT32, X=x, cos_cache=cos, sin_cache=sin)
    allow(INT64, position_ids=positions)
    split = x if x.rank == 4 else _heads(x, "X", num_heads)
    batch, sequence, head = split.shape[0], split.shape[2], split.shape[3]
    turned = rotary_embedding_dim or head
    if turned % 2 or not 0 <= turned <= head:
        raise unfit("rotary_embedding_dim", expected=f"an even number up to {head}", got=str(turned))
    if positions is not None and positions.shape != (batch, sequence):
        raise unfit("the shape of position_ids", expected=str([batch, sequence]), got=str(positions))
    for name, each in (("cos_cache", cos), ("sin_cache", sin)):
        wanted = (batch, sequence, turned // 2) if positions is None else (*each.shape[:1], turned // 2)
        if each.shape != wanted or (positions is not None and positions.elements and not each.shape[0]):
            raise unfit(f"the shape of {name}", expected=str(list(wanted)), got=str(each))
    return TensorType(x.dtype, x.shape)


@operator("RotaryEmbedding", 23, infer=_rotary)
def rotary_embedding(
    x: Array,
    cos: Array,
    sin: Array,
    positions: Array | None = None,
    *,
    interleaved: int = 0,
    num_heads: int | None = None,
    rotary_embedding_dim: int = 0,
) -> Array:
    """(cos × a) − (sin × b) and (sin × a) + (cos × b), for each pair of a and b. Other elements are kept."""
    y = (x if x.ndim == 4 else _split(x, num_heads)).copy()
    if positions is not None:
        cos, sin = gather(cos, positions), gather(sin, positions)
    cos, sin = cos[:, None], sin[:, None]
    half = cos.shape[-1]
    first, second = slice(half), slice(half, 2 * half)
    if interleaved:
        first, second = slice(0, 2 * half, 2), slice(1, 2 * half, 2)
    a, b = y[..., first].copy(), y[..., second].copy()
    y[..., first] = canonical(cos * a - sin * b)
    y[..., second] = canonical(sin * a + cos * b)
    return y if x.ndim == 4 else y.swapaxes(1, 2).reshape(x.shape)
