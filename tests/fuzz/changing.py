"""How a node is changed at random: version, attributes, types, shapes, what is constant; also what is absurd."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import defs

from assay.operators.registry import operators
from tests.native.comparing import NASTY

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


def another_version(chance: random.Random, given: Given) -> None:
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
    makers = {"int": _integer, "float": some_real, "str": lambda chance: chance.choice(TEXTS), "Array": some_array}
    maker = makers.get(kind.removeprefix("tuple[").removesuffix(", ...]"), _integer)
    return tuple(maker(chance) for _ in range(chance.randrange(5))) if kind.startswith("tuple") else maker(chance)


def _integer(chance: random.Random) -> int:
    return chance.choice(INTEGERS) if chance.random() < 0.5 else chance.randrange(-2, 6)


def some_real(chance: random.Random) -> float:
    return chance.choice(REALS) if chance.random() < 0.7 else chance.uniform(-4, 4)


def some_array(chance: random.Random) -> np.ndarray:
    return some_values(chance, chance.choice(TYPES), some_shape(chance))


def _changed(chance: random.Random, value: Any) -> Any:
    if chance.random() < 0.05:
        return chance.choice(
            (_integer(chance), some_real(chance), chance.choice(TEXTS), (), (1, 1), (0.5,), some_array(chance))
        )
    if isinstance(value, tuple):
        return _changed_list(chance, value)
    if isinstance(value, np.ndarray):
        return some_values(chance, value.dtype, value.shape) if chance.random() < 0.5 else some_array(chance)
    if isinstance(value, str):
        return chance.choice(TEXTS)
    return some_real(chance) if isinstance(value, float) else _integer(chance)


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


def some_shape(chance: random.Random) -> tuple[int, ...]:
    return tuple(chance.choice(AXES) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8))))


def some_values(chance: random.Random, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
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
                number = some_real(chance) if x.dtype.kind == "f" else _integer(chance)
                made.reshape(-1)[chance.randrange(x.size)] = np.asarray(number).astype(x.dtype)
            given.inputs[i] = made
        else:
            given.inputs[i] = some_values(chance, x.dtype, x.shape)


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
                some_values(chance, each.dtype, shape) if each.dtype.kind == "f" else _resized(each, shape)
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
        given.inputs[i] = some_values(chance, given.inputs[i].dtype, some_shape(chance))


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
        given.inputs += [None if chance.random() < 0.3 else chance.choice([*given.inputs, some_array(chance)])]
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


def shrink(given: Given) -> None:
    """No input is larger than what is quick to compute on."""
    for i, each in enumerate(given.inputs):
        if each is not None and each.size > ELEMENTS:
            shape = each.shape
            while np.prod(shape, dtype=float) > ELEMENTS:
                shape = tuple(max(axis // 2, 1) for axis in shape)
            given.inputs[i] = np.resize(each, shape)
