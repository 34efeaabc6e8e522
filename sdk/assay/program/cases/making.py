"""What a case is, and how its inputs are made, so that it can be repeated in any language: from SHAKE-128.

docs/vectors/README.md says the same in words. Values come in all kinds: NaNs with payloads, zeros of both signs,
infinities, subnormals, the ends of integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np

from assay.operators.arithmetic import Array

Kind = Literal["any", "wide", "positive", "range"]

SPECIAL: Mapping[str, tuple[int, ...]] = {  # bits
    "float16": (
        0x0000, 0x8000, 0x3C00, 0xBC00, 0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7C01,
        0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x3800, 0x4100, 0xC100,
    ),
    "float32": (
        0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001,
        0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0x40200000, 0xC0200000,
    ),
    "float64": (
        0x0000000000000000, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000, 0x7FF0000000000000,
        0xFFF0000000000000, 0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001, 0x0000000000000001,
        0x8000000000000001, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF,
        0x3FE0000000000000, 0x4004000000000000, 0xC004000000000000,
    ),
}  # fmt: skip
SPECIAL_BYTES = 64  # of the 256 that a byte can be: where it is one of them, the next special value is put


def special(dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Bits. Of integers: 0, 1, 2, all ones, only the highest, all but the highest."""
    highest = 1 << (8 * dtype.itemsize - 1)
    return SPECIAL.get(dtype.name, (0, 1, 2, 2 * highest - 1, highest, highest - 1))


@dataclass(frozen=True)
class Made:
    """`any`: any bits, a quarter of the values special; any Booleans. `wide`: floats of any sign and fraction,
    with exponents of two from `low` up to `end`; `positive`: the same with the sign +. `range`: integers from
    `low` up to `end`, in any type. `end` is none of them.
    """

    shape: tuple[int, ...]
    kind: Kind = "any"
    dtype: str = "float32"
    low: int = 0
    end: int = 0
    constant: bool = False  # known before it runs

    def value(self, seed: str) -> Array:
        dtype = np.dtype(self.dtype)
        made = {"any": self._any, "wide": self._wide, "positive": self._wide, "range": self._range}[self.kind]
        return made(seed, prod(self.shape), dtype).reshape(self.shape)

    def _any(self, seed: str, count: int, dtype: np.dtype[Any]) -> Array:
        stream = np.frombuffer(_stream(seed, count * (dtype.itemsize + 1)), np.uint8)
        if dtype == np.bool_:
            return stream[:count] > 127
        bits, chosen = _words(stream[: stream.size - count], dtype), stream[stream.size - count :] < SPECIAL_BYTES
        bits[chosen] = np.resize(np.array(special(dtype), bits.dtype), chosen.sum())
        return bits.view(dtype)

    def _wide(self, seed: str, count: int, dtype: np.dtype[Any]) -> Array:
        bits = _words(np.frombuffer(_stream(seed, count * dtype.itemsize), np.uint8), dtype)
        fraction, exponents = np.finfo(dtype).nmant, 2 ** np.finfo(dtype).nexp - 1
        exponent = (bits >> fraction & exponents) % (self.end - self.low) + (self.low + exponents // 2)
        sign = 0 if self.kind == "positive" else bits >> (8 * dtype.itemsize - 1) << (8 * dtype.itemsize - 1)
        made: Array = (sign | exponent << fraction | bits & (2**fraction - 1)).astype(bits.dtype)
        return made.view(dtype)

    def _range(self, seed: str, count: int, dtype: np.dtype[Any]) -> Array:
        words = _words(np.frombuffer(_stream(seed, 4 * count), np.uint8), np.dtype(np.uint32))
        return (words.astype(np.int64) % (self.end - self.low) + self.low).astype(dtype)


def _stream(seed: str, size: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size)


def _words(stream: Array, dtype: np.dtype[Any]) -> Array:
    """Unsigned, as wide as the type, little-endian in the stream."""
    return stream.view(f"<u{dtype.itemsize}").astype(f"u{dtype.itemsize}")


Attributes: TypeAlias = dict[str, Any]
Given: TypeAlias = Made | tuple[int, ...] | Array | None


@dataclass(frozen=True)
class Case:
    """One node. `inputs`: None is left out; a tuple of integers is a constant of int64; an array is one too."""

    name: str
    domain: str
    operator: str
    version: int
    inputs: tuple[Given, ...]
    attributes: Mapping[str, Any]
    outputs: int

    @property
    def constant(self) -> frozenset[int]:
        made = (Made, type(None))
        return frozenset(i for i, x in enumerate(self.inputs) if not isinstance(x, made) or _known(x))

    def values(self) -> list[Array | None]:
        """What is made has the case's name and its place among the inputs as a seed."""
        return [_value(each, f"{self.name}/{i}") for i, each in enumerate(self.inputs)]


def _known(given: Given) -> bool:
    return isinstance(given, Made) and given.constant


def _value(given: Given, seed: str) -> Array | None:
    if isinstance(given, Made):
        return given.value(seed)
    return np.array(given, np.int64) if isinstance(given, tuple) else given


def case(
    operator: str,
    version: int,
    *inputs: Given,
    note: str = "",
    domain: str = "",
    outputs: int = 1,
    **attributes: Any,
) -> Case:
    """Floats among the attributes are rounded to float32, as a file would hold them."""
    name = " ".join(filter(None, (f"{operator}-{version}", note)))
    given = {key: _rounded(value) for key, value in attributes.items()}
    return Case(name, domain, operator, version, inputs, given, outputs)


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    return float(np.float32(value)) if isinstance(value, float) else value


# --- short forms ------------------------------------------------------------------------------------------------


def anything(*shape: int, dtype: str = "float32") -> Made:
    return Made(shape, dtype=dtype)


def wide(*shape: int, low: int = -6, end: int = 3, dtype: str = "float32", constant: bool = False) -> Made:
    return Made(shape, "wide", dtype, low, end, constant)


def positive(*shape: int, low: int = -6, end: int = 3, dtype: str = "float32", constant: bool = False) -> Made:
    return Made(shape, "positive", dtype, low, end, constant)


def whole(*shape: int, low: int, end: int, dtype: str = "int64", constant: bool = False) -> Made:
    return Made(shape, "range", dtype, low, end, constant)
