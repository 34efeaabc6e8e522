"""What has to hold before a pointer goes down: types, shapes, memory. Whoever is refused has a mistake to mend."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.operators.arithmetic import Array

MOST_THREADS = 64


def tensor(x: Array, name: str, shape: tuple[int, ...] | None = None, dtype: Any = np.float32) -> Array:
    """`x`, if it is of this type and shape, row-major and aligned. Raises TypeError or ValueError."""
    if x.dtype != np.dtype(dtype):
        raise TypeError(f"{name}: expected {np.dtype(dtype)}, got {x.dtype}")
    if shape is not None and x.shape != shape:
        raise ValueError(f"{name}: expected the shape {shape}, got {x.shape}")
    if not x.flags.c_contiguous or not x.flags.aligned:
        raise ValueError(f"{name}: expected row-major, aligned memory")
    return x


def result(out: Array | None, shape: tuple[int, ...], *inputs: Array | None, dtype: Any = np.float32) -> Array:
    """`out`, if a tensor of this shape fits there and none of the inputs lies there; or a new one."""
    if out is None:
        return np.empty(shape, dtype)
    tensor(out, "out", shape, dtype)
    if not out.flags.writeable:
        raise ValueError("out: expected memory that may be written")
    if any(each is not None and np.may_share_memory(out, each) for each in inputs):
        raise ValueError("out: expected memory apart from the inputs'")
    return out


def thread_count(threads: int) -> int:
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads: expected 1 … {MOST_THREADS}, got {threads}")
    return threads
