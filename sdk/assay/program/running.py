"""A program run: plans are made once for each shape of inputs and kept; memory is one piece for all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType
from assay.program.graph import Node, Program
from assay.program.inferring import is_empty, shapes_of
from assay.program.planning import ALIGNMENT, MEMORY, Group, Implementation, Plan, plan

PLANS = 16  # kept, for as many shapes of inputs

Record = Callable[[Node, tuple[Array, ...]], None]


class Reference:
    """The operators of `assay.operators`, node by node: what the specification says, slowly."""

    def groups(self, nodes: Sequence[Node], types: Mapping[str, TensorType], kept: frozenset[str]) -> list[Group]:
        return [(node,) for node in nodes]

    def bind(self, group: Group, tensors: Mapping[str, Array], constants: frozenset[str]) -> Callable[[], None]:
        (node,) = group
        read = [tensors[name] if name else None for name in node.inputs]
        write = [tensors[name] if name else None for name in node.outputs]

        def call() -> None:
            made = node.operator.run(read, node.attributes, len(write))
            for target, value in zip(write, made, strict=True):
                if target is not None:
                    np.copyto(target, value)

        return call


@dataclass(frozen=True)
class _Bound:
    """A plan with arrays in their places."""

    tensors: Mapping[str, Array]
    calls: Sequence[tuple[Group, Callable[[], object]]]


class Runner:
    """Runs one program. From several threads it runs once at a time.

    `most`: bytes that constants and everything computed at one time may take.
    """

    def __init__(self, program: Program, implementation: Implementation | None = None, most: int = MEMORY) -> None:
        self.program = program
        self.implementation = implementation or Reference()
        self.most = most
        self._memory = np.empty(0, np.uint8)
        self._bound: OrderedDict[object, _Bound] = OrderedDict()
        self._lock = Lock()

    def run(self, inputs: Mapping[str, Array], record: Record | None = None) -> dict[str, Array]:
        """The outputs by name. Arrays of the inputs by name; native byte order.

        `record` gets every node with all its outputs, in the program's order, as they are computed; the arrays
        are its own to read until it returns. Raises Refused if the inputs are not the program's, Unsupported or
        TooLarge if it cannot be run on inputs of these shapes.
        """
        with self._lock:
            bound = self._bind(shapes_of(self.program.inputs, inputs), every_node=record is not None)
            for name, array in inputs.items():
                np.copyto(bound.tensors[name], array)
            for group, call in bound.calls:
                call()
                if record is not None:
                    (node,) = group
                    record(node, tuple(bound.tensors[name] for name in node.outputs if name))
            return {name: bound.tensors[name].copy() for name in self.program.outputs}

    def steps(self, inputs: Mapping[str, Array]) -> Sequence[tuple[Group, Callable[[], object]]]:
        """What `run` calls one after the other, for whoever measures it; run once before."""
        return self._bind(shapes_of(self.program.inputs, inputs), every_node=False).calls

    def _bind(self, shapes: Mapping[str, tuple[int, ...]], *, every_node: bool) -> _Bound:
        key = (every_node, *sorted(shapes.items()))
        if key not in self._bound:
            planned = plan(self.program, shapes, self.implementation, every_node=every_node, most=self.most)
            if planned.memory > self._memory.nbytes:
                self._bound.clear()
                self._memory = _aligned(planned.memory)
            self._bound[key] = self._in_place(planned)
        self._bound.move_to_end(key)
        while len(self._bound) > PLANS:
            self._bound.popitem(last=False)
        return self._bound[key]

    def _in_place(self, planned: Plan) -> _Bound:
        known = {name: np.ascontiguousarray(t.value) for name, t in planned.types.items() if t.value is not None}
        tensors = {name: known[name].reshape(planned.types[name].shape) for name in known}
        for name, place in planned.places.items():
            each = planned.types[name]
            tensors[name] = self._memory[place : place + each.bytes].view(each.dtype).reshape(each.shape)
        constants = frozenset(known)
        calls = []
        for group in planned.groups:
            made = [name for node in group for name in node.outputs if name]
            done = all(name in constants for name in made) or is_empty(planned.types[name] for name in made)
            bind = _nothing if done else self.implementation.bind(group, tensors, constants)
            calls.append((group, bind))
        return _Bound(tensors, calls)


def _nothing() -> None:
    """What is left to do for a node whose outputs are known, or have no elements."""


def _aligned(size: int) -> Array:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]
