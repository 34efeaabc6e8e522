"""Matrix products and convolutions of float32: the bits of `assay.operators.products`, from compiled kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.products import Window
from native.checks import result, tensor, thread_count
from native.epilogue import Output, Step, lower
from native.loader import Kernels

CACHE_LINE = 64
MOST_PIXELS = 2**30  # of a padded image, so that 32 bits hold every place
WIDEST_ALONE = 32  # kernel that the convolution of single channels takes


@dataclass(frozen=True, eq=False)
class Packed:
    """The right operand (links, columns) of products, its columns in panels as `isa` wants them."""

    isa: str
    links: int
    columns: int
    panels: Array


def pack(kernels: Kernels, b: Array) -> Packed:
    """b: (links, columns), strided as it may be (a transpose needs no copy). For a `b` that is used often."""
    if b.dtype != np.float32 or b.ndim != 2 or any(stride % b.itemsize for stride in b.strides):
        raise TypeError(f"b: expected a matrix of aligned float32, got {b.dtype}{list(b.shape)}")
    links, columns = b.shape
    width = kernels.call("panel")
    panels = _aligned(-(-columns // width) * width * links)
    row, column = (stride // b.itemsize for stride in b.strides)
    kernels.call("pack", links, columns, b, row, column, panels)
    return Packed(kernels.isa, links, columns, panels)


def _aligned(count: int) -> Array:
    """Memory whose vectors lie in one cache line each."""
    spare = CACHE_LINE // 4
    memory = np.empty(count + spare, np.float32)
    start = -memory.ctypes.data % CACHE_LINE // 4
    return memory[start : start + count]


@dataclass(frozen=True, eq=False)
class Bound:
    """A call whose checks are done: it reads and writes the same arrays each time."""

    call: Callable[[], int]
    out: Array


def matmul(
    kernels: Kernels,
    a: Array,
    b: Array | Packed,
    *,
    steps: Sequence[Step] = (),
    threads: int = 1,
    out: Array | None = None,
) -> Array:
    """As `bound_matmul`, once."""
    bound = bound_matmul(kernels, a, b, steps=steps, threads=threads, out=out)
    bound.call()
    return bound.out


def bound_matmul(
    kernels: Kernels,
    a: Array,
    b: Array | Packed,
    *,
    steps: Sequence[Step] = (),
    threads: int = 1,
    out: Array | None = None,
) -> Bound:
    """(…, M, K) times (…, K, N) or packed (K, N): (…, M, N), leading axes broadcast. The steps' channels are the
    columns. Raises TypeError or ValueError.
    """
    tensor(a, "a")
    packed = isinstance(b, Packed)
    right, shape = (b.panels, (b.links, b.columns)) if isinstance(b, Packed) else (tensor(b, "b"), b.shape)
    if isinstance(b, Packed) and b.isa != kernels.isa:
        raise ValueError(f"b: expected panels for {kernels.isa}, got {b.isa}")
    if a.ndim < 2 or len(shape) < 2 or a.shape[-1] != shape[-2]:
        raise ValueError(f"expected (…, M, K) and (…, K, N), got {a.shape} and {shape}")
    leading = np.broadcast_shapes(a.shape[:-2], shape[:-2])
    rows, (links, columns) = a.shape[-2], shape[-2:]
    made = (*leading, rows, columns)
    if len(shape) == 2:  # one matrix on the right: all rows are of one product
        rows, a_at, b_at = a.size // links if links else prod(made[:-1]), [0], [0]
    else:
        a_at, b_at = _starts(a.shape, leading), _starts(shape, leading)
    epilogue = lower(steps, Output(made, rows, columns, channels_are_rows=False))
    out = result(out, made, a, right, *epilogue.operands)
    call = kernels.bind(
        "matmul",
        thread_count(threads),
        len(a_at),
        *(rows, columns, links),
        *(a, np.array(a_at, np.int64), right, np.array(b_at, np.int64), int(packed), out),
        *epilogue.arguments(),
    )
    return Bound(call, out)


def _starts(shape: tuple[int, ...], leading: tuple[int, ...]) -> list[int]:
    """Where each of the matrices begins, leading axes broadcast."""
    count = prod(shape[:-2])
    numbers = np.broadcast_to(np.arange(count).reshape(shape[:-2]), leading)
    starts: list[int] = (numbers * (shape[-2] * shape[-1])).ravel().tolist()
    return starts


def convolution(
    kernels: Kernels,
    x: Array,
    weights: Array,
    window: Window,
    groups: int = 1,
    *,
    steps: Sequence[Step] = (),
    threads: int = 1,
    out: Array | None = None,
) -> Array:
    """As `bound_convolution`, once."""
    bound = bound_convolution(kernels, x, weights, window, groups, steps=steps, threads=threads, out=out)
    bound.call()
    return bound.out


def bound_convolution(
    kernels: Kernels,
    x: Array,
    weights: Array,
    window: Window,
    groups: int = 1,
    *,
    steps: Sequence[Step] = (),
    threads: int = 1,
    out: Array | None = None,
) -> Bound:
    """x: (N, C, width) or (N, C, height, width); weights: (M, C / groups, …kernel). (N, M, …places). The steps'
    channels are M. Raises TypeError or ValueError.
    """
    tensor(x, "x")
    tensor(weights, "weights")
    made, channels = weights.shape[:2]
    if x.ndim not in {3, 4} or x.ndim != weights.ndim or weights.shape[2:] != window.kernel:
        raise ValueError(
            f"expected one or two spatial axes and {window.kernel}, got {x.shape} and {weights.shape}"
        )
    if groups < 1 or made % groups or x.shape[1] != channels * groups:
        raise ValueError(f"{groups} groups: got {x.shape} and {weights.shape}")
    if min(*window.kernel, *window.strides, *window.dilations) < 1 or min(*window.before, *window.after) < 0:
        raise ValueError(f"expected sizes and steps of 1 or more, padding of 0 or more: {window}")
    shape = (x.shape[0], made, *window.places(x.shape[2:]))
    if min(shape) < 0 or padded(x.shape[2:], window) >= MOST_PIXELS:
        raise ValueError(f"expected a window that fits, and less than {MOST_PIXELS} padded pixels: {window}")
    epilogue = lower(steps, Output(shape, made, prod(shape[2:]), channels_are_rows=True))
    out = result(out, shape, x, weights, *epilogue.operands)
    alone = channels == 1 and window.kernel[-1] <= WIDEST_ALONE
    call = kernels.bind(
        "depthwise" if alone else "convolution",
        thread_count(threads),
        _geometry(x.shape, made, window, groups),
        *(x, weights, out),
        *epilogue.arguments(),
    )
    return Bound(call, out)


def padded(size: Sequence[int], window: Window) -> int:
    """How many pixels an image has with its padding."""
    return prod(b + s + a for b, s, a in zip(window.before, size, window.after, strict=True))


def _geometry(shape: tuple[int, ...], made: int, window: Window, groups: int) -> Array:
    """What src/window.h wants. One axis is one row; an image without columns has no rows."""
    images, channels, *size = shape
    lines = len(size) == 1
    axes = [window.kernel, window.strides, window.dilations, window.before, window.places(size)]
    kernel, strides, dilations, before, places = (
        ((1, 1, 1, 0, 1)[i], *axis) if lines else axis for i, axis in enumerate(axes)
    )
    height, width = (1, *size) if lines else size
    sizes = (images, groups, channels // groups, made // groups, height if width else 0, width)
    return np.array((*sizes, *kernel, *strides, *dilations, *before, *places), np.int64)
