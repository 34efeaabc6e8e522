"""Operators that cut tensors into parts, or parts out of them (section 8). Every bit is kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ANYTHING, allow, axes_of, axis_of, integers

# --- Split ------------------------------------------------------------------------------------------------------


def _parts_of(x: TensorType, axis: int, lengths: Sequence[int], outputs: int) -> tuple[TensorType, ...]:
    allow(ANYTHING, input=x)
    if len(lengths) != outputs or any(each < 0 for each in lengths) or sum(lengths) != x.shape[axis]:
        expected = f"{outputs} lengths that come to {x.shape[axis]}"
        raise unfit("the lengths of the parts", expected=expected, got=str(list(lengths)))
    return tuple(TensorType(x.dtype, (*x.shape[:axis], each, *x.shape[axis + 1 :])) for each in lengths)


def _split_old_type(
    x: TensorType, *, axis: int, split: tuple[int, ...] | None, outputs: int
) -> tuple[TensorType, ...]:
    axis = axis_of(axis, x.rank)
    return _parts_of(x, axis, _equal(x.shape[axis], outputs) if split is None else split, outputs)


@operator("Split", 2, 11, infer=_split_old_type)
def split_as_told(
    x: Array, *, axis: int = 0, split: tuple[int, ...] | None = None, outputs: int
) -> tuple[Array, ...]:
    return _cut(x, axis, _equal(x.shape[axis], outputs) if split is None else split)


def _split_13_type(
    x: TensorType, split: TensorType | None = None, *, axis: int, outputs: int
) -> tuple[TensorType, ...]:
    return _split_old_type(
        x, axis=axis, split=None if split is None else integers(split, "split"), outputs=outputs
    )


@operator("Split", 13, infer=_split_13_type)
def split_13(x: Array, split: Array | None = None, *, axis: int = 0, outputs: int) -> tuple[Array, ...]:
    return _cut(x, axis, _equal(x.shape[axis], outputs) if split is None else split.tolist())


def _split_type(
    x: TensorType, split: TensorType | None = None, *, axis: int, num_outputs: int | None, outputs: int
) -> tuple[TensorType, ...]:
    axis = axis_of(axis, x.rank)
    if split is not None and num_outputs is None:
        return _parts_of(x, axis, integers(split, "split"), outputs)
    if split is not None or num_outputs != outputs:
        raise unfit("num_outputs", expected=f"either `split` or {outputs}", got=str(num_outputs))
    return _parts_of(x, axis, _chunks(x.shape[axis], outputs), outputs)


@operator("Split", 18, infer=_split_type)
def split(
    x: Array, split: Array | None = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int
) -> tuple[Array, ...]:
    return _cut(x, axis, _chunks(x.shape[axis], outputs) if split is None else split.tolist())


def _equal(length: int, parts: int) -> list[int]:
    return [length // parts] * parts


def _chunks(length: int, parts: int) -> list[int]:
    """Of ⌈length / parts⌉, the last taking what is left."""
    chunk = -(-length // parts)
    return [*[chunk] * (parts - 1), length - chunk * (parts - 1)]


def _cut(x: Array, axis: int, lengths: Sequence[int]) -> tuple[Array, ...]:
    return tuple(np.split(x, list(accumulate(lengths[:-1])), axis))


# --- Slice ------------------------------------------------------------------------------------------------------


def _cuts(
    shape: tuple[int, ...],
    starts: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int] | None,
    steps: Sequence[int] | None,
) -> list[range]:
    """For each axis, which indices are taken."""
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise unfit("starts, ends, axes and steps", expected=f"{len(starts)} of each")
    taken = [range(length) for length in shape]
    for axis, start, end, step in zip(axes_of(axes, len(shape)), starts, ends, steps, strict=True):
        if step == 0:
            raise unfit("a step of 0")
        taken[axis] = _clamped(shape[axis], start, end, step)
    return taken


def _clamped(length: int, start: int, end: int, step: int) -> range:
    """Negative ones are counted from the end; a start that is still before all is the first, backwards too."""
    if length == 0:
        return range(0)
    start = start + length if start < 0 else start
    end = end + length if end < 0 else end
    if step > 0:
        return range(min(max(start, 0), length), min(max(end, 0), length), step)
    return range(min(max(start, 0), length - 1), min(max(end, -1), length - 1), step)


def _taken(x: TensorType, taken: Sequence[range]) -> TensorType:
    allow(ANYTHING, data=x)
    return TensorType(x.dtype, tuple(map(len, taken)))


def _take(x: Array, taken: Sequence[range]) -> Array:
    return x[tuple(slice(r.start, r.stop if r.stop >= 0 else None, r.step) for r in taken)]


def _slice_1_type(x: TensorType, **given: tuple[int, ...]) -> TensorType:
    return _taken(x, _cuts(x.shape, given["starts"], given["ends"], given["axes"], None))


@operator("Slice", 1, infer=_slice_1_type)
def slice_1(
    x: Array, *, starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...] | None = None
) -> Array:
    return _take(x, _cuts(x.shape, starts, ends, axes, None))


def _slice_type(
    x: TensorType,
    starts: TensorType,
    ends: TensorType,
    axes: TensorType | None = None,
    steps: TensorType | None = None,
) -> TensorType:
    found = [
        None if each is None else integers(each, name)
        for name, each in (("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps))
    ]
    return _taken(x, _cuts(x.shape, found[0] or (), found[1] or (), found[2], found[3]))


@operator("Slice", 10, 11, 13, infer=_slice_type)
def slice_of(x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    found = [None if each is None else each.tolist() for each in (axes, steps)]
    return _take(x, _cuts(x.shape, starts.tolist(), ends.tolist(), *found))
