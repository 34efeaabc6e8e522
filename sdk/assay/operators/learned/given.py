"""What the operators of `ai.onnx.ml` are given: rows of features, and lists of numbers as attributes.

ONNX says of hardly any of these lists how long it is. Here each has the length that the others imply.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, converted, quiet
from assay.operators.registry import TensorType, unfit
from assay.operators.shapes import FLOATS, INDICES, allow

FEATURES = FLOATS | INDICES


def rows(x: TensorType) -> tuple[int, int]:
    """How many rows and how many features; of anything but a matrix of numbers: Refused."""
    allow(FEATURES, X=x)
    if x.rank != 2:
        raise unfit("the shape of X", expected="rows × features", got=str(x))
    return x.shape[0], x.shape[1]


def floats(x: Array) -> Array:
    """Integers as float32, rounded once; floats as they are."""
    return x if x.dtype.kind == "f" else converted(x, np.float32)


def integer_list(given: Mapping[str, Any], name: str) -> Array:
    """int64."""
    return _list(given, name, "i").astype(np.int64)


@quiet
def float_list(given: Mapping[str, Any], name: str) -> Array:
    """float32."""
    return _list(given, name, "f").astype(np.float32)


def _list(given: Mapping[str, Any], name: str, kind: str) -> Array:
    found = np.asarray(given[name])
    if found.size and found.dtype.kind != kind:
        raise unfit(
            f"the attribute {name}", expected="integers" if kind == "i" else "floats", got=str(found.dtype)
        )
    return found


def number_list(given: Mapping[str, Any], name: str) -> Array:
    """What is given as a list of float32, or as a tensor `…_as_tensor` that has double precision."""
    tensor = given.get(f"{name}_as_tensor")
    if tensor is None:
        return float_list(given, name)
    if given[name]:
        raise unfit(f"both {name} and {name}_as_tensor are given")
    return tensor_list(tensor, f"{name}_as_tensor")


def tensor_list(tensor: Array, name: str) -> Array:
    if tensor.dtype not in FLOATS or tensor.ndim != 1:
        raise unfit(
            f"the attribute {name}", expected="a list of float32 | float64", got=str(TensorType.of(tensor))
        )
    return tensor


def check_length(name: str, found: Array | tuple[Any, ...], *lengths: int) -> None:
    if len(found) not in lengths:
        raise unfit(f"the length of {name}", expected=" | ".join(map(str, lengths)), got=str(len(found)))
