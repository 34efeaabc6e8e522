"""Which nodes are carried out together with the product before them, and as which steps.

A node follows if it reads the product's result, is the only one that does, and is one of the steps of epilogue.py.
The group stands where its last node stood: whatever else it reads is there by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from assay.operators.arithmetic import Array, quiet
from assay.operators.registry import TensorType
from assay.program.graph import Node
from assay.program.planning import Group
from native.epilogue import MOST_STEPS, RELU, Add, Clip, Normalise, Step

Types = Mapping[str, TensorType]

LEADERS = {"Conv": 1, "Gemm": -1, "MatMul": -1}  # and which axis their channels are
FLOAT32 = np.dtype(np.float32)
LARGEST = np.finfo(np.float32).max


def fused(nodes: Sequence[Node], types: Types, kept: frozenset[str]) -> list[Group]:
    """Every node in one group; groups in an order in which each comes after what it reads."""
    reads = Counter(name for node in nodes for name in node.inputs)
    reader = {name: i for i, node in enumerate(nodes) for name in node.inputs}
    groups: dict[int, list[Node]] = {}
    taken: set[int] = set()
    for i, node in enumerate(nodes):
        if i in taken:
            continue
        group, last = [node], i
        while leads(node, types) and len(group) < MOST_STEPS:
            (made,) = group[-1].outputs
            if made in kept or reads[made] != 1 or reader[made] in taken:
                break
            if not follows(nodes[reader[made]], made, node, types):
                break
            last = reader[made]
            taken.add(last)
            group.append(nodes[last])
        groups[last] = group
    return [tuple(groups[i]) for i in sorted(groups)]


def leads(node: Node, types: Types) -> bool:
    """A product of float32 whose result is matrices or images."""
    if node.operator.domain != "" or node.operator.name not in LEADERS:
        return False
    made, least = types[node.outputs[0]], 3 if node.operator.name == "Conv" else 2
    matrices = all(types[name].rank > 1 for name in node.inputs[:2])
    return made.dtype == FLOAT32 and made.rank >= least and matrices


def follows(node: Node, made: str, leader: Node, types: Types) -> bool:
    if node.operator.domain != "" or len(node.outputs) != 1:
        return False
    match node.operator.name:
        case "Relu":
            return True
        case "Clip":
            return all(not name or types[name].value is not None for name in node.inputs[1:])
        case "BatchNormalization":
            axis_is_channels = LEADERS[leader.operator.name] == 1 or types[made].rank == 2
            known = all(types[name].value is not None for name in node.inputs[1:])
            return node.inputs[0] == made and axis_is_channels and known
        case "Add":
            (other,) = [name for name in node.inputs if name != made] or [made]
            return other != made and operand_shape(types[other].shape, types[made].shape, leader) is not None
    return False


def operand_shape(shape: tuple[int, ...], made: tuple[int, ...], leader: Node) -> tuple[int, ...] | None:
    """`shape` as an epilogue takes it: one number, one for each channel, or all; None if it is none of these."""
    axis = LEADERS[leader.operator.name] % len(made)
    alone = tuple(made[axis] if i == axis else 1 for i in range(len(made)))
    if all(length == 1 for length in shape) and len(shape) <= len(made):
        return ()
    if shape == made:
        return made
    fits = len(shape) <= len(made) and shape == alone[len(made) - len(shape) :]
    return (made[axis],) if fits else None


@quiet
def step(node: Node, made: str, leader: Node, result: str, tensors: Mapping[str, Array]) -> Step:
    """What `follows` has accepted. `result`: what the group writes, of the same shape as all that it makes."""
    read = [tensors.get(name) for name in node.inputs]  # not what the group makes
    match node.operator.name:
        case "Relu":
            return RELU
        case "Clip":
            return _clip(node, read)
        case "BatchNormalization":
            scale, bias, mean, variance = (each for each in read if each is not None)
            epsilon = np.float32(node.operator.keywords(node.attributes, 1)["epsilon"])
            return Normalise(mean, scale / np.sqrt(variance + epsilon), bias)
    (other,) = [name for name in node.inputs if name != made]
    shape = operand_shape(tensors[other].shape, tensors[result].shape, leader)
    assert shape is not None
    return Add(tensors[other].reshape(shape))


def _clip(node: Node, read: Sequence[Array | None]) -> Clip:
    """Bounds are inputs, or attributes as of version 6; one that is left out is the last finite number."""
    stated = node.operator.keywords(node.attributes, 1)
    ends = stated.get("min", -LARGEST), stated.get("max", LARGEST)
    given = (*read[1:], None, None)[:2]
    low, high = (np.float32(end) if x is None else x for x, end in zip(given, ends, strict=True))
    return Clip(np.asarray(low).reshape(()), np.asarray(high).reshape(()))
