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
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import FLOAT32, alike, allow, together

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
        for tap in self._seeing():
            yield tap, *self._cut(tap * self.dilation - self.before)

    def _seeing(self) -> Iterator[int]:
        """Taps that fall on the input, output by output from the last on: each one's lie behind the next one's."""
        done = 0
        for output in reversed(range(self.places)):
            start = output * self.stride - self.before  # where tap 0 falls
            end = min(self.kernel, (self.size - 1 - start) // self.dilation + 1)
            yield from range(max(done, -(start // self.dilation)), end)
            done = max(done, end)

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


def transposed_convolution(
    x: Array, weights: Array, window: Window, size: Sequence[int], groups: int = 1
) -> Array:
    """x: (N, C, …); weights: (C, M / groups, …kernel). (N, M, *size), without a bias.

    The window goes over the output; its places are those of x. What a convolution reads, this writes. The chain of
    an output runs over the group's channels, and within each over the kernel, row-major.
    """
    batch, channels, *places = x.shape
    in_group, out_group = channels // groups, weights.shape[1]
    value = np.zeros((batch, groups, out_group, *size), np.float32)
    x = x.reshape(batch, groups, 1, in_group, *places)
    weights = weights.reshape(groups, in_group, out_group, *window.kernel)
    one = (1,) * len(places)
    for channel in range(in_group):
        seen, factors = x[:, :, :, channel], weights[:, channel]
        for tap, written, read in window.taps(size, places):
            factor = factors[tap].reshape(1, groups, out_group, *one)
            value[written] = fma(seen[read], factor, value[written])
    return canonical(value.reshape(batch, groups * out_group, *size))


# --- operators --------------------------------------------------------------------------------------------------

MULTIPLIED = FLOAT32 | frozenset(map(np.dtype, ("i4", "i8", "u4", "u8")))


def multiplied(a: TensorType, b: TensorType) -> tuple[int, ...]:
    """The shape of a product. A vector on the left is a row, on the right a column, whose axis is left out."""
    if not a.rank or not b.rank or a.shape[-1] != b.shape[-2:][0]:
        raise unfit("matrices that do not fit together", expected="(…, M, K) and (…, K, N)", got=f"{a} and {b}")
    return *together(a.shape[:-2], b.shape[:-2]), *a.shape[-2:-1], *b.shape[1:][-1:]


def _product(a: TensorType, b: TensorType) -> TensorType:
    allow(MULTIPLIED, A=a, B=b)
    alike(a, b)
    return TensorType(a.dtype, multiplied(a, b))


@operator("MatMul", 1, 9, 13, infer=_product)
def multiply_matrices(a: Array, b: Array) -> Array:
    """Of integers: exact, modulo 2ⁿ."""
    row, column = a.ndim == 1, b.ndim == 1
    a, b = a[None] if row else a, b[:, None] if column else b
    value = matmul(a, b) if a.dtype == np.float32 else np.matmul(a, b)
    value = value[..., 0, :] if row else value
    return value[..., 0] if column else value


def _general_product(
    a: TensorType, b: TensorType, c: TensorType | None = None, *, transA: int, transB: int, **_: Any
) -> TensorType:
    allow(FLOAT32, A=a, B=b, C=c)
    if a.rank != 2 or b.rank != 2:
        raise unfit("the rank of A and B", expected="2", got=f"{a} and {b}")
    rows, inner = a.shape[::-1] if transA else a.shape
    also_inner, columns = b.shape[::-1] if transB else b.shape
    if inner != also_inner:
        raise unfit("matrices that do not fit together", expected="(M, K) and (K, N)", got=f"{a} and {b}")
    if c is not None and together((rows, columns), c.shape) != (rows, columns):
        raise unfit("the shape of C", expected=f"spread over [{rows}, {columns}]", got=str(c))
    return TensorType(a.dtype, (rows, columns))


@operator("Gemm", 7, 9, 11, 13, infer=_general_product)
def general_product(
    a: Array,
    b: Array,
    c: Array | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Array:
    """alpha × chain, to which beta × C is added where there is a C; float32 only."""
    value = np.float32(alpha) * matmul(a.T if transA else a, b.T if transB else b)
    return canonical(value if c is None else value + np.float32(beta) * c)
