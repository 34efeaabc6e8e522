"""Operators that only move: shapes, orders, indices, padding, constants. Every bit is kept, in NaNs too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.operators.arithmetic import Array
from assay.program.cases.making import Attributes, Case, Given, Made, anything, case, whole, wide

X = anything(5, 3, 67)
IMAGE = anything(2, 12, 4, 6)


def _shapes() -> Iterator[Case]:
    for dtype in ("float32", "float16", "float64", "int8", "bool"):
        yield case("Identity", 25, anything(3, 67, dtype=dtype), note=dtype)
        yield case("Transpose", 25, anything(5, 3, 67, dtype=dtype), perm=(2, 0, 1), note=dtype)
    yield case("Transpose", 25, X, note="reversed")
    yield case("Reshape", 13, X, (0, -1))
    yield case("Reshape", 25, X, (67, 15))
    yield case("Reshape", 25, anything(3, 0), (0, 5), allowzero=1, note="of nothing")
    yield case("Flatten", 25, X, axis=2)
    yield case("Squeeze", 11, anything(1, 67, 1), axes=(0,))
    yield case("Squeeze", 25, anything(1, 67, 1))
    yield case("Unsqueeze", 11, X, axes=(0, 4))
    yield case("Unsqueeze", 25, X, (0, -1))
    yield case("Concat", 13, X, anything(5, 4, 67), anything(5, 0, 67), axis=1)
    yield case("Concat", 13, anything(67, dtype="int16"), anything(3, dtype="int16"), axis=0, note="int16")
    yield case("Expand", 13, anything(3, 1), (5, 1, 67))
    yield case("Tile", 13, X, (2, 1, 3))
    for mode in ("DCR", "CRD"):
        yield case("DepthToSpace", 28, IMAGE, blocksize=2, mode=mode, note=mode)
        yield case("SpaceToDepth", 28, IMAGE, blocksize=2, mode=mode, note=mode)
    yield case("DepthToSpace", 1, IMAGE, blocksize=2)
    yield case("SpaceToDepth", 13, IMAGE, blocksize=2)
    for k, upper in ((None, 1), (np.array(-2), 0), (np.array(3), 1)):
        yield case("Trilu", 14, anything(2, 7, 9), k, upper=upper, note=f"{'' if k is None else k} {upper}")


def _cut() -> Iterator[Case]:
    yield case("Split", 11, X, axis=2, split=(3, 60, 4), outputs=3)
    yield case("Split", 13, X, (1, 0, 4), outputs=3)
    yield case("Split", 18, X, axis=-1, num_outputs=4, outputs=4)
    yield case("Slice", 1, X, starts=(1, -60), ends=(-1, 9999), axes=(1, 2))
    yield case("Slice", 13, X, (4, 60), (-9, -60), (0, 2), (-2, -7))
    yield case("Slice", 13, X, (1, 1), (3, 2), note="plain")
    yield case("CenterCropPad", 18, X, (8, 20), axes=(0, 2))
    yield case("Pad", 2, X, pads=(1, 0, -2, 0, 3, 4), value=0.3)
    for mode in ("constant", "reflect", "edge"):
        around = (1, -1, 2, 0, 2, 3)
        for version in (13, 18):
            yield case("Pad", version, X, around, np.array(0.3, np.float32), mode=mode, note=mode)
    yield case("Pad", 25, X, (9, -1, 7, 70), None, (0, 2), mode="wrap")
    yield case("Pad", 25, anything(67, dtype="float16"), (3, 4), note="float16")


def _taken() -> Iterator[Case]:
    for dtype in ("int64", "int32"):
        places = whole(4, 6, low=-80, end=80, dtype=dtype)  # out of range too
        yield case("Gather", 13, X, places, axis=2, note=dtype)
        yield case(
            "GatherElements", 13, anything(5, 67), whole(5, 9, low=-80, end=80, dtype=dtype), axis=1, note=dtype
        )
    yield case("Gather", 13, anything(5, 3, 4, dtype="float16"), whole(2, low=-6, end=6), note="float16")
    yield case("GatherND", 11, X, whole(4, 2, low=-6, end=6))
    yield case("GatherND", 13, X, whole(5, 6, 1, low=-4, end=4), batch_dims=1)
    for version in (9, 28):
        there = anything(3, 67) if version == 28 else whole(3, 67, low=-12, end=12)
        yield case("OneHot", version, there, (10,), anything(2))
        yield case(
            "OneHot", version, whole(5, low=-9, end=9), (7,), anything(2, dtype="int8"), axis=0, note="first"
        )
    for batch, time in ((0, 1), (1, 0)):
        lengths = whole((6, 9)[batch], low=-2, end=12)
        axes: Attributes = {"batch_axis": batch, "time_axis": time}
        yield case("ReverseSequence", 28, anything(6, 9, 2), lengths, note=f"batch {batch}", **axes)


def _put() -> Iterator[Case]:
    of_rows = anything(9, 5), whole(20, 5, low=-11, end=11), anything(20, 5)
    pairs = anything(5, 3, 7), whole(40, 2, low=-6, end=6), anything(40, 7)
    yield case("Scatter", 9, anything(9, 5), whole(4, 5, low=-11, end=11), anything(4, 5))
    for name, given, early in (("ScatterElements", of_rows, (13, 16)), ("ScatterND", pairs, (13, 16))):
        for version in early:
            yield case(name, version, *given)
        for reduction in ("none", "add", "mul", "max", "min"):
            yield case(name, 18, *given, reduction=reduction, note=reduction)
        whole_numbers = (anything(*each.shape, dtype="int32") if each.kind == "any" else each for each in given)
        yield case(name, 18, *whole_numbers, reduction="add", note="int32")
    sums = (wide(*each.shape) if each.kind == "any" else each for each in of_rows)
    yield case("ScatterElements", 18, *sums, reduction="add", note="sums")


def _one(value: float, dtype: str = "float32") -> Array:
    return np.array(value, dtype)


PAYLOAD = np.array([0x7F800001, 0xFFC12345, 1, 0x80000000], np.uint32).view(np.float32)
RANGES: dict[str, tuple[Given, ...]] = {
    "float32": (_one(0.1), _one(7.3), _one(0.3)),
    "float64": (_one(3, "float64"), _one(-3, "float64"), _one(-0.1, "float64")),
    "int16": (_one(7, "int16"), _one(-30, "int16"), _one(-4, "int16")),
    "int64": (_one(3, "int64"), _one(70, "int64"), _one(11, "int64")),
}


def _made() -> Iterator[Case]:
    yield case("Constant", 11, value=PAYLOAD)
    yield case("Constant", 25, value=PAYLOAD, note="value")
    yield case("Constant", 25, value_floats=(0.1, float("nan"), -0.0, 1e-45), note="value_floats")
    yield case("Constant", 25, value_ints=(1, -(2**63)), note="value_ints")
    yield case("Constant", 25, value_float=0.1, note="value_float")
    yield case("Constant", 25, value_int=7, note="value_int")
    yield case("ConstantOfShape", 25, (3, 5))
    yield case("ConstantOfShape", 25, (3, 5), value=PAYLOAD[:1], note="of a NaN")
    yield case("Shape", 13, X)
    yield case("Shape", 25, X, start=-2, end=9)
    yield case("Size", 25, X)
    for dtype, ends in RANGES.items():
        for version in (11, 27):
            yield case("Range", version, *ends, note=dtype)
    yield case("EyeLike", 22, anything(5, 7), k=-1)
    yield case("EyeLike", 22, Made((5, 7), dtype="bool"), dtype=11, k=2, note="float64")


CASES = (*_shapes(), *_cut(), *_taken(), *_put(), *_made())
