"""A named tensor as it travels: datatype, shape and little-endian bytes, nothing implied.

Datatype names are those of the Open Inference Protocol (and of Triton). Only fixed-width numbers are tensors
here; text and images become numbers in `assay.preprocessing` before anything is hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay import cbor
from assay.digest import Tag
from assay.errors import Refused, TooLarge

MAX_RANK = 8
MAX_BYTES = 64 * 1024 * 1024  # of one tensor
MAX_NAME = 128

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
DATATYPE_OF: dict[np.dtype[Any], str] = {dtype: name for name, dtype in DTYPES.items()}

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Dimension = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]

# of the encoding of the map {data, dtype, shape}: what comes before the size of the data
_BEFORE = Tag.TENSOR.prefix + cbor.template(data=None, dtype=None, shape=None).partition(b"%b")[0]


class Tensor(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One named array. `data` holds `shape` row-major elements, little-endian.

    Raises Refused or TooLarge on construction through `checked()`, which every edge calls; a Tensor decoded by
    msgspec alone has not been checked yet.
    """

    name: Name
    datatype: Annotated[str, msgspec.Meta(max_length=8)]
    shape: Annotated[tuple[Dimension, ...], msgspec.Meta(max_length=MAX_RANK)]
    data: Annotated[bytes, msgspec.Meta(max_length=MAX_BYTES)]

    def checked(self, pointer: str = "") -> Tensor:
        """This tensor, once datatype, size and element values are known to be consistent and finite."""
        dtype = DTYPES.get(self.datatype)
        if dtype is None:
            raise Refused(
                "unknown datatype",
                pointer=f"{pointer}/datatype",
                expected=" | ".join(DTYPES),
                got=self.datatype,
            )
        expected = prod(self.shape) * dtype.itemsize
        if expected > MAX_BYTES:
            raise TooLarge(
                "tensor is too large",
                pointer=f"{pointer}/shape",
                expected=f"at most {MAX_BYTES} bytes",
                got=str(expected),
            )
        if len(self.data) != expected:
            raise Refused(
                "data does not fill the shape",
                pointer=f"{pointer}/data",
                expected=f"{expected} bytes for shape {list(self.shape)}",
                got=f"{len(self.data)} bytes",
            )
        if dtype.kind == "f":
            require_finite(self.array(), pointer)
        if dtype.kind == "b" and (np.frombuffer(self.data, "u1") > 1).any():
            raise Refused(
                "a BOOL is one byte, 0 or 1", pointer=f"{pointer}/data", expected="0 | 1", got="another byte"
            )
        return self

    def array(self) -> NDArray[Any]:
        """The elements as a read-only NumPy array of this shape, without a copy."""
        return np.frombuffer(self.data, DTYPES[self.datatype]).reshape(self.shape)

    @classmethod
    def of(cls, name: str, array: NDArray[Any]) -> Tensor:
        """A tensor holding a copy of `array`, whatever its memory order or byte order."""
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        datatype = DATATYPE_OF.get(little.dtype)
        if datatype is None:
            raise Refused(
                "unsupported element type", pointer=name, expected=" | ".join(DTYPES), got=str(array.dtype)
            )
        # ascontiguousarray lifts a scalar to rank 1, so the shape is the original's
        return cls(name=name, datatype=datatype, shape=tuple(array.shape), data=little.tobytes())

    def digest(self) -> bytes:
        """SHA-256 over the CBOR map {dtype, shape, data}; the name is bound by whoever lists the tensor."""
        hashed = hashlib.sha256(_BEFORE + cbor.bytes_head(len(self.data)))
        hashed.update(self.data)  # which may be large: never copied
        hashed.update(_after(self.datatype, self.shape))
        return hashed.digest()


@lru_cache(maxsize=1024)
def _after(datatype: str, shape: tuple[int, ...]) -> bytes:
    """The rest of it, after the data."""
    return b"".join(cbor.encode(each) for each in ("dtype", datatype, "shape", shape))


def require_finite(array: NDArray[Any], pointer: str) -> None:
    finite = np.isfinite(array)
    if np.count_nonzero(finite) < finite.size:  # of a small array, four times as quick as `all`
        at = int(np.flatnonzero(~finite.ravel())[0])
        raise Refused(
            "not a finite number",
            code="not-finite",
            pointer=f"{pointer}/data/{at}",
            expected="a finite number",
            got=str(array.ravel()[at]),
        )


def by_name(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in tensors}
