"""Interpolation along one axis after the other: what Resize does once lengths and scales are known (section 8).

Coordinates and weights are computed in float64, weights rounded to float32; each pass is a chain over its taps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.operators.arithmetic import Array, canonical, converted, fma


@dataclass(frozen=True)
class Axis:
    """`width`: the length that the scale gives, before it is made whole. `start`, `end`: what is cropped to."""

    length: int
    resized: int
    scale: float
    width: float
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class How:
    """As ONNX's attributes of Resize."""

    mode: str
    coordinates: str = "asymmetric"
    nearest: str = "floor"
    cubic_a: float = -0.75
    exclude_outside: int = 0
    extrapolation: float = 0.0


def resized(x: Array, axes: Sequence[Axis], how: How) -> Array:
    """Axes that become shorter come first, so that nothing in between is larger than both `x` and the result."""
    at = [_coordinates(axis, how.coordinates) for axis in axes]
    made = x
    for i in sorted(range(x.ndim), key=lambda i: (axes[i].resized >= axes[i].length, i)):
        if not np.array_equal(at[i], np.arange(axes[i].length)):
            made = _along(made, i, at[i], how)
    if how.coordinates != CROP:
        return made
    beyond = np.zeros((), np.bool_)
    for axis, coordinates in zip(axes, at, strict=True):
        beyond = beyond[..., None] | (coordinates < 0) | (coordinates > axis.length - 1)
    return np.where(beyond, converted(np.array(how.extrapolation, np.float32), x.dtype), made)


def _coordinates(axis: Axis, how: str) -> Array:
    i = np.arange(axis.resized, dtype=np.float64)
    return COORDINATES[how](i, axis) if axis.resized else i


def _along(x: Array, axis: int, at: Array, how: How) -> Array:
    last = x.shape[axis] - 1
    if how.mode == "nearest":
        return x.take(NEAREST[how.nearest](at).clip(0, last).astype(np.int64), axis)
    taps, weights = _linear(at, last) if how.mode == "linear" else _cubic(at, last, how)
    return _interpolated(x, axis, taps.clip(0, last).astype(np.int64), weights.astype(np.float32))


def _interpolated(x: Array, axis: int, taps: Array, weights: Array) -> Array:
    """A chain over the taps for each element; taps of weight 0 are no link of it."""
    value = np.zeros((), np.float32)
    for tap, weight in zip(taps, weights, strict=True):
        factor = weight.reshape(-1, *(1,) * (x.ndim - 1 - axis))
        value = np.where(factor != 0, fma(x.take(tap, axis), factor, value), value)
    return canonical(value)


# --- where each element of the result lies on an axis of the input ----------------------------------------------


def _half_pixel(i: Array, axis: Axis) -> Array:
    return (i + 0.5) / axis.scale - 0.5


def _half_pixel_symmetric(i: Array, axis: Axis) -> Array:
    offset = axis.length / 2 * (1 - axis.resized / axis.width)
    return offset + (i + 0.5) / axis.scale - 0.5


def _pytorch_half_pixel(i: Array, axis: Axis) -> Array:
    return _half_pixel(i, axis) if axis.resized > 1 else i * 0.0


def _align_corners(i: Array, axis: Axis) -> Array:
    return i * (axis.length - 1) / (axis.width - 1) if axis.resized > 1 else i * 0.0


def _asymmetric(i: Array, axis: Axis) -> Array:
    return i / axis.scale


def _tf_half_pixel_for_nn(i: Array, axis: Axis) -> Array:
    return (i + 0.5) / axis.scale


def _tf_crop_and_resize(i: Array, axis: Axis) -> Array:
    last = axis.length - 1
    if axis.resized == 1:
        return i + 0.5 * (axis.start + axis.end) * last
    return axis.start * last + i * (axis.end - axis.start) * last / (axis.resized - 1)


COORDINATES: dict[str, Callable[[Array, Axis], Array]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _tf_half_pixel_for_nn,
    "tf_crop_and_resize": _tf_crop_and_resize,
}
CROP = "tf_crop_and_resize"

NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}

# --- taps and weights -------------------------------------------------------------------------------------------


def _linear(x: Array, last: int) -> tuple[Array, Array]:
    """Two taps and their weights for each element of the result."""
    x = x.clip(0, last)
    left = np.floor(x)
    ratio = x - left
    return np.stack([left, left + 1]), np.stack([1 - ratio, ratio])


def _cubic(x: Array, last: int, how: How) -> tuple[Array, Array]:
    """Four; after Keys, "Cubic convolution interpolation for digital image processing", 1981, equation 4."""
    left = np.floor(x)
    ratio, a = x - left, how.cubic_a
    taps = left + np.arange(-1, 3)[:, None]
    weights = np.stack([_far(ratio + 1, a), _near(ratio, a), _near(1 - ratio, a), _far((1 - ratio) + 1, a)])
    if how.exclude_outside:
        weights = np.where((taps < 0) | (taps > last), 0.0, weights)
        weights = weights / (((weights[0] + weights[1]) + weights[2]) + weights[3])
    return taps, weights


def _near(t: Array, a: float) -> Array:
    return ((a + 2) * t - (a + 3)) * t * t + 1


def _far(t: Array, a: float) -> Array:
    return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
