"""Hostile models: single operators that stand in ONNX's node tests, changed at random, and what may follow them.

Nothing is made that a file could not hold. Everything follows from a seed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, defs, helper, numpy_helper

from assay.operators.registry import ML, operators
from tests.native.comparing import NASTY
from tests.sdk.operators import onnx_nodes
from tests.sdk.operators.test_learned_mutations import MODELS

MS = "com.microsoft"
OPSET = max(max(versions) for (domain, _), versions in operators().items() if not domain)
INTEGERS = (
    -(2**63),
    -(2**31),
    -100,
    -3,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    16,
    100,
    2**16,
    2**31,
    2**40,
    2**62,
    2**63 - 1,
)
REALS = (float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 1e-45, 3e38, -3e38, 2.0, 1e10)
TEXTS = (
    "",
    "NONE",
    "none",
    "tanh",
    "SAME_UPPER",
    "VALID",
    "reflect",
    "wrap",
    "linear",
    "cubic",
    "nearest",
    "SOFTMAX",
)
TYPES = [np.dtype(name) for name in ("f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")]
AXES = (0, 1, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100)
HUGE = (2**16, 2**20, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1)
ELEMENTS = 20_000  # of an input, at most
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
class Given:
    """One operator with its inputs, as one node of a file; `held`: inputs that are constants."""

    domain: str
    name: str
    version: int
    inputs: list[np.ndarray | None]
    held: set[int] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1

    def copy(self) -> Given:
        inputs = [None if each is None else each.copy() for each in self.inputs]
        return Given(
            self.domain, self.name, self.version, inputs, set(self.held), dict(self.attributes), self.outputs
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


# --- changes ----------------------------------------------------------------------------------------------------


def hostile(seed: int, only: tuple[str, str] | None = None) -> Model:
    """A model made of this seed."""
    chance = random.Random(seed)
    key = only or chance.choice(sorted(seeds()))
    given = chance.choice(seeds()[key]).copy()
    _another_version(chance, given)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        chance.choice(CHANGES)(chance, given)
    _shrink(given)
    return _file(chance, given)


def _another_version(chance: random.Random, given: Given) -> None:
    """Inputs that another version has as attributes become such, and the other way round."""
    versions = sorted(operators().get((given.domain, given.name), {given.version: None}))
    if chance.random() < 0.5 or (given.domain == MS):
        return
    version = chance.choice(versions)
    here, there = (_schema(given.domain, given.name, each) for each in (given.version, version))
    given.version = version
    if here is None or there is None:
        return
    now = [each.name for each in here.inputs]
    then = [each.name for each in there.inputs]
    for i, name in reversed(list(enumerate(now[: len(given.inputs)]))):
        value = given.inputs[i]
        if name not in then and i > 0 and name in there.attributes:
            del given.inputs[i]
            if value is not None:
                kind = there.attributes[name].type
                made = value.tolist()
                many = kind in (defs.OpSchema.AttrType.INTS, defs.OpSchema.AttrType.FLOATS)
                given.attributes[name] = tuple(np.ravel(value).tolist()) if many else _first(made)
    for name in [each for each in given.attributes if each not in there.attributes]:
        value = given.attributes.pop(name)
        if name in then:
            given.inputs += [None] * (then.index(name) + 1 - len(given.inputs))
            given.inputs[then.index(name)] = np.asarray(value)
            given.held.add(then.index(name))


def _first(value: Any) -> Any:
    while isinstance(value, list):
        value = value[0] if value else 0
    return value


def _schema(domain: str, name: str, version: int) -> defs.OpSchema | None:
    try:
        return defs.get_schema(name, version, domain)
    except defs.SchemaError:
        return None


def _change_attribute(chance: random.Random, given: Given) -> None:
    """Any that the operator has, whether it was given or not."""
    version = operators().get((given.domain, given.name), {}).get(given.version)
    names = sorted({*given.attributes, *(version.attributes if version else ())})
    if not names:
        return
    name = chance.choice(names)
    value = given.attributes.get(name)
    if value is None and version and name in version.attributes:
        value = _some(chance, version.attributes[name].kind)
    if chance.random() < 0.1:
        given.attributes.pop(name, None)
        return
    given.attributes[name] = _changed(chance, value)


def _some(chance: random.Random, kind: str) -> Any:
    makers = {"int": _integer, "float": _real, "str": lambda chance: chance.choice(TEXTS), "Array": _array}
    maker = makers.get(kind.removeprefix("tuple[").removesuffix(", ...]"), _integer)
    return tuple(maker(chance) for _ in range(chance.randrange(5))) if kind.startswith("tuple") else maker(chance)


def _integer(chance: random.Random) -> int:
    return chance.choice(INTEGERS) if chance.random() < 0.5 else chance.randrange(-2, 6)


def _real(chance: random.Random) -> float:
    return chance.choice(REALS) if chance.random() < 0.7 else chance.uniform(-4, 4)


def _array(chance: random.Random) -> np.ndarray:
    return _values(chance, chance.choice(TYPES), _shape(chance))


def _changed(chance: random.Random, value: Any) -> Any:
    if chance.random() < 0.05:
        return chance.choice(
            (_integer(chance), _real(chance), chance.choice(TEXTS), (), (1, 1), (0.5,), _array(chance))
        )
    if isinstance(value, tuple):
        return _changed_list(chance, value)
    if isinstance(value, np.ndarray):
        return _values(chance, value.dtype, value.shape) if chance.random() < 0.5 else _array(chance)
    if isinstance(value, str):
        return chance.choice(TEXTS)
    return _real(chance) if isinstance(value, float) else _integer(chance)


def _changed_list(chance: random.Random, value: tuple[Any, ...]) -> tuple[Any, ...]:
    how = chance.randrange(6)
    if how == 0 or not value:
        return value[:-1] if value else (_integer(chance),) * chance.randrange(1, 4)
    if how == 1:
        return (*value, chance.choice(value))
    if how == 2 and chance.random() < 0.1:
        return value * 1000
    made = list(value)
    for _ in range(chance.randrange(1, 3)):
        made[chance.randrange(len(made))] = _changed(chance, chance.choice(made))
    return tuple(made)


def _shape(chance: random.Random) -> tuple[int, ...]:
    return tuple(chance.choice(AXES) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8))))


def _values(chance: random.Random, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Nasty ones among small ones."""
    while np.prod([max(axis, 1) for axis in shape], dtype=float) > ELEMENTS:
        shape = tuple(axis // 2 for axis in shape)
    rng = np.random.default_rng(chance.getrandbits(32))
    if dtype.kind == "f":
        plain = rng.standard_normal(shape) * chance.choice((1, 1, 10, 1e-30, 1e30, 1e38))
        with np.errstate(all="ignore"):
            made = np.where(rng.random(shape) < chance.choice((0, 0, 0.1, 0.5)), rng.choice(NASTY, shape), plain)
            return np.asarray(made.astype(dtype))
    if dtype.kind == "b" or chance.random() < 0.3:
        return (
            np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype if dtype.kind != "b" else "u1")
            .reshape(shape)
            .astype(dtype)
        )
    low = 0 if dtype.kind == "u" else -3
    return rng.integers(low, 8, shape).astype(dtype)


def _change_values(chance: random.Random, given: Given) -> None:
    if given.inputs:
        i = chance.randrange(len(given.inputs))
        x = given.inputs[i]
        if x is None:
            return
        if x.size and x.size < 20 and chance.random() < 0.7:  # an argument: one number of it
            made = x.copy()
            with np.errstate(all="ignore"):
                number = _real(chance) if x.dtype.kind == "f" else _integer(chance)
                made.reshape(-1)[chance.randrange(x.size)] = np.asarray(number).astype(x.dtype)
            given.inputs[i] = made
        else:
            given.inputs[i] = _values(chance, x.dtype, x.shape)


def _change_length(chance: random.Random, given: Given) -> None:
    """Every axis of one length gets another, in all inputs, so that they still fit."""
    lengths = sorted({axis for each in given.inputs if each is not None for axis in each.shape})
    if not lengths:
        return
    old, new = chance.choice(lengths), chance.choice(AXES)
    for i, each in enumerate(given.inputs):
        if each is not None and old in each.shape:
            shape = tuple(new if axis == old else axis for axis in each.shape)
            given.inputs[i] = (
                _values(chance, each.dtype, shape) if each.dtype.kind == "f" else _resized(each, shape)
            )


def _resized(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if np.prod([max(axis, 1) for axis in shape], dtype=float) > ELEMENTS:
        return x
    return np.resize(x, shape) if x.size else np.zeros(shape, x.dtype)


def _change_axis(chance: random.Random, given: Given) -> None:
    """One axis of one input."""
    i = _one(chance, given)
    if i is None or not given.inputs[i].ndim:
        return
    shape = list(given.inputs[i].shape)
    shape[chance.randrange(len(shape))] = chance.choice(AXES)
    given.inputs[i] = _resized(given.inputs[i], tuple(shape))


def _change_rank(chance: random.Random, given: Given) -> None:
    i = _one(chance, given)
    if i is None:
        return
    shape = given.inputs[i].shape
    at = chance.randrange(len(shape) + 1)
    longer = (*shape[:at], chance.choice((0, 1, 1, 2)), *shape[at:])
    made = _resized(given.inputs[i], longer if chance.random() < 0.6 or not shape else shape[:at][1:] + shape[at:])
    given.inputs[i] = made


def _change_shape(chance: random.Random, given: Given) -> None:
    i = _one(chance, given)
    if i is not None:
        given.inputs[i] = _values(chance, given.inputs[i].dtype, _shape(chance))


def _change_type(chance: random.Random, given: Given) -> None:
    """Of all inputs of a type, or of one."""
    i = _one(chance, given)
    if i is None:
        return
    old, new = given.inputs[i].dtype, chance.choice(TYPES)
    everywhere = chance.random() < 0.7
    for j, each in enumerate(given.inputs):
        if each is not None and (j == i or (everywhere and each.dtype == old)):
            with np.errstate(all="ignore"):
                given.inputs[j] = np.asarray(each.astype(new))


def _one(chance: random.Random, given: Given) -> int | None:
    there = [i for i, each in enumerate(given.inputs) if each is not None]
    return chance.choice(there) if there else None


def _change_number(chance: random.Random, given: Given) -> None:
    """Of inputs, or of outputs."""
    how = chance.randrange(6)
    if how == 0 and given.inputs:
        given.inputs[chance.randrange(len(given.inputs))] = None
    elif how == 1 and given.inputs:
        given.inputs.pop()
    elif how == 2:
        given.inputs += [None if chance.random() < 0.3 else chance.choice([*given.inputs, _array(chance)])]
    elif how == 3 and given.inputs:
        given.inputs += [given.inputs[-1]] * chance.choice((1, 2, 20))
    else:
        given.outputs = chance.choice((0, 1, 1, 2, 3, 4, 5, 40))


def _change_held(chance: random.Random, given: Given) -> None:
    if given.inputs:
        how = chance.randrange(4)
        given.held = (
            set(range(len(given.inputs))) if how == 0 else given.held ^ {chance.randrange(len(given.inputs))}
        )


def _make_huge(chance: random.Random, given: Given) -> None:
    """Axes beyond any memory, which take none because another one is empty."""
    i = _one(chance, given)
    if i is not None:
        shape = [*given.inputs[i].shape, 0]
        shape[chance.randrange(len(shape))] = chance.choice(HUGE)
        shape[chance.randrange(len(shape))] = 0
        if np.prod([max(axis, 1) for axis in shape], dtype=float) * given.inputs[i].dtype.itemsize < 2**62:
            given.inputs[i] = np.empty(
                shape[: given.inputs[i].ndim] if 0 in shape[:-1] else shape, given.inputs[i].dtype
            )


CHANGES = (
    *(_change_attribute, _change_attribute, _change_attribute, _change_values, _change_values, _change_length),
    *(_change_length, _change_axis, _change_rank, _change_shape, _change_type, _change_type, _change_number),
    *(_change_held, _make_huge),
)


def _shrink(given: Given) -> None:
    """No input is larger than what is quick to compute on."""
    for i, each in enumerate(given.inputs):
        if each is not None and each.size > ELEMENTS:
            shape = each.shape
            while np.prod(shape, dtype=float) > ELEMENTS:
                shape = tuple(max(axis // 2, 1) for axis in shape)
            given.inputs[i] = np.resize(each, shape)


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
            ends = [float(np.float32(_real(chance))) for _ in range(2)]
            for j in range(chance.randrange(3)):
                held[f"{output}_{j}"] = np.float32(ends[j])
                read.append(f"{output}_{j}" if chance.random() < 0.8 else "")
        elif name == "BatchNormalization":
            axis = 1 if chance.random() < 0.9 or not shape else chance.randrange(len(shape))
            channels = shape[axis] if len(shape) > axis else 1
            for j in range(4):
                held[f"{output}_{j}"] = _values(chance, np.dtype("f4"), (channels,))
            read += [f"{output}_{j}" for j in range(4)]
        elif name == "Where":
            held[f"{output}_0"] = _values(chance, np.dtype("?"), shape if chance.random() < 0.5 else ())
            read = [f"{output}_0", read[0], operand(1)]
        node = onnx.NodeProto(op_type=name, input=read, output=[output])
        if name == "Cast":
            node.attribute.append(helper.make_attribute("to", chance.choice((1, 1, 6, 7, 9, 2, 3, 11))))
        if name == "BatchNormalization" and chance.random() < 0.3:
            node.attribute.append(helper.make_attribute("epsilon", _real(chance)))
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
        _shape(chance),
    ]
    choices.append(tuple(axis if chance.random() < 0.5 else 1 for axis in shape))
    return _values(chance, np.dtype("f4"), chance.choice(choices))


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
