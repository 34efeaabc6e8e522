"""Matrix products and convolutions: one chain of fused multiply-adds for each element (section 2).

float32 only. What is no link of a chain is left out, not multiplied by zero: ∞ × 0 is NaN, and −0 + 0 is +0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from assay.operators.arithmetic import Array, canonical, fma

Index: TypeAlias = tuple[Any, ...]  # of the last axes of an array


def matmul(a: Array, b: Array) -> Array:
    """(…, M, K) times (…, K, N), with leading axes broadcast as NumPy does: (…, M, N). Vectors are not taken."""
    leading = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    value = np.zeros((*leading, a.shape[-2], b.shape[-1]), np.float32)
    for k in range(a.shape[-1]):
        value = fma(a[..., :, k, None], b[..., None, k, :], value)
    return canonical(value)


@dataclass(frozen=True)
class Window:
    """How a kernel goes over the spatial axes; each field has one number for each of them.

    `before` and `after`: padding. All as in ONNX: `pads` is `(*before, *after)`.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    def places(self, size: Sequence[int]) -> tuple[int, ...]:
        """How many places it takes on an input of this size, along each axis."""
        reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        padded = [s + b + a for s, b, a in zip(size, self.before, self.after, strict=True)]
        return tuple((p - r) // s + 1 for p, r, s in zip(padded, reach, self.strides, strict=True))

    def taps(
        self, size: Sequence[int], places: Sequence[int] | None = None
    ) -> Iterator[tuple[Index, Index, Index]]:
        """For each tap of the kernel, row-major: it; where it falls on the input; and for which outputs.

        Outputs for which it falls on padding are left out; so are taps that do for every output.
        """
        places = self.places(size) if places is None else places
        fields = zip(size, places, self.kernel, self.strides, self.dilations, self.before, strict=True)
        for along in product(*(list(_Axis(*each).taps()) for each in fields)):
            tap, read, written = zip(*along, strict=True)
            yield (..., *tap), (..., *read), (..., *written)


class _Axis(NamedTuple):
    """One spatial axis, where output o and tap t meet input o × stride + t × dilation − before."""

    size: int
    places: int
    kernel: int
    stride: int
    dilation: int
    before: int

    def taps(self) -> Iterator[tuple[int, slice, slice]]:
        """Those that fall on the input for any output; a kernel may be far larger than what it sees of it."""
        first = max(0, -(((self.places - 1) * self.stride - self.before) // self.dilation))
        end = min(self.kernel, (self.size - 1 + self.before) // self.dilation + 1)
        for tap in range(first, end):
            read, written = self._cut(tap * self.dilation - self.before)
            if written.start < written.stop:
                yield tap, read, written

    def _cut(self, offset: int) -> tuple[slice, slice]:
        """Where output o reads input o × stride + offset: which inputs, and for which outputs."""
        first = max(0, -(offset // self.stride))  # the first o whose input is not before the beginning
        end = min(self.places, (self.size - 1 - offset) // self.stride + 1)
        start = first * self.stride + offset
        return slice(start, start + (end - first - 1) * self.stride + 1, self.stride), slice(first, end)


def convolution(x: Array, weights: Array, window: Window, groups: int = 1) -> Array:
    """x: (N, C, …); weights: (M, C / groups, …kernel). (N, M, …places), without a bias.

    The chain of an output runs over the group's channels, and within each over the kernel, row-major.
    """
    batch, channels, *size = x.shape
    made = weights.shape[0]
    value = np.zeros((batch, groups, made // groups, *window.places(size)), np.float32)
    x = x.reshape(batch, groups, 1, channels // groups, *size)
    weights = weights.reshape(groups, made // groups, channels // groups, *window.kernel)
    one = (1,) * len(size)
    for channel in range(channels // groups):
        seen, factors = x[:, :, :, channel], weights[:, :, channel]
        for tap, read, written in window.taps(size):
            factor = factors[tap].reshape(1, groups, made // groups, *one)
            value[written] = fma(seen[read], factor, value[written])
    return canonical(value.reshape(batch, made, *value.shape[3:]))
