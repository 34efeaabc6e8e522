"""Arrays at the very edge of memory: one step over the end, or before the beginning, ends the process."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

import numpy as np

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def guarded(shape: tuple[int, ...], dtype: np.dtype[Any], *, at_end: bool = True) -> np.ndarray:
    """An array that ends, or begins, where no memory may be touched. Filled with bytes that nobody wrote."""
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    pages = -(-size // PAGE) * PAGE
    memory = mmap.mmap(-1, pages + 2 * PAGE)
    whole = np.frombuffer(memory, np.uint8)
    start = PAGE + (pages - size if at_end else 0)
    whole[start : start + size] = 0xA5
    for guard in (whole.ctypes.data, whole.ctypes.data + PAGE + pages):
        if _libc.mprotect(guard, PAGE, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return whole[start : start + size].view(dtype).reshape(shape)


def moved(x: np.ndarray, *, at_end: bool = True) -> np.ndarray:
    made = guarded(x.shape, x.dtype, at_end=at_end)
    made[...] = x
    return made
