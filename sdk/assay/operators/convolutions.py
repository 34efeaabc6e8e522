"""Convolutions and their transposes as ONNX defines them: how attributes place a window, what is refused.

The sums themselves are chains (products.py, section 2); a bias is added last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assay.operators.arithmetic import Array, canonical
from assay.operators.products import Window, convolution, transposed_convolution
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import FLOAT32, allow

Sizes = tuple[int, ...]

MOST_TAPS = 2**31 - 1  # of a window: their number is a divisor

# --- windows ----------------------------------------------------------------------------------------------------


def spatial(x: TensorType, most: int = 3) -> Sizes:
    """The axes after batch and channels, of which there are one to `most`."""
    if not 3 <= x.rank <= most + 2:
        raise unfit("the rank of X", expected=f"3 … {most + 2}: (N, C, …)", got=str(x))
    return x.shape[2:]


def per_axis(name: str, given: Sizes | None, axes: int, *, default: int, smallest: int) -> Sizes:
    """An attribute that has one number for each axis."""
    values = given or (default,) * axes
    if len(values) != axes or min(values) < smallest:
        expected = f"{axes} numbers, {smallest} or more each"
        raise unfit(f"the attribute {name}", expected=expected, got=str(values)[:100])
    return values


def window_of(
    size: Sizes,
    kernel: Sizes,
    *,
    auto_pad: str = "NOTSET",
    pads: Sizes | None = None,
    strides: Sizes | None = None,
    dilations: Sizes | None = None,
    ceil_mode: int = 0,
) -> Window:
    """The window that ONNX's attributes describe. Raises Refused if it has no place on an input of this size.

    With `ceil_mode` a last window may hang over the end, if it begins before it: `after` is so much more.
    """
    axes = len(size)
    kernel = per_axis("kernel_shape", kernel, axes, default=0, smallest=1)
    strides = per_axis("strides", strides, axes, default=1, smallest=1)
    dilations = per_axis("dilations", dilations, axes, default=1, smallest=1)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True))
    before, after = padding(auto_pad, pads, axes)
    if auto_pad.startswith("SAME"):
        needed = (-(-n // s) * s - s + r - n for n, s, r in zip(size, strides, reach, strict=True))
        before, after = halves((max(0, each) for each in needed), auto_pad)
    for n, r, b, a in zip(size, reach, before, after, strict=True):
        if n + b + a < r:
            raise unfit("the kernel", expected=f"at most the padded input, {n + b + a}", got=str(r))
    if ceil_mode and auto_pad == "NOTSET":
        fields = zip(size, strides, reach, before, after, strict=True)
        after = tuple(_hanging(*each) for each in fields)
    return Window(kernel, strides, dilations, before, after)


def padding(auto_pad: str, pads: Sizes | None, axes: int) -> tuple[Sizes, Sizes]:
    """What `pads` says; nothing with an auto_pad, which excludes it."""
    if auto_pad not in {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}:
        raise unfit("auto_pad", expected="NOTSET | SAME_UPPER | SAME_LOWER | VALID", got=auto_pad[:100])
    both = per_axis("pads", pads, 2 * axes, default=0, smallest=0)
    if auto_pad != "NOTSET" and any(both):
        raise unfit("pads", expected=f"none with auto_pad {auto_pad}", got=str(both))
    return both[:axes], both[axes:]


def halves(amounts: Iterable[int], auto_pad: str) -> tuple[Sizes, Sizes]:
    """Before and after; SAME_UPPER has the greater half after, all else before."""
    amounts = tuple(amounts)
    lesser = tuple(each // 2 for each in amounts)
    greater = tuple(each - each // 2 for each in amounts)
    return (lesser, greater) if auto_pad == "SAME_UPPER" else (greater, lesser)


def _hanging(n: int, stride: int, reach: int, before: int, after: int) -> int:
    """The padding after the end, with what a last window needs that hangs over it but begins before it."""
    places = (n + before + after - reach) // stride + 1  # of windows that do not
    whole = (n + before + after - reach) % stride == 0
    begins_within = places * stride < n + before
    return after if whole or not begins_within else places * stride + reach - n - before


# --- convolutions -----------------------------------------------------------------------------------------------


def _kernel(w: TensorType, x: TensorType, kernel_shape: Sizes | None) -> Sizes:
    if w.rank != x.rank or (kernel_shape or w.shape[2:]) != w.shape[2:]:
        raise unfit("W", expected=f"rank {x.rank}, kernel {kernel_shape or 'of any size'}", got=str(w))
    return w.shape[2:]


def _fit(x: TensorType, w: TensorType, b: TensorType | None, group: int, *, made: int, seen: int) -> None:
    """`seen`: the channels that the weights are for; `made`: those that come out."""
    if group < 1 or seen != x.shape[1] or seen % group or made % group:
        raise unfit("channels and groups", expected="W for the channels of X", got=f"{x}, {w}, group {group}")
    if b is not None and b.shape != (made,):
        raise unfit("the shape of B", expected=f"[{made}]", got=str(b))


def convolved(
    x: TensorType, w: TensorType, b: TensorType | None, *, group: int, kernel_shape: Sizes | None, **how: Any
) -> Sizes:
    """The shape of a convolution, whatever its types. Raises Refused."""
    size = spatial(x)
    window = window_of(size, _kernel(w, x, kernel_shape), **how)
    _fit(x, w, b, group, made=w.shape[0], seen=w.shape[1] * group)
    return x.shape[0], w.shape[0], *window.places(size)


def _convolution(x: TensorType, w: TensorType, b: TensorType | None = None, **how: Any) -> TensorType:
    allow(FLOAT32, X=x, W=w, B=b)
    return TensorType(x.dtype, convolved(x, w, b, **how))


def _biased(y: Array, b: Array | None) -> Array:
    return y if b is None else canonical(y + b.reshape(*b.shape, *(1,) * (y.ndim - 2)))


@operator("Conv", 1, 11, 22, infer=_convolution)
def convolve(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: tuple[int, ...] | None = None,
    group: int = 1,
    kernel_shape: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    """`kernel_shape` is that of the weights."""
    window = window_of(
        x.shape[2:], w.shape[2:], auto_pad=auto_pad, pads=pads, strides=strides, dilations=dilations
    )
    return _biased(convolution(x, w, window, group), b)


def _placed(
    size: Sizes,
    kernel: Sizes,
    *,
    auto_pad: str,
    dilations: Sizes | None,
    output_padding: Sizes | None,
    output_shape: Sizes | None,
    pads: Sizes | None,
    strides: Sizes | None,
) -> tuple[Window, Sizes]:
    """Of a transposed convolution: the window that goes over its output, and the size of that."""
    axes = len(size)
    kernel = per_axis("kernel_shape", kernel, axes, default=0, smallest=1)
    strides = per_axis("strides", strides, axes, default=1, smallest=1)
    dilations = per_axis("dilations", dilations, axes, default=1, smallest=1)
    more = per_axis("output_padding", output_padding, axes, default=0, smallest=0)
    before, after = padding(auto_pad, None if output_shape else pads, axes)
    fields = zip(size, kernel, strides, dilations, more, strict=True)
    full = [s * (n - 1) + o + d * (k - 1) + 1 for n, k, s, d, o in fields]
    if output_shape or auto_pad.startswith("SAME"):
        same = tuple(n * s for n, s in zip(size, strides, strict=True))
        made = per_axis("output_shape", output_shape or same, axes, default=0, smallest=1)
        before, after = halves((max(0, f - m) for f, m in zip(full, made, strict=True)), auto_pad)
    else:
        made = tuple(f - b - a for f, b, a in zip(full, before, after, strict=True))
    most = [f + s - 1 for f, s in zip(full, strides, strict=True)] if output_shape else full
    if min(size) < 1 or min(made) < 1 or any(m > f for m, f in zip(made, most, strict=True)):
        raise unfit("the output", expected=f"a size of 1 … {most}", got=f"{list(made)} of an input {list(size)}")
    for o, s, d in zip(more, strides, dilations, strict=True):
        if o >= max(s, d):
            raise unfit("output_padding", expected="less than the stride or the dilation", got=str(more))
    return Window(kernel, strides, dilations, before, after), made


def _transposed(
    x: TensorType,
    w: TensorType,
    b: TensorType | None = None,
    *,
    group: int,
    kernel_shape: Sizes | None,
    **how: Any,
) -> TensorType:
    allow(FLOAT32, X=x, W=w, B=b)
    _, made = _placed(spatial(x), _kernel(w, x, kernel_shape), **how)
    _fit(x, w, b, group, made=w.shape[1] * group, seen=w.shape[0])
    return TensorType(x.dtype, (x.shape[0], w.shape[1] * group, *made))


@operator("ConvTranspose", 11, 22, infer=_transposed)
def convolve_transposed(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: tuple[int, ...] | None = None,
    group: int = 1,
    kernel_shape: tuple[int, ...] | None = None,
    output_padding: tuple[int, ...] | None = None,
    output_shape: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    """`kernel_shape` is that of the weights."""
    window, made = _placed(
        x.shape[2:],
        w.shape[2:],
        auto_pad=auto_pad,
        dilations=dilations,
        output_padding=output_padding,
        output_shape=output_shape,
        pads=pads,
        strides=strides,
    )
    return _biased(transposed_convolution(x, w, window, made, group), b)


def _transposed_once(x: TensorType, w: TensorType, b: TensorType | None = None, **how: Any) -> TensorType:
    if how["auto_pad"].startswith("SAME"):
        raise unfit("auto_pad", expected="NOTSET | VALID, or version 11 of ConvTranspose", got=how["auto_pad"])
    return _transposed(x, w, b, output_shape=None, **how)


@operator("ConvTranspose", 1, infer=_transposed_once)
def convolve_transposed_1(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: tuple[int, ...] | None = None,
    group: int = 1,
    kernel_shape: tuple[int, ...] | None = None,
    output_padding: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Array:
    """Without `output_shape`, whose odd padding it splits the other way round than later versions do."""
    return convolve_transposed(
        x,
        w,
        b,
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        kernel_shape=kernel_shape,
        output_padding=output_padding,
        pads=pads,
        strides=strides,
    )
