"""Operators that put something around a tensor, or take it away (section 8). Every bit is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assay.operators.arithmetic import Array, canonical
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ANYTHING, FLOATS, alike, allow, axes_of, integers

MODES = ("constant", "reflect", "edge")
Pads = list[tuple[int, int]]  # before and after each axis


def _pads_of(rank: int, pads: Sequence[int], axes: Sequence[int] | None) -> Pads:
    axes = axes_of(range(rank) if axes is None else axes, rank)
    if len(pads) != 2 * len(axes):
        raise unfit("pads", expected=f"{2 * len(axes)} numbers", got=str(list(pads)))
    found = [(0, 0)] * rank
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        found[axis] = (before, after)
    return found


def _padded(x: TensorType, pads: Pads, mode: str, modes: Sequence[str]) -> TensorType:
    allow(ANYTHING, data=x)
    if mode not in modes:
        raise unfit("the mode", expected=" | ".join(modes), got=mode)
    for length, (before, after) in zip(x.shape, pads, strict=True):
        left = length + min(before, 0) + min(after, 0)
        if left < 0 or (left == 0 and max(before, after) > 0 and mode != "constant"):
            raise unfit("pads that leave nothing of an axis", got=f"{before} and {after} around {length}")
    return TensorType(x.dtype, tuple(n + before + after for n, (before, after) in zip(x.shape, pads, strict=True)))


def _pad_type(modes: Sequence[str]) -> Callable[..., TensorType]:
    def infer(
        x: TensorType,
        pads: TensorType,
        constant: TensorType | None = None,
        axes: TensorType | None = None,
        *,
        mode: str,
    ) -> TensorType:
        alike(x, constant)
        if constant is not None and (constant.rank > 1 or constant.elements != 1):
            raise unfit("the value to pad with", expected="one", got=str(constant))
        around = _pads_of(x.rank, integers(pads, "pads"), None if axes is None else integers(axes, "axes"))
        return _padded(x, around, mode, modes)

    return infer


def _pad_2_type(x: TensorType, *, pads: tuple[int, ...], mode: str, value: float) -> TensorType:
    allow(FLOATS, data=x)
    return _padded(x, _pads_of(x.rank, pads, None), mode, MODES)


@operator("Pad", 2, infer=_pad_2_type)
def pad_2(x: Array, *, pads: tuple[int, ...], mode: str = "constant", value: float = 0.0) -> Array:
    return _pad(x, _pads_of(x.ndim, pads, None), mode, canonical(np.full((), value, x.dtype)))


@operator("Pad", 11, 13, infer=_pad_type(MODES))
def pad_11(x: Array, pads: Array, constant: Array | None = None, *, mode: str = "constant") -> Array:
    return pad(x, pads, constant, mode=mode)


@operator("Pad", 18, infer=_pad_type(MODES))
def pad_18(
    x: Array, pads: Array, constant: Array | None = None, axes: Array | None = None, *, mode: str = "constant"
) -> Array:
    return pad(x, pads, constant, axes, mode=mode)


@operator("Pad", 19, 21, 23, 24, 25, infer=_pad_type((*MODES, "wrap")))
def pad(
    x: Array, pads: Array, constant: Array | None = None, axes: Array | None = None, *, mode: str = "constant"
) -> Array:
    around = _pads_of(x.ndim, pads.tolist(), None if axes is None else axes.tolist())
    return _pad(x, around, mode, np.zeros((), x.dtype) if constant is None else constant.reshape(()))


def _pad(x: Array, pads: Pads, mode: str, value: Array) -> Array:
    """What is removed is removed first."""
    kept = x[
        tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape, pads, strict=True))
    ]
    pads = [(max(before, 0), max(after, 0)) for before, after in pads]
    if mode == "constant":
        made = np.full([n + sum(around) for n, around in zip(kept.shape, pads, strict=True)], value)
        made[tuple(slice(before, before + n) for n, (before, _) in zip(kept.shape, pads, strict=True))] = kept
        return made
    for axis, (before, after) in enumerate(pads):
        if before or after:
            kept = kept.take(_source(kept.shape[axis], before, after, mode), axis)
    return kept


def _source(length: int, before: int, after: int, mode: str) -> Array:
    """From where along an axis each element of the padded one is taken."""
    place = np.arange(-before, length + after)
    if mode == "edge":
        return place.clip(0, length - 1)
    if mode == "wrap":
        return place % length
    there = place % max(2 * (length - 1), 1)  # there and back again, the ends not twice
    return np.minimum(there, 2 * (length - 1) - there)


# --- CenterCropPad ----------------------------------------------------------------------------------------------


def _centred(shape: tuple[int, ...], wanted: Sequence[int], axes: Sequence[int] | None) -> Pads:
    axes = axes_of(range(len(shape)) if axes is None else axes, len(shape))
    if len(wanted) != len(axes) or any(each < 0 for each in wanted):
        raise unfit("the shape", expected=f"{len(axes)} lengths", got=str(list(wanted)))
    pads = [(0, 0)] * len(shape)
    for axis, length in zip(axes, wanted, strict=True):
        more = length - shape[axis]
        before = more // 2 if more > 0 else -(-more // 2)
        pads[axis] = (before, more - before)
    return pads


def _centre_type(x: TensorType, shape: TensorType, *, axes: tuple[int, ...] | None) -> TensorType:
    return _padded(x, _centred(x.shape, integers(shape, "shape"), axes), "constant", MODES)


@operator("CenterCropPad", 18, infer=_centre_type)
def centre_crop_pad(x: Array, shape: Array, *, axes: tuple[int, ...] | None = None) -> Array:
    """What is odd: one more is cut off, or put, at the end."""
    return _pad(x, _centred(x.shape, shape.tolist(), axes), "constant", np.zeros((), x.dtype))
