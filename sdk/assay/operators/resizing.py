"""Resize and Upsample as ONNX defines them: from scales or sizes to axes, and what is refused (section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import floor, isfinite
from typing import Any

from assay.operators.arithmetic import Array
from assay.operators.interpolating import COORDINATES, CROP, NEAREST, Axis, How, resized
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ANYTHING, FLOAT32, NUMBERS, allow, axes_of, integers

Shape = tuple[int, ...]
Numbers = Sequence[float]

POLICIES: dict[str, Callable[[Numbers], float]] = {
    "not_larger": min,
    "not_smaller": max,
}  # which scale is everyone's
LATER = ("half_pixel_symmetric",)  # since version 19
FORMER = ("tf_half_pixel_for_nn",)  # until version 11
ALWAYS = tuple(name for name in COORDINATES if name not in LATER + FORMER)

# --- from scales or sizes to axes -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What a node asks for, by inputs and attributes of these names."""

    roi: Numbers = ()
    scales: Numbers = ()
    sizes: Sequence[int] = ()
    axes: Shape | None = None
    policy: str = "stretch"


def _axes(shape: Shape, wanted: Wanted, how: How) -> list[Axis]:
    named = axes_of(range(len(shape)) if wanted.axes is None else wanted.axes, len(shape))
    if bool(wanted.scales) == bool(wanted.sizes):
        raise unfit("scales and sizes", expected="one of them", got=f"{wanted.scales} and {wanted.sizes}")
    if wanted.scales:
        found = _scaled(shape, wanted.scales, named)
    else:
        found = _sized(shape, wanted.sizes, named, wanted.policy)
    return _cropped(found, wanted, named) if how.coordinates == CROP else found


def _scaled(shape: Shape, scales: Numbers, named: Shape) -> list[Axis]:
    if len(scales) != len(named) or not all(isfinite(scale) and scale > 0 for scale in scales):
        raise unfit("scales", expected=f"{len(named)} positive numbers", got=str(list(scales)))
    found = [_unchanged(length) for length in shape]
    for axis, scale in zip(named, scales, strict=True):
        width = shape[axis] * scale
        found[axis] = Axis(shape[axis], floor(width), scale, width)
    return found


def _sized(shape: Shape, sizes: Sequence[int], named: Shape, policy: str) -> list[Axis]:
    if len(sizes) != len(named) or min(sizes) < 0 or 0 in (shape[axis] for axis in named):
        raise unfit(
            "sizes", expected=f"{len(named)}, of axes that are not empty", got=f"{sizes} for {list(shape)}"
        )
    found = [_unchanged(length) for length in shape]
    scales = [size / shape[axis] for axis, size in zip(named, sizes, strict=True)]
    if policy == "stretch":
        for axis, size, scale in zip(named, sizes, scales, strict=True):
            found[axis] = Axis(shape[axis], size, scale, size)
        return found
    if policy not in POLICIES:
        raise unfit("keep_aspect_ratio_policy", expected=" | ".join(("stretch", *POLICIES)), got=policy)
    scale = POLICIES[policy](scales)
    for axis in named:
        width = scale * shape[axis]
        found[axis] = Axis(shape[axis], floor(width + 0.5), scale, width)
    return found


def _unchanged(length: int) -> Axis:
    return Axis(length, length, 1.0, length)


def _cropped(axes: list[Axis], wanted: Wanted, named: Shape) -> list[Axis]:
    """With scales it is not clear how long the result is: ONNX's text and its reference differ."""
    roi = wanted.roi
    if len(roi) != 2 * len(named) or not all(map(isfinite, roi)) or wanted.scales:
        raise unfit(f"what {CROP} needs", expected=f"sizes, and a roi of {2 * len(named)} numbers", got=str(roi))
    for axis, start, end in zip(named, roi[: len(named)], roi[len(named) :], strict=True):
        axes[axis] = replace(axes[axis], start=start, end=end)
    return axes


# --- the operators ----------------------------------------------------------------------------------------------


def _type(x: TensorType, axes: Sequence[Axis], how: How, modes: Sequence[str]) -> TensorType:
    if how.mode not in modes:
        raise unfit("the mode", expected=" | ".join(modes), got=how.mode)
    if how.nearest not in NEAREST:
        raise unfit("nearest_mode", expected=" | ".join(NEAREST), got=how.nearest)
    allow(FLOAT32 if how.mode != "nearest" else NUMBERS if how.coordinates == CROP else ANYTHING, X=x)
    return TensorType(x.dtype, tuple(axis.resized for axis in axes))


def _floats(x: TensorType | None, name: str) -> list[float]:
    allow(FLOAT32, **{name: x})
    if x is None:
        return []
    if x.rank != 1:
        raise unfit(f"the rank of {name}", expected="a list", got=str(x))
    found: list[float] = x.known(name).tolist()
    return found


def _upsampled(x: TensorType, scales: Numbers, mode: str) -> TensorType:
    if any(each < 1 for each in scales):
        raise unfit("scales", expected="1 or more", got=str(list(scales)))
    how = How(mode)
    return _type(x, _axes(x.shape, Wanted(scales=scales), how), how, ("nearest", "linear"))


def _upsample_7_type(x: TensorType, *, mode: str, scales: tuple[float, ...]) -> TensorType:
    return _upsampled(x, scales, mode)


def _upsample_9_type(x: TensorType, scales: TensorType, *, mode: str) -> TensorType:
    return _upsampled(x, _floats(scales, "scales"), mode)


@operator("Upsample", 7, infer=_upsample_7_type)
def upsample_7(x: Array, *, mode: str = "nearest", scales: tuple[float, ...]) -> Array:
    how = How(mode)
    return resized(x, _axes(x.shape, Wanted(scales=scales), how), how)


def _resize_10_type(x: TensorType, scales: TensorType, *, mode: str) -> TensorType:
    how = How(mode)
    axes = _axes(x.shape, Wanted(scales=_floats(scales, "scales")), how)
    return _type(x, axes, how, ("nearest", "linear"))


@operator("Upsample", 9, infer=_upsample_9_type)
@operator("Resize", 10, infer=_resize_10_type)
def resize_10(x: Array, scales: Array, *, mode: str = "nearest") -> Array:
    """ONNX does not say which coordinates version 10 of Resize has: those of Upsample, whose place it took."""
    return upsample_7(x, mode=mode, scales=tuple(scales.tolist()))


def _resize_type(coordinates: Sequence[str]) -> Callable[..., TensorType]:
    def infer(
        x: TensorType,
        roi: TensorType | None = None,
        scales: TensorType | None = None,
        sizes: TensorType | None = None,
        *,
        antialias: int = 0,
        axes: Shape | None = None,
        keep_aspect_ratio_policy: str = "stretch",
        **given: Any,
    ) -> TensorType:
        how = _how(**given)
        if antialias:
            raise unfit("antialias", expected="0", got=str(antialias))
        if how.coordinates not in coordinates:
            expected = " | ".join(coordinates)
            raise unfit("coordinate_transformation_mode", expected=expected, got=how.coordinates)
        ends = _floats(roi, "roi") if how.coordinates == CROP else []
        lengths = () if sizes is None else integers(sizes, "sizes")
        wanted = Wanted(ends, _floats(scales, "scales"), lengths, axes, keep_aspect_ratio_policy)
        return _type(x, _axes(x.shape, wanted, how), how, ("nearest", "linear", "cubic"))

    return infer


def _how(
    *,
    mode: str,
    coordinate_transformation_mode: str,
    nearest_mode: str,
    cubic_coeff_a: float,
    exclude_outside: int,
    extrapolation_value: float,
) -> How:
    return How(
        mode,
        coordinate_transformation_mode,
        nearest_mode,
        cubic_coeff_a,
        exclude_outside,
        extrapolation_value,
    )


@operator("Resize", 11, infer=_resize_type((*ALWAYS, *FORMER)))
@operator("Resize", 13, infer=_resize_type(ALWAYS))
def resize_11(
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Array:
    return resize(
        x,
        roi,
        scales,
        sizes,
        coordinate_transformation_mode=coordinate_transformation_mode,
        cubic_coeff_a=cubic_coeff_a,
        exclude_outside=exclude_outside,
        extrapolation_value=extrapolation_value,
        mode=mode,
        nearest_mode=nearest_mode,
    )


@operator("Resize", 18, infer=_resize_type(ALWAYS))
@operator("Resize", 19, infer=_resize_type((*ALWAYS, *LATER)))
def resize(
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    antialias: int = 0,
    axes: tuple[int, ...] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Array:
    how = How(
        mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, exclude_outside, extrapolation_value
    )
    ends, factors, lengths = ([] if each is None else each.tolist() for each in (roi, scales, sizes))
    wanted = Wanted(ends, factors, lengths, axes, keep_aspect_ratio_policy)
    return resized(x, _axes(x.shape, wanted, how), how)
