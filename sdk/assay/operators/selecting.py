"""Operators that take elements by index, or by where they stand (section 8). Every bit is kept.

An index counts from the end if it is negative; one that is out of range even so is brought to the nearest end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.operators.arithmetic import Array, converted
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ANYTHING, INDICES, NUMBERS, allow, axis_of


def counted(indices: Array, length: int) -> Array:
    """From the first element, as int64; perhaps out of range."""
    indices = indices.astype(np.int64)
    return np.where(indices < 0, indices + length, indices)


def _within(indices: Array, length: int) -> Array:
    return counted(indices, length).clip(0, length - 1)


def _some(indices: TensorType, lengths: Sequence[int]) -> None:
    """There is something to take wherever an index may point."""
    if indices.elements and 0 in lengths:
        raise unfit("indices of an axis that has no elements", got=str(list(lengths)))


# --- Gather -----------------------------------------------------------------------------------------------------


def _gather_type(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    allow(ANYTHING, data=x)
    allow(INDICES, indices=indices)
    axis = axis_of(axis, x.rank)
    _some(indices, x.shape[axis : axis + 1])
    return TensorType(x.dtype, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@operator("Gather", 1, 11, 13, infer=_gather_type)
def gather(x: Array, indices: Array, *, axis: int = 0) -> Array:
    return np.asarray(x.take(_within(indices, x.shape[axis]), axis))


def along(x: TensorType, indices: TensorType, axis: int) -> None:
    """Indices of one axis, the other axes being no longer than those of `x`."""
    allow(ANYTHING, data=x)
    allow(INDICES, indices=indices)
    axis = axis_of(axis, x.rank)
    if indices.rank != x.rank or any(
        there < here for i, (here, there) in enumerate(zip(indices.shape, x.shape, strict=True)) if i != axis
    ):
        raise unfit(
            "the shape of indices", expected=f"at most {list(x.shape)}, but for axis {axis}", got=str(indices)
        )


def _gather_elements_type(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    along(x, indices, axis)
    _some(indices, [x.shape[axis]])
    return TensorType(x.dtype, indices.shape)


@operator("GatherElements", 11, 13, infer=_gather_elements_type)
def gather_elements(x: Array, indices: Array, *, axis: int = 0) -> Array:
    near = tuple(slice(length if i != axis % x.ndim else None) for i, length in enumerate(indices.shape))
    return np.take_along_axis(x[near], _within(indices, x.shape[axis]), axis)


def _gather_nd_type(x: TensorType, indices: TensorType, *, batch_dims: int = 0) -> TensorType:
    allow(ANYTHING, data=x)
    allow(INDICES - {np.dtype(np.int32)}, indices=indices)
    batch = batch_dims
    if not 0 <= batch < min(x.rank, indices.rank) or x.shape[:batch] != indices.shape[:batch]:
        raise unfit("batch_dims", expected="leading axes that both have", got=f"{batch} of {x} and {indices}")
    k = indices.shape[-1]
    if not 1 <= k <= x.rank - batch:
        raise unfit("the length of an index", expected=f"1 … {x.rank - batch}", got=str(k))
    _some(indices, x.shape[batch : batch + k])
    return TensorType(x.dtype, (*indices.shape[:-1], *x.shape[batch + k :]))


@operator("GatherND", 11, infer=_gather_nd_type)
def gather_nd_11(x: Array, indices: Array) -> Array:
    return gather_nd(x, indices)


@operator("GatherND", 12, 13, infer=_gather_nd_type)
def gather_nd(x: Array, indices: Array, *, batch_dims: int = 0) -> Array:
    k = indices.shape[-1]
    batch: tuple[Array, ...] = np.indices(indices.shape[:batch_dims], sparse=True)
    batches = [each.reshape(each.shape + (1,) * (indices.ndim - 1 - batch_dims)) for each in batch]
    lengths = x.shape[batch_dims : batch_dims + k]
    places = [_within(indices[..., i], length) for i, length in enumerate(lengths)]
    return np.asarray(x[(*batches, *places)])


# --- where they stand -------------------------------------------------------------------------------------------


def _one_hot_type(indices: TensorType, depth: TensorType, values: TensorType, *, axis: int) -> TensorType:
    allow(NUMBERS, indices=indices, depth=depth)
    allow(ANYTHING, values=values)
    if depth.rank > 1 or depth.elements != 1 or values.shape != (2,):
        raise unfit("depth and values", expected="one number, and two", got=f"{depth} {values}")
    classes = int(_whole(depth.known("depth")).item())
    if classes < 1:
        raise unfit("the depth", expected="1 or more", got=str(classes))
    axis = axis_of(axis, indices.rank + 1)
    return TensorType(values.dtype, (*indices.shape[:axis], classes, *indices.shape[axis:]))


@operator("OneHot", 9, infer=_one_hot_type)
def one_hot_9(indices: Array, depth: Array, values: Array, *, axis: int = -1) -> Array:
    """Negative indices are none of the classes."""
    return _one_hot(_whole(indices), int(_whole(depth).item()), values, axis)


@operator("OneHot", 11, 28, infer=_one_hot_type)
def one_hot(indices: Array, depth: Array, values: Array, *, axis: int = -1) -> Array:
    """Negative indices count from the last class."""
    whole, classes = _whole(indices), int(_whole(depth).item())
    return _one_hot(np.where(whole < 0, whole + classes, whole), classes, values, axis)


def _whole(x: Array) -> Array:
    """As int64; what is beyond it becomes its end, so that it stays out of range."""
    if x.dtype == np.uint64:
        x = np.minimum(x, np.uint64(2**63 - 1))
    return converted(x, np.int64)


def _one_hot(indices: Array, classes: int, values: Array, axis: int) -> Array:
    hot = np.moveaxis(np.asarray(indices[..., None] == np.arange(classes)), -1, axis)
    return np.asarray(np.where(hot, values[1], values[0]))


def _reverse_type(x: TensorType, lengths: TensorType, *, batch_axis: int, time_axis: int) -> TensorType:
    allow(ANYTHING, input=x)
    allow(INDICES - {np.dtype(np.int32)}, sequence_lens=lengths)
    if {batch_axis, time_axis} != {0, 1} or x.rank < 2 or lengths.shape != (x.shape[batch_axis],):
        expected = "axes 0 and 1, and a length for each of the batch"
        raise unfit("what is to be reversed", expected=expected, got=f"{x} by {lengths}")
    return TensorType(x.dtype, x.shape)


@operator("ReverseSequence", 10, 28, infer=_reverse_type)
def reverse_sequence(x: Array, lengths: Array, *, batch_axis: int = 1, time_axis: int = 0) -> Array:
    """Of each of the batch, the first elements, as many as its length says: in reverse. The others stay."""
    by_batch = np.moveaxis(x, batch_axis, 0)
    time = np.arange(by_batch.shape[1])
    lengths = lengths.clip(0, len(time))[:, None]
    source = np.where(time < lengths, lengths - 1 - time, time)
    made: Array = by_batch[np.arange(len(source))[:, None], source]
    return np.moveaxis(made, 0, batch_axis)


def _trilu_type(x: TensorType, k: TensorType | None = None, *, upper: int) -> TensorType:
    allow(ANYTHING, input=x)
    allow(INDICES - {np.dtype(np.int32)}, k=k)
    if x.rank < 2 or (k is not None and k.elements != 1):
        raise unfit("what is to be cut", expected="rank 2 or more, one k", got=f"{x} by {k}")
    return TensorType(x.dtype, x.shape)


@operator("Trilu", 14, infer=_trilu_type)
def trilu(x: Array, k: Array | None = None, *, upper: int = 1) -> Array:
    """What is on the side of the k-th diagonal that is asked for, and on it; zero elsewhere."""
    rows, columns = x.shape[-2:]
    diagonal = 0 if k is None else min(max(int(k.item()), -rows), columns)
    kept = ~np.tri(rows, columns, diagonal - 1, np.bool_) if upper else np.tri(rows, columns, diagonal, np.bool_)
    return np.where(kept, x, np.zeros((), x.dtype))
