"""One hostile model taken in, planned and run by all that runs programs: refused, or the same bits from everyone.

What is not so is raised. Arrays lie at the edge of memory, so that what reads or writes beyond ends the process.
"""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

import numpy as np

from assay.errors import Refused
from assay.program.graph import Program
from assay.program.inferring import is_empty, shapes_of
from assay.program.planning import _needed, outer, plan
from assay.program.reading import read
from assay.program.running import Reference, Runner
from assay.program.tracing import Trace
from native.implementation import Native
from native.loader import Kernels
from tests.fuzz.guarded import guarded, moved
from tests.fuzz.models import Model
from tests.native.comparing import same_bits

MOST = 64 << 20  # bytes of a plan
LONG = 2**16  # axes multiplied, the empty ones aside: what is not tried where nothing comes of it
SPARE, TIMES = 24 << 20, 48  # bytes that a node may take, and how many times its inputs and outputs


class Broken(Exception):
    """What must not happen has happened."""


class Executed:
    """What came of a model: nodes that ran, and arrays that were compared."""

    def __init__(self) -> None:
        self.refused = ""
        self.nodes = self.compared = 0
        self.bound: set[str] = set()


def execute(
    model: Model, kernels: Sequence[Kernels], threads: Sequence[int] = (1,), *, measure: bool = False
) -> Executed:
    """Raises Broken, or whatever was raised."""
    done = Executed()
    try:
        program = read(model.data)
        with _memory(measure, "planning", program.constant_bytes):
            planned = plan(program, shapes_of(program.inputs, model.inputs), Reference(), most=MOST)
            types = planned.types
    except Refused as error:
        done.refused = error.detail
        return done
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wanted = _node_by_node(program, types, model, done, measure=measure)
        for each in kernels:
            for count in threads:
                _natively(program, types, wanted, Native(each, count), done)
        implementations = [Reference(), *(Native(each, count) for each in kernels for count in threads[-1:])]
        for implementation in implementations:
            _as_a_runner(program, model, wanted, implementation, done)
    return done


def _node_by_node(
    program: Program, types, model: Model, done: Executed, *, measure: bool
) -> dict[str, np.ndarray]:
    """Every tensor by name, from the plain operators, held against what was foretold."""
    values = dict(program.constants) | dict(model.inputs)
    for node in program.nodes:
        inputs = [moved(values[name]) if name else None for name in node.inputs]
        foretold = node.operator.types(
            [types[n] if n else None for n in node.inputs], node.attributes, len(node.outputs)
        )
        sizes = sum(each.nbytes for each in inputs if each is not None) + sum(each.bytes for each in foretold)
        sizes += sum(_size(value) for value in node.attributes.values())
        if is_empty(foretold) and _is_long([*foretold, *(each for each in inputs if each is not None)]):
            made = tuple(np.empty(each.shape, each.dtype) for each in foretold)
        else:
            with _memory(measure, node.operator.name, sizes):
                made = node.operator.run(inputs, node.attributes, len(node.outputs))
        if [(x.dtype, x.shape) for x in made] != [(t.dtype, t.shape) for t in foretold]:
            raise Broken(f"{node.operator.name}: {[(x.dtype, x.shape) for x in made]}, foretold: {foretold}")
        for name, value in zip(node.outputs, made, strict=True):
            if name:
                if types[name].value is not None:
                    same_bits(np.asarray(types[name].value), value)
                values[name] = value
        done.nodes += 1
    return values


def _is_long(given) -> bool:
    return any(prod(max(axis, 1) for axis in each.shape) > LONG for each in given)


def _size(value: object) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return 8 * len(value) if isinstance(value, tuple) else 8


def _natively(program: Program, types, wanted, implementation: Native, done: Executed) -> None:
    """Group by group as a plan has them, each array alone and at the edge of memory."""
    groups = implementation.groups(_needed(program, types), types, frozenset(program.outputs))
    constants = frozenset(name for name, each in types.items() if each.value is not None)
    for at_end in (True, False):
        tensors = {name: moved(np.asarray(types[name].value), at_end=at_end) for name in constants}
        tensors |= {each.name: moved(wanted[each.name], at_end=at_end) for each in program.inputs}
        for group in groups:
            _, writes = outer(group, program.outputs)
            if all(name in constants for name in writes) or is_empty(types[name] for name in writes):
                tensors |= {name: wanted[name] for name in writes - constants}
                continue
            for name in writes - constants:
                tensors[name] = guarded(types[name].shape, types[name].dtype, at_end=at_end)
            call = implementation.bind(group, tensors, constants)
            for _ in range(2):
                call()
            if "plain" not in getattr(call, "__qualname__", ""):
                done.bound.add("+".join(node.operator.name for node in group))
            for name in group[-1].outputs:
                if name:
                    same_bits(tensors[name], wanted[name])
                    done.compared += 1


def _as_a_runner(program: Program, model: Model, wanted, implementation, done: Executed) -> None:
    """In one piece of memory as plans lay it out, twice, then with a record."""
    runner = Runner(program, implementation, MOST)
    try:
        trace = Trace()
        records = (None, None, trace) if isinstance(implementation, Reference) else (None, None)
        for record in records:
            for name, value in runner.run(model.inputs, record).items():
                same_bits(value, wanted[name])
                done.compared += 1
    except Refused as error:
        if error.code != "too-large":  # with every node, a plan takes more
            raise


@contextmanager
def _memory(measure: bool, what: str, sizes: int) -> Iterator[None]:
    """Raises Broken if it takes more than a small multiple of that many bytes."""
    if not measure:
        yield
        return
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > SPARE + TIMES * sizes:
        raise Broken(f"{what} took {peak} bytes for {sizes}")
