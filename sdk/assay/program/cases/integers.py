"""Operators of quantised numbers: floats to integers and back, products and convolutions of eight bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.program.cases.making import Attributes, Case, Given, Made, anything, case, positive, whole, wide

BYTES = ("int8", "uint8")


def _byte(*shape: int, dtype: str = "uint8", constant: bool = False) -> Made:
    return Made(shape, dtype=dtype, constant=constant)


def _scale(value: float) -> Any:
    return np.array(value, np.float32)


def _conversions() -> Iterator[Case]:
    of_rows = positive(67, low=-7, end=-3)
    for dtype in BYTES:
        yield case("QuantizeLinear", 10, anything(3, 67), _scale(0.03), np.array(17, dtype), note=dtype)
        yield case(
            "DequantizeLinear", 10, _byte(3, 67, dtype=dtype), _scale(0.03), np.array(17, dtype), note=dtype
        )
        for version in (13, 19, 21, 28):
            yield case("QuantizeLinear", version, wide(3, 67), of_rows, _byte(67, dtype=dtype), note=dtype)
        for version in (19, 21, 28):
            x, zero = _byte(3, 67, dtype=dtype), _byte(67, dtype=dtype)
            yield case("DequantizeLinear", version, x, anything(67), zero, note=dtype)
    blocks = positive(3, 7, low=-7, end=-3)
    yield case(
        "QuantizeLinear", 28, wide(3, 67), blocks, anything(3, 7, dtype="int16"), block_size=10, note="blocks"
    )
    yield case("QuantizeLinear", 28, wide(3, 67), _scale(0.001), output_dtype=4, note="uint16")
    yield case("QuantizeLinear", 28, anything(3, 67, dtype="int32"), _scale(1e6), note="int32")
    yield case("DequantizeLinear", 28, anything(3, 67, dtype="int32"), anything(3), axis=0, note="int32")
    yield case("DequantizeLinear", 28, anything(3, 67, dtype="uint16"), blocks, block_size=10, note="blocks")
    for note, x in (("", wide(3, 67)), ("positive", positive(3, 67)), ("of everything", anything(67))):
        yield case("DynamicQuantizeLinear", 11, x, outputs=3, note=note)


def _products() -> Iterator[Case]:
    for one, other in ((a, b) for a in BYTES for b in BYTES):
        a, b = _byte(7, 300, dtype=one), _byte(300, 45, dtype=other, constant=True)
        zeros = np.array(93, one), _byte(45, dtype=other, constant=True)
        yield case("MatMulInteger", 10, a, b, *zeros, note=f"{one} {other}")
        scaled = a, _scale(0.02), zeros[0], b, positive(45, low=-9, end=-5, constant=True), zeros[1]
        yield case("QLinearMatMul", 21, *scaled, _scale(0.9), np.array(3, one), note=f"{one} {other}")
    yield case("MatMulInteger", 10, _byte(2, 5, 67), _byte(67, 9), note="without zeros")
    yield case("MatMulInteger", 10, _byte(7, 67), _byte(67, 9), _byte(7), note="of rows")
    y = _scale(40.0), np.array(128, np.uint8)
    halves = whole(5, 3, low=0, end=4, dtype="uint8"), _scale(0.5), np.array(0, np.uint8)
    yield case("QLinearMatMul", 21, *halves, _byte(3, 67), _scale(1.0), np.array(0, np.uint8), *y, note="ties")


CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Attributes]] = {
    "3 × 3": ((1, 5, 9, 11), (7, 5, 3, 3), {"pads": (1, 1, 1, 1)}),
    "strided": ((1, 3, 9, 11), (7, 3, 3, 3), {"strides": (2, 2), "dilations": (1, 2), "pads": (1, 2, 0, 2)}),
    "depthwise": ((1, 19, 9, 11), (19, 1, 3, 3), {"group": 19, "auto_pad": "SAME_UPPER"}),
    "1 × 1": ((1, 67, 5, 7), (21, 67, 1, 1), {}),
    "1-D": ((2, 5, 67), (7, 5, 4), {}),
}


def _convolutions() -> Iterator[Case]:
    for one, other in (("uint8", "int8"), ("uint8", "uint8"), ("int8", "int8")):
        for note, (x, w, how) in CONVOLUTIONS.items():
            seen, weights = _byte(*x, dtype=one), _byte(*w, dtype=other, constant=True)
            zeros = np.array(93, one), _byte(w[0], dtype=other, constant=True)
            named = f"{note}, {one} {other}"
            yield case("ConvInteger", 10, seen, weights, *zeros, note=named, **how)
            scales = positive(w[0], low=-9, end=-5, constant=True)
            bias = whole(w[0], low=-9000, end=9000, dtype="int32", constant=True)
            given = seen, _scale(0.02), zeros[0], weights, scales, zeros[1], _scale(0.9), np.array(3, one), bias
            yield case("QLinearConv", 10, *given, note=named, **how)
    yield case("ConvInteger", 10, _byte(1, 3, 7, 9), _byte(5, 3, 3, 3), note="without zeros")


def _contributed() -> Iterator[Case]:
    """Of the domain `com.microsoft`."""
    for dtype in BYTES:
        x, zero, one, two = _byte(3, 67, dtype=dtype), np.array(93, dtype), _scale(0.02), _scale(0.07)
        for name in ("QLinearAdd", "QLinearMul"):
            for shape, note in (((3, 67), dtype), ((67,), f"{dtype}, spread")):
                yield _contribution(
                    name, x, one, zero, _byte(*shape, dtype=dtype), two, zero, one, zero, note=note
                )
        yield _contribution("QLinearSigmoid", x, two, zero, one, zero, note=dtype)
        yield _contribution("QLinearLeakyRelu", x, two, zero, one, alpha=0.3, note=dtype)
        pooled = _byte(2, 3, 5, 7, dtype=dtype)
        yield _contribution("QLinearGlobalAveragePool", pooled, two, zero, one, zero, channels_last=0, note=dtype)
    scales = positive(67, low=-7, end=-3)
    for dtype in ("int8", "uint16"):
        of_columns = anything(67, dtype=dtype)
        yield _contribution(
            "QuantizeLinear", wide(3, 67), scales, of_columns, axis=1, note=f"com.microsoft {dtype}"
        )
        x = anything(3, 67, dtype=dtype)
        yield _contribution("DequantizeLinear", x, anything(67), of_columns, axis=1, note=f"com.microsoft {dtype}")


def _contribution(name: str, *inputs: Given, **given: Any) -> Case:
    return case(name, 1, *inputs, domain="com.microsoft", **given)


CASES = (*_conversions(), *_products(), *_convolutions(), *_contributed())
