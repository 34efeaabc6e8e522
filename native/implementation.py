"""Programs carried out by the kernels; by `assay.operators` where there is none. The bits are the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

import native.binders  # noqa: F401 - declares them
from assay.errors import Unavailable
from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType
from assay.program.graph import Node
from assay.program.planning import Group, Implementation
from assay.program.running import Reference
from native import loader
from native.following import fused, step
from native.loader import Kernels
from native.sites import BINDERS, Call, Machine, Site


class Native:
    """Serves one program: what it prepares of constants is kept under their names."""

    def __init__(self, kernels: Kernels, threads: int = 1) -> None:
        self.machine = Machine(kernels, threads)

    def groups(self, nodes: Sequence[Node], types: Mapping[str, TensorType], kept: frozenset[str]) -> list[Group]:
        return fused(nodes, types, kept)

    def bind(self, group: Group, tensors: Mapping[str, Array], constants: frozenset[str]) -> Call:
        leader, last = group[0], group[-1]
        writes = tuple(tensors[name] if name else None for name in last.outputs)
        made = [node.outputs[0] for node in group[:-1]]
        steps = tuple(
            step(node, name, leader, last.outputs[0], tensors) for node, name in zip(group[1:], made, strict=True)
        )
        reads = tuple(tensors[name] if name else None for name in leader.inputs)
        site = Site(self.machine, leader, reads, writes, constants, steps)
        binder = BINDERS.get((leader.operator.domain, leader.operator.name))
        return (binder(site) if binder else None) or plain(group, tensors)


def plain(group: Group, tensors: Mapping[str, Array]) -> Call:
    """The group by the plain operators, one after the other."""

    def call() -> None:
        values: dict[str, Array] = {}
        for node in group:
            read = [(values.get(name, tensors.get(name)) if name else None) for name in node.inputs]
            made = node.operator.run(read, node.attributes, len(node.outputs))
            values |= {name: value for name, value in zip(node.outputs, made, strict=True) if name}
        for name in group[-1].outputs:
            if name:
                np.copyto(tensors[name], values[name])

    return call


def best(say: Callable[[str], object], threads: int = 1) -> Callable[[], Implementation]:
    """What carries out programs on this machine; `say` is told if that is slow, and why."""
    try:
        kernels = loader.load()
    except Unavailable as error:
        say(f"reproducible models run slowly here: {error}")
        return Reference
    return lambda: Native(kernels, threads)
