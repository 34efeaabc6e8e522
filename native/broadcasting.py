"""Operators of several elements each, shapes brought together: arithmetic, comparisons, Where, conversions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from assay.operators.arithmetic import Array
from native.checks import result, tensor, thread_count
from native.loader import Kernels
from native.sites import Call, Site, binds

MOST_AXES, MOST_OPERANDS = 8, 3  # as in src/broadcast.h

ARITHMETIC = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Max": "maximum",
    "Min": "minimum",
    "PRelu": "prelu",
    "Pow": "power",
}
COMPARISONS = {
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_or_equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_or_equal",
}
COMPARED = {np.dtype("f4"): "float", np.dtype("i4"): "int32_t", np.dtype("i8"): "int64_t"}
CHOSEN = {1: "uint8_t", 4: "uint32_t", 8: "uint64_t"}  # by bytes
CONVERTED = {
    ("float32", to) for to in ("bool", "uint8", "int8", "int32", "int64")
} | {
    (name, to) for name in ("bool", "uint8", "int8") for to in ("float32", "int32", "int64")
} | {
    *(("int32", to) for to in ("float32", "bool", "int64")),
    *(("int64", to) for to in ("float32", "bool", "int32")),
    ("uint8", "bool"),
    ("int8", "bool"),
}  # fmt: skip


def plan(shape: Sequence[int], operands: Sequence[Array]) -> Array | None:
    """How the operands, row-major, are read where a result of this shape is written: for src/broadcast.h.

    Axes along which all go on as before become one. None if too many are left.
    """
    axes: list[tuple[int, tuple[int, ...]]] = []  # length and strides, in elements, from the last on
    spread = [np.broadcast_to(each, shape) for each in operands]
    for axis in reversed(range(len(shape))):
        if shape[axis] == 1:
            continue
        strides = tuple(each.strides[axis] // each.itemsize for each in spread)
        if axes and strides == tuple(axes[-1][0] * stride for stride in axes[-1][1]):
            axes[-1] = (axes[-1][0] * shape[axis], axes[-1][1])
        else:
            axes.append((shape[axis], strides))
    axes = axes or [(1, (0,) * len(operands))]
    if len(axes) > MOST_AXES:
        return None
    table = np.zeros((1 + MOST_OPERANDS, len(axes)), np.int64)
    table[0] = [length for length, _ in reversed(axes)]
    table[1 : 1 + len(operands)] = np.array([strides for _, strides in reversed(axes)]).T
    return np.concatenate([[len(axes)], table.ravel()])


def brought_together(
    kernels: Kernels, name: str, operands: Sequence[Array], out: Array, threads: int
) -> Call | None:
    """The kernel over every element; the operands' types are the kernel's. Raises TypeError or ValueError."""
    shape = np.broadcast_shapes(*(tensor(each, "an operand", dtype=each.dtype).shape for each in operands))
    result(out, shape, *operands, dtype=out.dtype)
    planned = plan(shape, operands)
    if planned is None:
        return None
    return kernels.bind(name, thread_count(threads), prod(shape), planned, *operands, out)


def _operands(site: Site, count: int) -> tuple[list[Array], Array] | None:
    operands = [each for each in site.reads if each is not None]
    out = site.writes[0]
    return (operands, out) if len(site.reads) == len(operands) == count and out is not None else None


@binds(*ARITHMETIC)
def bind_arithmetic(site: Site) -> Call | None:
    found = _operands(site, 2)
    if found is None or any(each.dtype != np.float32 for each in found[0]):
        return None
    return brought_together(site.kernels, ARITHMETIC[site.node.operator.name], *found, site.threads)


@binds(*COMPARISONS)
def bind_comparison(site: Site) -> Call | None:
    found = _operands(site, 2)
    if found is None or found[0][0].dtype not in COMPARED:
        return None
    name = f"{COMPARISONS[site.node.operator.name]}_{COMPARED[found[0][0].dtype]}"
    return brought_together(site.kernels, name, *found, site.threads)


@binds("Where")
def bind_where(site: Site) -> Call | None:
    found = _operands(site, 3)
    if found is None or found[1].itemsize not in CHOSEN:
        return None
    return brought_together(site.kernels, f"where_{CHOSEN[found[1].itemsize]}", *found, site.threads)


@binds("Cast", "CastLike")
def bind_cast(site: Site) -> Call | None:
    x, y = site.read(0), site.writes[0]
    if x is None or y is None or (str(x.dtype), str(y.dtype)) not in CONVERTED:
        return None
    return converted(site.kernels, x, y, site.threads)


def converted(kernels: Kernels, x: Array, y: Array, threads: int) -> Call:
    """x in the type of y. Raises TypeError or ValueError."""
    tensor(x, "x", dtype=x.dtype)
    result(y, x.shape, x, dtype=y.dtype)
    return kernels.bind(f"{x.dtype}_to_{y.dtype}", thread_count(threads), x.size, x, y)
