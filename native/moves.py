"""Operators that only move: views are copied at once, axes are turned by transpose.c, and what is joined is put
where it belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from assay.operators.arithmetic import Array
from native.checks import result, tensor, thread_count
from native.loader import Kernels
from native.sites import Call, Site, binds

MOST_AXES = 8  # as in transpose.c, beyond two

VIEWS = ("Expand", "Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Unsqueeze")


@binds(*VIEWS)
def bind_view(site: Site) -> Call | None:
    """What the operator makes, if that is nothing but views of its first input."""
    x, others = site.reads[0], range(1, len(site.reads))
    if x is None or not all(site.reads[i] is None or site.is_constant(i) for i in others):
        return None
    views = site.node.operator.run(site.reads, site.node.attributes, len(site.writes))
    if any(each.size and not np.may_share_memory(each, x) for each in views):
        return None
    return _copies([(out, view) for out, view in zip(site.writes, views, strict=True) if out is not None])


def _copies(pairs: Sequence[tuple[Array, Array]]) -> Call:
    if len(pairs) == 1:
        ((out, view),) = pairs
        return lambda: np.copyto(out, view)

    def call() -> None:
        for out, view in pairs:
            np.copyto(out, view)

    return call


@binds("Concat")
def bind_concat(site: Site) -> Call | None:
    parts, out = [each for each in site.reads if each is not None], site.writes[0]
    if out is None:
        return None
    axis = site.attributes["axis"] % out.ndim
    ends = np.cumsum([0, *(each.shape[axis] for each in parts)]).tolist()
    before = (slice(None),) * axis
    places = [out[(*before, slice(start, end))] for start, end in pairwise(ends)]
    return _copies(list(zip(places, parts, strict=True)))


@binds("Transpose")
def bind_transpose(site: Site) -> Call | None:
    x, out = site.read(0), site.writes[0]
    if x is None or out is None:
        return None
    order = site.attributes["perm"] or tuple(reversed(range(x.ndim)))
    return transposed(site.kernels, x, order, out, threads=site.threads)


def transposed(kernels: Kernels, x: Array, order: Sequence[int], y: Array, *, threads: int = 1) -> Call:
    """Axis i of y is axis order[i] of x. Raises TypeError or ValueError."""
    tensor(x, "x", dtype=x.dtype)
    view = x.transpose(order)
    result(y, view.shape, x, dtype=x.dtype)
    axes = joined(view)
    if not x.size or not axes or axes[-1][1] == 1 or len(axes) > MOST_AXES + 2:
        return lambda: np.copyto(y, view)
    y_strides = np.cumprod([1, *(length for length, _ in axes[:0:-1])])[::-1].tolist()
    table = [(length, stride, y_stride) for (length, stride), y_stride in zip(axes, y_strides, strict=True)]
    down, x_down, _ = table.pop()
    across, _, y_across = table.pop([stride for _, stride, _ in table].index(1))
    given = np.array([across, down, x_down, y_across, len(table), *np.ravel(table)], np.int64)
    return kernels.bind("transpose", thread_count(threads), x.itemsize, given, x, y)


def joined(view: Array) -> list[tuple[int, int]]:
    """Length and stride in elements of each axis; those that go on as one are one, those of 1 are none."""
    axes: list[tuple[int, int]] = []
    for length, in_bytes in zip(view.shape, view.strides, strict=True):
        stride = in_bytes // view.itemsize
        if length == 1:
            continue
        if axes and axes[-1][1] == length * stride:
            axes[-1] = (axes[-1][0] * length, stride)
        else:
            axes.append((length, stride))
    return axes
