"""Operators that put elements where indices say (section 8).

An index counts from the end if it is negative; one that is out of range even so is ignored with what it would have
put. Several that mean one place take effect one after the other, in row-major order of the indices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from assay.operators.arithmetic import Array, canonical, greatest, least
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.selecting import along, counted
from assay.operators.shapes import ANYTHING, INDICES, NUMBERS, alike, allow

REDUCTIONS: Mapping[str, Callable[[Array, Array], Array]] = {
    "add": lambda a, b: canonical(a + b),
    "mul": lambda a, b: canonical(a * b),
    "max": greatest,
    "min": least,
}


def _scatter(rows: Array, places: Array, updates: Array, reduction: str) -> Array:
    """rows: (R, N), of which row places[i] becomes, or is brought together with, updates[i], in ascending i.

    Places out of 0 … R − 1 are ignored. Done in rounds: each row's first update, then each one's second…
    """
    made = rows.copy()
    order = np.argsort(places, kind="stable")
    order = order[(places[order] >= 0) & (places[order] < len(rows))]
    sorted_places = places[order]
    first = np.flatnonzero(np.diff(sorted_places, prepend=-1))  # of each row's updates
    count = np.diff(first, append=len(order))
    if reduction == "none":
        first, count = first + count - 1, np.minimum(count, 1)
    by_count = np.argsort(-count, kind="stable")
    first, fewer = first[by_count], -count[by_count]
    for i in range(int(count.max(initial=0))):
        now = first[: np.searchsorted(fewer, -i)] + i  # of rows that have more than i
        row, update = sorted_places[now], updates[order[now]]
        made[row] = update if reduction == "none" else REDUCTIONS[reduction](made[row], update)
    return made


def _reduced(x: TensorType, updates: TensorType, reduction: str, reductions: Sequence[str]) -> TensorType:
    alike(x, updates)
    if reduction not in ("none", *reductions):
        raise unfit("the reduction", expected=" | ".join(("none", *reductions)), got=reduction)
    allow(ANYTHING if reduction == "none" else NUMBERS, data=x)
    return TensorType(x.dtype, x.shape)


def _scatter_elements_type(*reductions: str) -> Callable[..., TensorType]:
    def infer(
        x: TensorType, indices: TensorType, updates: TensorType, *, axis: int, reduction: str = "none"
    ) -> TensorType:
        along(x, indices, axis)
        if updates.shape != indices.shape:
            raise unfit("the shape of updates", expected=str(list(indices.shape)), got=str(updates))
        return _reduced(x, updates, reduction, reductions)

    return infer


@operator("Scatter", 9, infer=_scatter_elements_type())
@operator("ScatterElements", 11, 13, infer=_scatter_elements_type())
def scatter_elements_11(x: Array, indices: Array, updates: Array, *, axis: int = 0) -> Array:
    return scatter_elements(x, indices, updates, axis=axis)


@operator("ScatterElements", 16, infer=_scatter_elements_type("add", "mul"))
def scatter_elements_16(
    x: Array, indices: Array, updates: Array, *, axis: int = 0, reduction: str = "none"
) -> Array:
    return scatter_elements(x, indices, updates, axis=axis, reduction=reduction)


@operator("ScatterElements", 18, infer=_scatter_elements_type("add", "mul", "max", "min"))
def scatter_elements(x: Array, indices: Array, updates: Array, *, axis: int = 0, reduction: str = "none") -> Array:
    places: list[Array] = list(np.indices(indices.shape, sparse=True))
    places[axis] = counted(indices, x.shape[axis])
    rows = _rows(places, x.shape)
    return _scatter(x.reshape(-1, 1), rows, updates.reshape(-1, 1), reduction).reshape(x.shape)


def _rows(places: Sequence[Array], lengths: Sequence[int]) -> Array:
    """Each place as one number, row-major; −1 for what is out of range along any axis."""
    row, inside = np.zeros((), np.int64), np.ones((), np.bool_)
    for place, length in zip(places, lengths, strict=True):
        row = row * length + place
        inside = inside & (place >= 0) & (place < length)
    return np.where(inside, row, -1).ravel()


def _scatter_nd_type(*reductions: str) -> Callable[..., TensorType]:
    def infer(x: TensorType, indices: TensorType, updates: TensorType, *, reduction: str = "none") -> TensorType:
        allow(INDICES - {np.dtype(np.int32)}, indices=indices)
        if x.rank < 1 or indices.rank < 1 or not 1 <= indices.shape[-1] <= x.rank:
            raise unfit("the length of an index", expected=f"1 … {x.rank}", got=str(indices))
        expected = (*indices.shape[:-1], *x.shape[indices.shape[-1] :])
        if updates.shape != expected:
            raise unfit("the shape of updates", expected=str(list(expected)), got=str(updates))
        return _reduced(x, updates, reduction, reductions)

    return infer


@operator("ScatterND", 11, 13, infer=_scatter_nd_type())
def scatter_nd_11(x: Array, indices: Array, updates: Array) -> Array:
    return scatter_nd(x, indices, updates)


@operator("ScatterND", 16, infer=_scatter_nd_type("add", "mul"))
def scatter_nd_16(x: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Array:
    return scatter_nd(x, indices, updates, reduction=reduction)


@operator("ScatterND", 18, infer=_scatter_nd_type("add", "mul", "max", "min"))
def scatter_nd(x: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Array:
    lengths, rest = x.shape[: indices.shape[-1]], x.shape[indices.shape[-1] :]
    rows = _rows([counted(indices[..., i], length) for i, length in enumerate(lengths)], lengths)
    before, new = x.reshape(prod(lengths), prod(rest)), updates.reshape(len(rows), prod(rest))
    return _scatter(before, rows, new, reduction).reshape(x.shape)
