"""A node where it is to be carried out: its arrays in their places. Binders turn sites into calls.

A binder is declared for operators by name; it gives a call that reads and writes the site's arrays, or None for
what its kernels do not do, and then the plain operator is used. Everything that does not change from run to run is
done when it binds: checks, packing, addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from assay.operators.arithmetic import Array
from assay.program.graph import Node
from native.epilogue import Step
from native.loader import Kernels

Call: TypeAlias = Callable[[], object]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Machine:
    """The kernels that a program is carried out with, and what has been prepared of its constants."""

    kernels: Kernels
    threads: int = 1
    prepared: dict[Hashable, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Site:
    """`reads` and `writes` are the node's inputs and outputs; None where one is left out. `steps`: what is done to
    the one result of a product before it is written.
    """

    machine: Machine
    node: Node
    reads: tuple[Array | None, ...]
    writes: tuple[Array | None, ...]
    constants: frozenset[str]
    steps: tuple[Step, ...] = ()

    @property
    def kernels(self) -> Kernels:
        return self.machine.kernels

    @property
    def threads(self) -> int:
        return self.machine.threads

    @property
    def attributes(self) -> dict[str, Any]:
        """All of them, those left out by their defaults."""
        return self.node.operator.keywords(self.node.attributes, len(self.writes))

    def read(self, i: int) -> Array | None:
        """An input, or None if it is left out."""
        return self.reads[i] if i < len(self.reads) else None

    def floats(self) -> tuple[Array, Array] | tuple[None, None]:
        """The first input and the first output, if they are of float32."""
        x, y = self.read(0), self.writes[0]
        if x is None or y is None or x.dtype != np.float32 or y.dtype != np.float32:
            return None, None
        return x, y

    def is_constant(self, i: int) -> bool:
        return self.node.inputs[i] in self.constants

    def prepare(self, what: str, i: int, make: Callable[[], T]) -> T:
        """`make()` of constant input `i`, made once for the program."""
        key = (what, self.node.inputs[i])
        if key not in self.machine.prepared:
            self.machine.prepared[key] = make()
        made: T = self.machine.prepared[key]
        return made


Binder: TypeAlias = Callable[[Site], Call | None]
BINDERS: dict[tuple[str, str], Binder] = {}


def binds(*names: str, domain: str = "") -> Callable[[Binder], Binder]:
    """Declare what binds these operators, in all their versions: the site's attributes tell them apart."""

    def declare(binder: Binder) -> Binder:
        for name in names:
            assert (domain, name) not in BINDERS, f"{name} is bound twice"
            BINDERS[domain, name] = binder
        return binder

    return declare
