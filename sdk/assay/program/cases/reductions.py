"""Operators that bring many elements together: sums, means, extremes, softmax, normalisation, pools."""

from __future__ import annotations

from collections.abc import Iterator

from assay.program.cases.making import Attributes, Case, anything, case, positive, wide

OF_NUMBERS = ("ReduceSum", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceSumSquare", "ReduceMax", "ReduceMin")
OF_FLOATS = ("ReduceL2", "ReduceLogSum", "ReduceLogSumExp")
NEWEST = {"ReduceSum": 13, "ReduceMax": 20, "ReduceMin": 20, "ReduceLogSum": 28, "ReduceLogSumExp": 28}
ONCE = {"ReduceSum": 11}  # the newest version that has its axes as an attribute, if it is not 13
SHAPE = (5, 3, 67)  # no multiple of the lanes


def _reductions() -> Iterator[Case]:
    for name in (*OF_NUMBERS, *OF_FLOATS):
        newest, once = NEWEST.get(name, 18), ONCE.get(name, 13)
        yield case(name, newest, wide(*SHAPE), (2,))
        yield case(name, newest, wide(*SHAPE), (0, -1), keepdims=0, note="two axes")
        yield case(name, newest, anything(301, 4), (0,), note="of everything")
        yield case(name, newest, wide(5, 0, 3), (1,), note="of nothing")
        yield case(name, newest, anything(67), noop_with_empty_axes=1, note="of none")
        yield case(name, once, positive(*SHAPE), axes=(1, 2))
        yield case(name, once, wide(70, 70), keepdims=0, note="of all")
    for name in OF_NUMBERS:
        for dtype in ("float64", "int32", "uint64"):
            yield case(name, NEWEST.get(name, 18), anything(4, 67, dtype=dtype), (1,), note=dtype)
    yield case("ReduceL2", 18, wide(4, 67, dtype="float64"), (1,), note="float64")
    for name in ("ReduceMax", "ReduceMin"):
        for dtype in ("int8", "uint8", "bool"):
            yield case(name, 20, anything(4, 67, dtype=dtype), (1,), note=dtype)
    for name, version in (("CumSum", 14), ("CumProd", 26)):
        for dtype in ("float32", "float64", "int32"):
            x = anything(4, 19, dtype=dtype) if dtype == "int32" else wide(4, 19, dtype=dtype)
            yield case(name, version, x, (1,), note=dtype)
        yield case(name, version, wide(9, 19), (0,), exclusive=1, reverse=1, note="backwards")
    for name in ("ArgMax", "ArgMin"):
        for dtype in ("float32", "float64", "int8"):
            yield case(name, 13, anything(9, 67, dtype=dtype), axis=1, note=dtype)
        yield case(name, 13, anything(67, 9), keepdims=0, select_last_index=1, note="the last")


def _ordered() -> Iterator[Case]:
    for dtype in ("float32", "int64"):
        yield case("TopK", 24, anything(9, 67, dtype=dtype), (11,), outputs=2, note=dtype)
    yield case("TopK", 24, anything(67, 9), (67,), axis=0, largest=0, outputs=2, note="least")
    yield case("TopK", 1, anything(9, 67), k=5, outputs=2)
    yield case("Hardmax", 13, anything(9, 67))
    yield case("Hardmax", 11, anything(4, 3, 67), axis=1)


def _softmax() -> Iterator[Case]:
    for name in ("Softmax", "LogSoftmax"):
        for rows, note in ((anything(67, 3), "of everything"), (wide(61, 67, end=7), "")):
            yield case(name, 13, rows, note=note)
        yield case(name, 13, wide(5, 67, 3), axis=1, note="in the middle")
        yield case(name, 13, wide(3, 1000, low=-20, end=0), note="flat")
        yield case(name, 11, wide(5, 3, 67), axis=1)


def _normalised() -> Iterator[Case]:
    channels = 7
    x, vector, variance = wide(2, channels, 5, 9), wide(channels), positive(channels)
    learned = wide(channels, constant=True), wide(channels, constant=True), wide(channels, constant=True)
    for version in (7, 15):
        yield case("BatchNormalization", version, x, *learned, positive(channels, constant=True))
    flat = anything(67, channels)
    yield case("BatchNormalization", 15, flat, *learned, positive(channels, constant=True), note="flat")
    yield case("BatchNormalization", 15, flat, vector, vector, vector, variance, note="computed")
    yield case("LayerNormalization", 17, wide(5, 67), wide(67), wide(67), outputs=3)
    yield case("LayerNormalization", 17, wide(5, 3, 67), wide(3, 67), axis=1, epsilon=0.001, note="two axes")
    yield case("LayerNormalization", 17, anything(67, 3), wide(3), wide(3), outputs=3, note="of everything")
    yield case("RMSNormalization", 23, wide(5, 67), wide(67))
    yield case("RMSNormalization", 23, anything(67, 3), wide(3), axis=-1, note="of everything")
    yield case("InstanceNormalization", 22, x, vector, vector)
    yield case("GroupNormalization", 18, wide(2, 6, 5, 9), wide(3), wide(3), num_groups=3)
    yield case("GroupNormalization", 21, wide(2, 6, 5, 9), wide(6), wide(6), num_groups=3, epsilon=0.1)
    for p in (1, 2):
        yield case("LpNormalization", 22, wide(5, 67, 3), axis=1, p=p, note=str(p))
    yield case("LpNormalization", 22, anything(67, 3, dtype="float64"), note="float64")
    yield case("MeanVarianceNormalization", 13, x)
    yield case("MeanVarianceNormalization", 13, wide(5, 67, dtype="float64"), axes=(1,), note="float64")
    yield case("LRN", 13, wide(2, 19, 5, 3), size=5, alpha=0.2, beta=0.6, bias=1.5)
    yield case("LRN", 13, anything(2, 19, 5, 3), size=4, note="of everything")


WINDOWS: dict[str, Attributes] = {
    "padded": {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)},
    "strided": {"kernel_shape": (3, 2), "strides": (2, 3), "auto_pad": "SAME_UPPER"},
    "dilated": {"kernel_shape": (2, 3), "dilations": (3, 2), "pads": (0, 2, 1, 0)},
    "hanging over": {"kernel_shape": (2, 2), "strides": (3, 3), "ceil_mode": 1},
    "large": {"kernel_shape": (9, 7), "pads": (4, 3, 4, 3)},
}


def _pools() -> Iterator[Case]:
    for note, window in WINDOWS.items():
        yield case("MaxPool", 22, anything(2, 3, 11, 13), note=note, **window)
        yield case("MaxPool", 22, anything(2, 3, 11, 13), outputs=2, note=f"{note}, with indices", **window)
        yield case("AveragePool", 22, wide(2, 3, 11, 13), note=note, **window)
        yield case("LpPool", 22, wide(2, 3, 11, 13), note=note, **window)
    for dtype in ("float64", "int8", "uint8"):
        yield case("MaxPool", 22, anything(1, 3, 67, dtype=dtype), kernel_shape=(4,), outputs=2, note=dtype)
    yield case("MaxPool", 22, wide(1, 2, 5, 6, 7), kernel_shape=(2, 3, 2), storage_order=1, outputs=2, note="3-D")
    yield case("AveragePool", 22, anything(1, 3, 67, dtype="float64"), kernel_shape=(4,), note="float64")
    yield case("AveragePool", 22, wide(1, 3, 9, 9), count_include_pad=1, note="with padding", **WINDOWS["large"])
    yield case("LpPool", 22, positive(1, 3, 67), kernel_shape=(5,), p=3, note="cubes")
    for shape in ((2, 3, 7, 7), (1, 5, 67)):
        note = f"{len(shape) - 2}-D"
        yield case("GlobalAveragePool", 22, wide(*shape), note=note)
        yield case("GlobalMaxPool", 22, anything(*shape), note=note)
        yield case("GlobalLpPool", 22, wide(*shape), note=note)
    yield case("GlobalLpPool", 22, wide(2, 3, 67), p=3, note="cubes")


CASES = (*_reductions(), *_ordered(), *_softmax(), *_normalised(), *_pools())
