"""One node each, on inputs that anyone can make: what the known hashes are of.

An input is made from SHAKE-128 over its case's name and its place, as `Made` says, so the list can be repeated in
any language. Values come in all kinds: NaNs with payloads, zeros of both signs, infinities, subnormals, ties.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np

from assay.operators.arithmetic import Array

SPECIAL = (  # bits of float32
    0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001,
    0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0x40200000, 0xC0200000,
)  # fmt: skip

Kind = Literal["tame", "any", "below"]


@dataclass(frozen=True)
class Made:
    """`tame`: floats k × 2⁻²¹ with 24 bits of k, from −4 up to 4. `any`: any bits, and of float32 every fourth one
    of SPECIAL. `below`: integers from 0 up to `end`.
    """

    shape: tuple[int, ...]
    kind: Kind = "any"
    dtype: str = "<f4"
    end: int = 0

    def value(self, seed: str) -> Array:
        count, dtype = prod(self.shape), np.dtype(self.dtype)
        if self.kind == "any":
            stream = _stream(seed, count * dtype.itemsize)
            values = (
                np.frombuffer(stream, dtype).copy() if dtype != np.bool_ else np.frombuffer(stream, "u1") > 127
            )
            if dtype == np.float32:
                values.view("<u4")[::4] = np.resize(np.array(SPECIAL, "<u4"), len(values[::4]))
        else:
            words = np.frombuffer(_stream(seed, 4 * count), "<u4")
            if self.kind == "below":
                values = (words % self.end).astype(dtype)
            else:
                values = (((words >> 8).astype(np.int64) - 2**23) * 2.0**-21).astype(dtype)
        return np.asarray(values.reshape(self.shape))


def _stream(seed: str, size: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size)


@dataclass(frozen=True)
class Case:
    """`inputs`: None is left out; a tuple of integers is a constant of int64; an array is one too."""

    name: str
    operator: str
    version: int
    inputs: tuple[Made | tuple[int, ...] | Array | None, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""
    outputs: int = 1

    @property
    def constant(self) -> frozenset[int]:
        return frozenset(
            i for i, each in enumerate(self.inputs) if not isinstance(each, Made) and each is not None
        )

    def values(self) -> list[Array | None]:
        return [self._value(i, each) for i, each in enumerate(self.inputs)]

    def _value(self, i: int, each: Made | tuple[int, ...] | Array | None) -> Array | None:
        if isinstance(each, Made):
            return each.value(f"{self.name}/{i}")
        return np.array(each, np.int64) if isinstance(each, tuple) else each


ROW = Made((3, 67))  # not a multiple of any vector

CASES: tuple[Case, ...] = (
    Case("Add", "Add", 14, (ROW, Made((67,)))),
    Case("Exp", "Exp", 13, (ROW,)),
)
