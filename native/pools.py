"""Pools of float32 over windows: the bits of `assay.operators.pooling`, from pooling.c."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.convolutions import window_of
from assay.operators.pooling import counted
from assay.operators.products import Window
from native.checks import result, tensor, thread_count
from native.loader import Kernels
from native.sites import Call, Site, binds

MOST_PADDING = 1 << 16  # of a row, in elements: scratch memory is as long
MOST_TAPS = 1 << 12  # which are gone through, also where they fall on padding


def placing(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: attributes[name] for name in ("auto_pad", "pads", "strides", "dilations")}


def described(window: Window, size: tuple[int, ...]) -> Array | None:
    """For pooling.c: always three axes. None if it has too many taps, or goes over too much padding."""
    places = window.places(size)
    if (
        prod(window.kernel) > MOST_TAPS
        or window.before[-1] + window.after[-1] + window.strides[-1] + window.dilations[-1] > MOST_PADDING
    ):
        return None
    ones, zeros = (1,) * (3 - len(size)), (0,) * (3 - len(size))
    fields = (size, places, window.kernel, window.strides, window.dilations)
    return np.array([*((*ones, *each) for each in fields), (*zeros, *window.before)], np.int64)


def pooled(
    kernels: Kernels, x: Array, window: Window, counts: Array | None, y: Array, *, threads: int = 1
) -> Call | None:
    """Averages over so many taps at each place, or, without `counts`, maxima. Raises TypeError or ValueError."""
    tensor(x, "x")
    table = described(window, x.shape[2:])
    if table is None:
        return None
    places = window.places(x.shape[2:])
    result(y, (*x.shape[:2], *places), x)
    images, name = prod(x.shape[:2]), "greatest_pool" if counts is None else "average_pool"
    return kernels.bind(name, thread_count(threads), images, table, x, counts, y)


@binds("MaxPool")
def bind_maximum(site: Site) -> Call | None:
    """Without indices."""
    x, y = site.floats()
    if x is None or y is None or any(each is not None for each in site.writes[1:]):
        return None
    how = site.attributes
    window = window_of(x.shape[2:], how["kernel_shape"], ceil_mode=how["ceil_mode"], **placing(how))
    return pooled(site.kernels, x, window, None, y, threads=site.threads)


@binds("AveragePool")
def bind_average(site: Site) -> Call | None:
    x, y = site.floats()
    if x is None or y is None:
        return None
    how = site.attributes
    pad, ceil = how["count_include_pad"], how["ceil_mode"]
    window, counts = counted(x.shape[2:], how["kernel_shape"], pad, ceil, **placing(how))
    return pooled(site.kernels, x, window, counts.astype(np.float32), y, threads=site.threads)
