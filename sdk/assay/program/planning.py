"""Which nodes are one step, which of them are needed, and where in one piece of memory each tensor lies.

A tensor keeps its place from the step that writes it to the last that reads it; then the place is given away. A
step's outputs never lie on its inputs.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from assay.errors import TooLarge
from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType
from assay.program.graph import Node, Program
from assay.program.inferring import infer

ALIGNMENT = 64  # bytes: a line of cache, and the widest vector
MEMORY = 2 << 30  # bytes that constants and what is computed may take together, unless said otherwise

Group: TypeAlias = tuple[Node, ...]


class Implementation(Protocol):
    """Carries out nodes. One serves one program, and may keep what it has prepared of its constants."""

    def groups(self, nodes: Sequence[Node], types: Mapping[str, TensorType], kept: frozenset[str]) -> list[Group]:
        """The nodes, in order, those together that it carries out in one go. What such a group writes and only
        itself reads is never seen; a tensor of `kept` must be.
        """
        ...

    def bind(self, group: Group, tensors: Mapping[str, Array], constants: frozenset[str]) -> Callable[[], object]:
        """A call that reads and writes these arrays, now and whenever it is called. `constants` never change."""
        ...


@dataclass(frozen=True)
class Plan:
    """`places`: the byte in memory at which each tensor that is computed begins."""

    types: Mapping[str, TensorType]
    groups: Sequence[Group]
    places: Mapping[str, int]
    memory: int  # bytes


def plan(
    program: Program,
    shapes: Mapping[str, tuple[int, ...]],
    implementation: Implementation,
    *,
    every_node: bool = False,
    most: int = MEMORY,
) -> Plan:
    """For inputs of these shapes. `every_node`: each node is a step, also if nobody needs it or it is known.

    Raises Unsupported (see `infer`), or TooLarge if constants and memory come to more than `most` bytes.
    """
    types = infer(program, shapes)
    groups: list[Group] = [(node,) for node in program.nodes]
    if not every_node:
        groups = implementation.groups(_needed(program, types), types, frozenset(program.outputs))
    places, memory = _places(program, groups, types)
    if memory + program.constant_bytes > most:
        largest = max(places, key=lambda name: types[name].bytes, default="")
        raise TooLarge(
            "the model takes too much memory",
            code="too-large",
            expected=f"at most {most} bytes for constants and what is computed",
            got=f"{program.constant_bytes} and {memory}"
            + (f", the largest tensor being {largest[:100]} of {types[largest]}" if largest else ""),
        )
    return Plan(types, groups, places, memory)


def _needed(program: Program, types: Mapping[str, TensorType]) -> list[Node]:
    """The nodes whose outputs are not known yet and are read by somebody, or are the program's."""
    wanted = set(program.outputs)
    needed = []
    for node in reversed(program.nodes):
        if any(name in wanted and types[name].value is None for name in node.outputs):
            wanted.update(node.inputs)
            needed.append(node)
    return needed[::-1]


def outer(group: Group, kept: Iterable[str] = ()) -> tuple[set[str], set[str]]:
    """What a group reads from outside, and what it writes for others (`kept`, or not read within)."""
    written = {name for node in group for name in node.outputs if name}
    read = {name for node in group for name in node.inputs if name}
    return read - written, {name for name in written if name not in read or name in set(kept)}


def _places(
    program: Program, groups: Sequence[Group], types: Mapping[str, TensorType]
) -> tuple[dict[str, int], int]:
    kept = frozenset(program.outputs)
    reads, writes = zip(*(outer(group, kept) for group in groups), strict=True) if groups else ((), ())
    last = {name: i for i, names in enumerate(reads) for name in names}
    last |= dict.fromkeys(kept, len(groups))
    memory = _Memory()
    places: dict[str, int] = {}
    for each in program.inputs:
        places[each.name] = memory.take(types[each.name].bytes)
    over: dict[int, list[str]] = {}  # by the step after which nobody reads them
    for each in program.inputs:
        over.setdefault(last.get(each.name, -1), []).append(each.name)
    for i, names in enumerate(writes):
        for name in sorted(names):
            if types[name].value is None:
                places[name] = memory.take(types[name].bytes)
                over.setdefault(last.get(name, i), []).append(name)
        for name in over.pop(i, ()):
            memory.give(places[name], types[name].bytes)
    return places, memory.size


class _Memory:
    """Holes are taken by the best fit; neighbours grow together. Sizes are rounded up to ALIGNMENT."""

    def __init__(self) -> None:
        self.size = 0
        self.holes: list[tuple[int, int]] = []  # (place, size), ascending

    def take(self, size: int) -> int:
        size = _rounded(size)
        fitting = [hole for hole in self.holes if hole[1] >= size]
        if not fitting:
            return self._at_the_end(size)
        place, free = min(fitting, key=lambda hole: hole[1])
        self.holes.remove((place, free))
        if free > size:
            insort(self.holes, (place + size, free - size))
        return place

    def _at_the_end(self, size: int) -> int:
        """Uses the last hole if it reaches to the end."""
        place = self.size
        if self.holes and sum(self.holes[-1]) == self.size:
            place = self.holes.pop()[0]
        self.size = place + size
        return place

    def give(self, place: int, size: int) -> None:
        insort(self.holes, (place, _rounded(size)))
        merged: list[tuple[int, int]] = []
        for start, length in self.holes:
            if merged and sum(merged[-1]) == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((start, length))
        self.holes = merged


def _rounded(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
