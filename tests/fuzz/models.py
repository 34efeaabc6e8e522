"""Hostile models: single operators that stand in ONNX's node tests, changed at random, and what may follow them.

Nothing is made that a file could not hold. Everything follows from a seed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, defs, helper, numpy_helper

from assay.operators.registry import ML
from tests.fuzz.changing import (
    CHANGES,
    MS,
    OPSET,
    TYPES,
    Given,
    another_version,
    shrink,
    some_real,
    some_shape,
    some_values,
)
from tests.sdk.operators import onnx_nodes
from tests.sdk.operators.test_learned_mutations import MODELS

FOLLOWERS = (
    "Relu",
    "Clip",
    "BatchNormalization",
    "Add",
    "Sub",
    "Mul",
    "Neg",
    "Sigmoid",
    "Max",
    "Cast",
    "Sum",
    "Where",
)


@dataclass
class Model:
    """A file, and values for its inputs."""

    data: bytes
    inputs: dict[str, np.ndarray]


# --- what there is to begin with --------------------------------------------------------------------------------


@cache
def seeds() -> dict[tuple[str, str], list[Given]]:
    """Sound nodes by operator."""
    found = defaultdict(list)
    for name, cases in onnx_nodes.cases().items():
        for case in cases if isinstance(name, tuple) else ():
            for given, _ in case.data_sets:
                seed = _of_case(case.model, given)
                if seed is not None:
                    found[name].append(seed)
    x = np.float32([[0.5, -1, 2], [3, 0, -0.25], [np.nan, np.inf, 1]])
    for (name, version), attributes in MODELS.items():
        outputs = 2 if name.endswith("Classifier") else 1
        found[ML, name].append(Given(ML, name, version, [x], set(), dict(attributes), outputs))
    for name in ("QLinearAdd", "QLinearMul"):
        inputs = [*_quantised(4, 3), *_quantised(3), np.float32(0.5), np.uint8(7)]
        found[MS, name].append(Given(MS, name, 1, inputs, set(range(1, 8))))
    for name in ("QLinearSigmoid", "QLinearLeakyRelu", "QLinearGlobalAveragePool"):
        inputs = [*_quantised(2, 3, 4, 5), np.float32(0.5), np.uint8(7)]
        found[MS, name].append(Given(MS, name, 1, inputs, set(range(1, 5))))
    for name in ("QuantizeLinear", "DequantizeLinear"):
        found[MS, name] += [Given(MS, name, 1, each.inputs, each.held) for each in found["", name]]
    found["", "GlobalLpPool"].append(Given("", "GlobalLpPool", 2, [np.ones((2, 3, 4, 5), np.float32)]))
    return dict(found)


def _quantised(*shape: int) -> tuple[np.ndarray, ...]:
    return np.arange(np.prod(shape, dtype=int), dtype=np.uint8).reshape(shape), np.float32(0.25), np.uint8(3)


def _of_case(model: onnx.ModelProto, given: list[Any]) -> Given | None:
    """None for values that are no tensors."""
    (node,) = model.graph.node
    names = [each.name for each in model.graph.input]
    if not all(isinstance(each, np.ndarray | np.generic | onnx.TensorProto) for each in given):
        return None
    held = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    values = held | dict(zip(names, map(onnx_nodes._array, given), strict=False))
    if any(name and (name not in values or values[name].dtype not in TYPES) for name in node.input):
        return None
    domain = "" if node.domain == "ai.onnx" else node.domain
    imported = {"" if each.domain == "ai.onnx" else each.domain: each.version for each in model.opset_import}
    since = defs.get_schema(node.op_type, imported[domain], domain).since_version
    inputs = [np.asarray(values[name]) if name else None for name in node.input]
    attributes = {each.name: _plain(helper.get_attribute_value(each)) for each in node.attribute}
    constant = set(range(1, len(inputs))) | {i for i, name in enumerate(node.input) if name in held}
    return Given(domain, node.op_type, since, inputs, constant, attributes, len(node.output))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def hostile(seed: int, only: tuple[str, str] | None = None) -> Model:
    """A model made of this seed."""
    chance = random.Random(seed)
    key = only or chance.choice(sorted(seeds()))
    given = chance.choice(seeds()[key]).copy()
    another_version(chance, given)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        chance.choice(CHANGES)(chance, given)
    shrink(given)
    return _file(chance, given)


# --- files ------------------------------------------------------------------------------------------------------


def _file(chance: random.Random, given: Given) -> Model:
    names = ["" if each is None else f"x{i}" for i, each in enumerate(given.inputs)]
    outputs = [f"y{i}" if chance.random() < 0.95 else "" for i in range(given.outputs)]
    held = {names[i]: given.inputs[i] for i in given.held if i < len(names) and names[i]}
    inputs = {n: x for n, x in zip(names, given.inputs, strict=True) if n and n not in held}
    node = onnx.NodeProto(op_type=given.name, domain=given.domain, input=names, output=outputs)
    node.attribute.extend(_attribute(chance, name, value) for name, value in given.attributes.items())
    versions = {given.domain: given.version}
    nodes = [node]
    if chance.random() < 0.4 and outputs and outputs[0] and given.outputs == 1:
        nodes += _followers(chance, given, names, held)
        versions.setdefault("", OPSET)
    written = [name for each in nodes for name in each.output if name]
    read = {name for each in nodes for name in each.input}
    shown = [name for name in written if name not in read or chance.random() < 0.1]
    graph = onnx.GraphProto(name="hostile", node=nodes)
    graph.input.extend(_port(chance, name, x) for name, x in inputs.items())
    graph.initializer.extend(numpy_helper.from_array(np.asarray(x), name) for name, x in held.items())
    graph.output.extend(helper.make_empty_tensor_value_info(name) for name in shown)
    model = onnx.ModelProto(ir_version=10, graph=graph)
    model.opset_import.extend(helper.make_opsetid(*each) for each in versions.items())
    return Model(model.SerializeToString(), inputs)


def _port(chance: random.Random, name: str, x: np.ndarray) -> onnx.ValueInfoProto:
    axes = [axis if chance.random() < 0.7 else None for axis in x.shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), axes)


def _attribute(chance: random.Random, name: str, value: Any) -> AttributeProto:
    made = AttributeProto(name=name)
    if isinstance(value, np.ndarray):
        made.type = AttributeProto.TENSOR
        made.t.CopyFrom(numpy_helper.from_array(value))
        return made
    if not isinstance(value, tuple):
        made.type, field_name, value = _single(value)
        setattr(made, field_name, value)
        return made
    lists = {int: (AttributeProto.INTS, "ints"), float: (AttributeProto.FLOATS, "floats")}
    kind = type(value[0]) if value else chance.choice((int, float, str))
    made.type, field_name = lists.get(kind, (AttributeProto.STRINGS, "strings"))
    rest = [each for each in value if type(each) is kind]
    getattr(made, field_name).extend(
        [each.encode() for each in rest] if kind is str else rest if kind in lists else []
    )
    return made


def _single(value: Any) -> tuple[int, str, Any]:
    if isinstance(value, str):
        return AttributeProto.STRING, "s", value.encode()
    return (
        (AttributeProto.FLOAT, "f", value) if isinstance(value, float) else (AttributeProto.INT, "i", int(value))
    )


def _followers(
    chance: random.Random, given: Given, names: list[str], held: dict[str, np.ndarray]
) -> list[onnx.NodeProto]:
    """Nodes that a product would be carried out with, and others; each reads what was made before."""
    made, last = ["y0"], "y0"
    nodes = []
    shape = _made_by(given)
    for i in range(chance.randrange(1, 7)):
        name, output = chance.choice(FOLLOWERS), f"z{i}"

        def operand(number: int, output: str = output) -> str:
            if chance.random() < 0.25:
                return chance.choice([*made, *filter(None, names)])
            held[f"{output}_{number}"] = _operand(chance, shape)
            return f"{output}_{number}"

        read = [last if chance.random() < 0.9 else chance.choice(made)]
        if name in {"Add", "Sub", "Mul", "Max", "Sum"}:
            read.append(operand(1))
            if chance.random() < 0.3:
                read.reverse()
        elif name == "Clip":
            ends = [float(np.float32(some_real(chance))) for _ in range(2)]
            for j in range(chance.randrange(3)):
                held[f"{output}_{j}"] = np.float32(ends[j])
                read.append(f"{output}_{j}" if chance.random() < 0.8 else "")
        elif name == "BatchNormalization":
            axis = 1 if chance.random() < 0.9 or not shape else chance.randrange(len(shape))
            channels = shape[axis] if len(shape) > axis else 1
            for j in range(4):
                held[f"{output}_{j}"] = some_values(chance, np.dtype("f4"), (channels,))
            read += [f"{output}_{j}" for j in range(4)]
        elif name == "Where":
            held[f"{output}_0"] = some_values(chance, np.dtype("?"), shape if chance.random() < 0.5 else ())
            read = [f"{output}_0", read[0], operand(1)]
        node = onnx.NodeProto(op_type=name, input=read, output=[output])
        if name == "Cast":
            node.attribute.append(helper.make_attribute("to", chance.choice((1, 1, 6, 7, 9, 2, 3, 11))))
        if name == "BatchNormalization" and chance.random() < 0.3:
            node.attribute.append(helper.make_attribute("epsilon", some_real(chance)))
        nodes.append(node)
        made.append(output)
        last = output
    return nodes


def _operand(chance: random.Random, shape: tuple[int, ...]) -> np.ndarray:
    """One that the shapes of results go with: all of it, channels, one number, or none of these."""
    choices = [
        shape,
        (),
        (1,),
        shape[-1:],
        (1,) * len(shape),
        (*shape[1:2], *(1,) * len(shape[2:])),
        some_shape(chance),
    ]
    choices.append(tuple(axis if chance.random() < 0.5 else 1 for axis in shape))
    return some_values(chance, np.dtype("f4"), chance.choice(choices))


def _made_by(given: Given) -> tuple[int, ...]:
    """The shape of the first output; () if there is none."""
    from assay.errors import Refused
    from assay.operators.registry import TensorType, find

    try:
        operator = find(given.domain, given.name, given.version)
        types = [
            None if x is None else TensorType(x.dtype, x.shape, x if i in given.held else None)
            for i, x in enumerate(given.inputs)
        ]
        return operator.types(types, given.attributes, 1)[0].shape
    except (Refused, ValueError, TypeError, ArithmeticError, IndexError):  # found again where it counts
        return ()
