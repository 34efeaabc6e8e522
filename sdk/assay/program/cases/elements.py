"""Operators of single elements: arithmetic, functions, activations, comparisons, conversions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.operators.shapes import ELEMENT_TYPES
from assay.program.cases.making import Case, Made, anything, case, whole, wide

FUNCTIONS = {  # names by version, here and below; of float32 alone
    13: "Exp Log Tanh Erf Sigmoid",
    20: "Gelu",
    22: "Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Softplus Elu Selu Mish",
    24: "Swish",
    28: "Celu",
}
SIMPLE = {  # of any float
    9: "Shrink",
    13: "Neg Abs Sign Reciprocal Floor Ceil Sqrt",
    14: "Relu",
    16: "LeakyRelu",
    20: "IsNaN IsInf",
    22: "Round HardSigmoid HardSwish Softsign ThresholdedRelu",
}
COMPARISONS = {13: "Less Greater", 16: "LessOrEqual GreaterOrEqual", 19: "Equal"}
SHAPES = ((3, 67), (67,))  # no multiple of any vector; one spread over the other
MANY = 65_536  # values: more than are done in one go


def _named(table: dict[int, str]) -> Iterator[tuple[str, int]]:
    return ((name, version) for version, names in table.items() for name in names.split())


def _both(dtype: str) -> tuple[Made, Made]:
    return anything(*SHAPES[0], dtype=dtype), anything(*SHAPES[1], dtype=dtype)


def _of_one() -> Iterator[Case]:
    for name, version in _named(FUNCTIONS):
        yield case(name, version, anything(MANY), note="of everything")
        yield case(name, version, wide(61, 67, low=-9, end=6))
    yield case("Gelu", 20, wide(61, 67), approximate="tanh", note="approximated")
    yield case("Gelu", 20, anything(4099), approximate="tanh", note="of everything, approximated")
    yield case("Elu", 22, wide(61, 67), alpha=-0.7, note="turned round")
    yield case("Celu", 28, wide(61, 67), alpha=0.3, note="narrow")
    yield case("Selu", 22, wide(61, 67), alpha=1.5, gamma=-0.9, note="other")
    yield case("Swish", 24, wide(61, 67), alpha=-1.7, note="turned round")
    for name, version in _named(SIMPLE):
        for dtype in ("float32", "float64"):
            yield case(name, version, anything(61, 67, dtype=dtype), note=dtype)
    for dtype in ("int8", "int64", "uint8"):
        yield case("Abs", 13, anything(67, dtype=dtype), note=dtype)
        yield case("Sign", 13, anything(67, dtype=dtype), note=dtype)
    yield case("Neg", 13, anything(67, dtype="int16"), note="int16")
    yield case("Relu", 14, anything(67, dtype="int32"), note="int32")
    yield case("Round", 22, wide(3, 67, low=-3, end=26), note="halves")
    yield case("LeakyRelu", 16, anything(MANY), alpha=0.3, note="of everything")
    yield case("HardSigmoid", 22, wide(61, 67), alpha=0.3, beta=0.4, note="other")
    yield case("Shrink", 9, wide(61, 67), lambd=0.3, bias=0.1, note="other")
    yield case("ThresholdedRelu", 22, wide(61, 67), alpha=0.3, note="other")
    yield case("IsInf", 20, anything(3, 67), detect_negative=0, note="positive")
    yield case("Clip", 6, anything(3, 67), min=-0.7, max=1.3)
    yield case("Clip", 13, anything(3, 67), note="to the ends")
    for dtype in ("float32", "float64", "int8", "uint32"):
        low, high = np.array(2, dtype), np.array(100, dtype)
        yield case("Clip", 13, anything(3, 67, dtype=dtype), low, high, note=dtype)
    yield case("Dropout", 7, anything(3, 67))
    yield case("Dropout", 10, anything(3, 67), outputs=2)
    yield case("Dropout", 22, anything(3, 67, dtype="float16"), outputs=2)


def _of_two() -> Iterator[Case]:
    for name in ("Add", "Sub", "Mul", "Div"):
        yield case(name, 14, anything(MANY), anything(MANY), note="of everything")
        for dtype in ("float32", "float64", "int32", "int64", "uint8"):
            yield case(name, 14, *_both(dtype), note=dtype)
    for name in ("Max", "Min"):
        yield case(name, 13, anything(MANY), anything(MANY), note="of everything")
        for dtype in ("float32", "float64", "int16", "uint64"):
            yield case(name, 13, *_both(dtype), anything(3, 1, dtype=dtype), note=dtype)
    for name in ("Sum", "Mean"):
        for dtype in ("float32", "float64"):
            yield case(name, 13, *_both(dtype), wide(3, 1, dtype=dtype), note=dtype)
    for dtype in ("int8", "int64", "uint32"):
        yield case("Mod", 13, *_both(dtype), note=dtype)
        yield case("Mod", 13, *_both(dtype), fmod=1, note=f"{dtype}, fmod")
    for dtype in ("float32", "float64"):
        yield case("Mod", 13, *_both(dtype), fmod=1, note=dtype)
        yield case("Mod", 28, *_both(dtype), note=dtype)
    for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        yield case(name, 18, *_both("int64"))
    yield case("BitwiseNot", 18, anything(3, 67, dtype="uint16"))
    for direction in ("LEFT", "RIGHT"):
        for dtype in ("uint8", "int32", "uint64"):
            by = whole(67, low=0, end=70, dtype=dtype)
            yield case(
                "BitShift", 28, anything(3, 67, dtype=dtype), by, direction=direction, note=direction + dtype
            )
    yield case("PRelu", 16, *_both("float32"), note="float32")
    yield case("PRelu", 16, *_both("int32"), note="int32")


def _powers() -> Iterator[Case]:
    yield case("Pow", 15, anything(MANY), anything(MANY), note="of everything")
    yield case("Pow", 15, wide(61, 67), wide(67))
    yield case("Pow", 15, wide(61, 67), np.array(2, np.float32), note="squares")
    yield case("Pow", 15, wide(61, 67), np.array(0.5, np.float32), note="roots")
    yield case("Pow", 15, wide(61, 67), whole(67, low=-9, end=10, dtype="int32"), note="by integers")
    yield case("Pow", 15, anything(67, dtype="int64"), whole(3, 67, low=-2, end=70), note="of integers")
    yield case("Pow", 15, whole(3, 67, low=-9, end=9, dtype="int32"), wide(67), note="of integers by floats")


def _choosing() -> Iterator[Case]:
    for name, version in _named(COMPARISONS):
        for dtype in ("float32", "float64", "int32", "int64"):
            yield case(name, version, *_both(dtype), note=dtype)
    for name in ("And", "Or", "Xor"):
        yield case(name, 7, *_both("bool"))
    yield case("Equal", 19, *_both("bool"), note="bool")
    yield case("Not", 1, anything(3, 67, dtype="bool"))
    for dtype in ("float32", "float16", "int64", "uint8"):
        yield case("Where", 16, anything(67, dtype="bool"), *_both(dtype), note=dtype)


def _conversions() -> Iterator[Case]:
    """Of floats to everything; of everything to some."""
    for number, to in ELEMENT_TYPES.items():
        for dtype in ("float32", "float64"):
            yield case("Cast", 28, anything(3, 67, dtype=dtype), to=number, note=f"{dtype} {to.name}")
        for other in (1, 6, 7, 9, 10):
            if to.name not in {"float32", "float64"}:
                target = ELEMENT_TYPES[other].name
                yield case("Cast", 28, anything(3, 67, dtype=to.name), to=other, note=f"{to.name} {target}")
    for like in ("int16", "int32"):
        yield case("CastLike", 25, anything(3, 67), anything(1, dtype=like), note=like)


CASES = (*_of_one(), *_of_two(), *_powers(), *_choosing(), *_conversions())
