"""What a program is, whatever file it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.errors import Refused
from assay.operators.arithmetic import Array
from assay.operators.registry import Operator


@dataclass(frozen=True)
class Input:
    """Axes without a length of their own have a name; axes of one name are equally long. `""`: of any length."""

    name: str
    dtype: np.dtype[Any]
    axes: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(str(axis or '?') for axis in self.axes)}]"


@dataclass(frozen=True, eq=False)
class Node:
    """`inputs` and `outputs` are names of tensors; an optional one that is not there is `""`."""

    index: int  # in the file
    name: str
    operator: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def under(self, error: Refused) -> Refused:
        """The error, with the place where it happened."""
        return placed(error, self.index, self.operator.name, self.name)


def placed(error: Refused, index: int, operator: str, name: str) -> Refused:
    """An error of a node, with the place where it happened: names come from the file, so they are shortened."""
    error.detail = f"{label(operator, name)}: {error.detail}"
    error.pointer = f"/graph/node/{index}{error.pointer}"
    return error


def label(operator: str, name: str) -> str:
    """What a node is called in words."""
    return f"{operator} {name[:100]!r}" if name else operator


@dataclass(frozen=True, eq=False)
class Program:
    """`nodes` in an order in which each comes after what it reads; every name is written once."""

    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Array]
    nodes: tuple[Node, ...]

    @property
    def constant_bytes(self) -> int:
        return sum(each.nbytes for each in self.constants.values())


class Unsupported(Refused):
    """A model that is no program of reproducible operators; `problems` says what stands in the way, by node."""

    default_code = "not-reproducible"

    def __init__(self, problems: tuple[Refused, ...]) -> None:
        first = problems[0]
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(
            f"{first.detail}{more}",
            pointer=first.pointer,
            expected=first.expected,
            got=first.got,
            hint=first.hint,
        )
        self.problems = problems

    def __iter__(self) -> Iterator[Refused]:
        return iter(self.problems)
