"""What is done to products before they are stored for good: the operators that follow one in a network.

The bits are those of the operators one after the other (docs/reproducible-operators.md, sections 1 and 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from assay.operators.arithmetic import Array
from native.checks import tensor

MOST_STEPS = 16


@dataclass(frozen=True, eq=False)
class Add:
    """`x + operand`: one number, one for each channel, or a tensor of the output's shape."""

    operand: Array

    def operands(self) -> tuple[Array | None, ...]:
        return (self.operand, None, None)


@dataclass(frozen=True, eq=False)
class Normalise:
    """`fma(x − mean, scale, bias)`: BatchNormalization, `scale` being its scale ÷ √(variance + epsilon)."""

    mean: Array
    scale: Array
    bias: Array

    def operands(self) -> tuple[Array | None, ...]:
        return (self.mean, self.scale, self.bias)


@dataclass(frozen=True, eq=False)
class Clip:
    """`min(max(x, least), greatest)`, each a number or none. Relu has +0 and none."""

    least: Array | None = None
    greatest: Array | None = None

    def operands(self) -> tuple[Array | None, ...]:
        return (self.least, self.greatest, None)


Step: TypeAlias = Add | Normalise | Clip
RELU = Clip(np.zeros((), np.float32))
_KINDS = {Add: 0, Normalise: 1, Clip: 2}  # as in src/epilogue.h


@dataclass(frozen=True)
class Output:
    """Matrices of rows and columns; the channels of `shape` are the rows of each, or the columns."""

    shape: tuple[int, ...]
    rows: int
    columns: int
    channels_are_rows: bool

    def strides(self, operand: Array) -> tuple[int, int, int]:
        """From one matrix, row and column to the next, in an operand of one of the shapes that may be."""
        channels = self.rows if self.channels_are_rows else self.columns
        if operand.shape == ():
            return 0, 0, 0
        if operand.shape == self.shape:
            return self.rows * self.columns, self.columns, 1
        if operand.shape == (channels,):
            return (0, 1, 0) if self.channels_are_rows else (0, 0, 1)
        raise ValueError(f"epilogue: expected the shape (), {(channels,)} or {self.shape}, got {operand.shape}")


@dataclass(frozen=True, eq=False)
class Lowered:
    """Steps as the kernels take them."""

    count: int
    steps: Array  # four integers for each
    operands: tuple[Array | None, ...]  # three for each

    def arguments(self) -> tuple[int, Array, tuple[Array | None, ...]]:
        return self.count, self.steps, self.operands


def lower(steps: Sequence[Step], output: Output) -> Lowered:
    """Raises TypeError or ValueError for operands that do not fit."""
    if len(steps) > MOST_STEPS:
        raise ValueError(f"epilogue: expected {MOST_STEPS} steps at most, got {len(steps)}")
    table = np.zeros((len(steps), 4), np.int64)
    operands: list[Array | None] = []
    for line, step in zip(table, steps, strict=True):
        given = step.operands()
        strides = {output.strides(tensor(each, "epilogue")) for each in given if each is not None}
        if len(strides) > 1:
            raise ValueError(f"epilogue: expected operands of one shape for {type(step).__name__}")
        line[:] = (_KINDS[type(step)], *(strides.pop() if strides else (0, 0, 0)))
        operands.extend(given)
    return Lowered(len(steps), table, tuple(operands))
