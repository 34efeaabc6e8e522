"""Tensors as the Open Inference Protocol writes them in JSON: name, datatype, shape, data (nested or flat).

A number for a floating-point datatype is read as a double, as JSON numbers are everywhere, and then rounded to
the datatype (to nearest, ties to even); anything else must fit exactly. Out of range, not finite, of another kind
or of another count is refused, naming the element.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay import jsonform
from assay.errors import AssayError, Refused, TooLarge
from assay.tensor import DTYPES, MAX_BYTES, MAX_RANK, Dimension, Name, Tensor

MAX_TENSORS = 16
PIECE = 2**16  # elements written at a time


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    datatype: str
    shape: Annotated[tuple[Dimension, ...], msgspec.Meta(max_length=MAX_RANK)]
    data: list[Any]


def to_json(tensor: Tensor) -> dict[str, Any]:
    """{"name", "datatype", "shape", "data"} with flat data; reading it back gives the same tensor."""
    data = tensor.array().ravel().tolist()
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "data": data}


def data_to_json(tensor: Tensor) -> msgspec.Raw:
    """The flat data of `to_json` as JSON text, made in pieces: a large tensor never stands in Python's numbers."""
    flat = tensor.array().ravel()
    pieces = (msgspec.json.encode(flat[i : i + PIECE].tolist())[1:-1] for i in range(0, flat.size, PIECE))
    return msgspec.Raw(b"[" + b",".join(pieces) + b"]")


def from_json(plain: Any, pointer: str = "") -> Tensor:
    """The checked tensor that parsed JSON describes. Raises Refused or TooLarge with a JSON pointer."""
    try:
        return _tensor(jsonform.convert(plain, _Written))
    except AssayError as error:
        raise error.under(pointer) from error


def list_from_json(plain: Any, pointer: str = "/inputs") -> tuple[Tensor, ...]:
    """The same for a list of tensors."""
    if not isinstance(plain, list) or len(plain) > MAX_TENSORS:
        raise Refused(
            "not a list of tensors",
            pointer=pointer,
            expected=f"a list of at most {MAX_TENSORS}",
            got=type(plain).__name__ if not isinstance(plain, list) else f"{len(plain)}",
        )
    return tuple(from_json(each, f"{pointer}/{i}") for i, each in enumerate(plain))


def _tensor(written: _Written) -> Tensor:
    dtype = DTYPES.get(written.datatype)
    if dtype is None:
        raise Refused(
            "unknown datatype", pointer="/datatype", expected=" | ".join(DTYPES), got=written.datatype[:40]
        )
    if prod(written.shape) * dtype.itemsize > MAX_BYTES:
        raise TooLarge(
            "tensor is too large", pointer="/shape", expected=f"at most {MAX_BYTES} bytes", got=str(written.shape)
        )
    flat = _flat(written.data, written.shape, "/data")
    array = _floats(flat, dtype) if dtype.kind == "f" else _whole(flat, dtype)
    return Tensor.of(written.name, array.reshape(written.shape)).checked()


def _flat(data: list[Any], shape: Sequence[int], pointer: str) -> list[Any]:
    """The elements in row-major order of data that is flat, or nested exactly as `shape` says."""
    nested = len(shape) > 1 and bool(data) and isinstance(data[0], list)
    expected = shape[0] if nested else prod(shape)
    if len(data) != expected:
        raise Refused(
            "data does not fill the shape", pointer=pointer, expected=f"{expected} elements", got=f"{len(data)}"
        )
    if not nested:
        return data
    flat: list[Any] = []
    for i, each in enumerate(data):
        if not isinstance(each, list) or len(each) != shape[1]:
            got = f"{len(each)} elements" if isinstance(each, list) else repr(each)[:40]
            raise Refused(
                "data is not nested as its shape says",
                pointer=f"{pointer}/{i}",
                expected=f"a list of {shape[1]}",
                got=got,
            )
        flat += _flat(each, shape[1:], f"{pointer}/{i}")
    return flat


def _floats(flat: list[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    _require_types(flat, (int, float), "a number")
    doubles = _doubles(flat)
    with np.errstate(over="ignore"):
        array = doubles.astype(dtype)
    if not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        raise Refused(
            "not a finite number of this datatype",
            code="out-of-range" if np.isfinite(doubles[at]) else "not-finite",
            pointer=f"/data/{at}",
            expected=f"a number within ±{np.finfo(dtype).max}",
            got=str(flat[at])[:40],
        )
    return array


def _doubles(flat: list[Any]) -> NDArray[np.float64]:
    try:
        return np.array(flat, np.float64)
    except OverflowError:  # an int beyond every double
        return np.array([_double(value) for value in flat], np.float64)


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _whole(flat: list[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "b":
        _require_types(flat, (bool,), "true | false")
        return np.array(flat, dtype)
    _require_types(flat, (int,), "a whole number")
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    if flat and not (low <= min(flat) and max(flat) <= high):
        i, value = next((i, value) for i, value in enumerate(flat) if not low <= value <= high)
        raise Refused(
            "number out of range",
            code="out-of-range",
            pointer=f"/data/{i}",
            expected=f"{low} to {high}",
            got=str(value)[:40],
        )
    return np.array(flat, dtype)


def _require_types(flat: list[Any], kinds: tuple[type, ...], expected: str) -> None:
    if set(map(type, flat)) <= set(kinds):
        return
    at = next(i for i, value in enumerate(flat) if type(value) not in kinds)
    raise Refused(
        "element of another kind",
        code="wrong-datatype",
        pointer=f"/data/{at}",
        expected=expected,
        got=repr(flat[at])[:40],
    )
