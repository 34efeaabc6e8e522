"""Tensors as predictions keep them: canonical CBOR of a list of {name, datatype, shape, data}."""

from __future__ import annotations

from collections.abc import Sequence

from assay import cbor, jsonform
from assay.certificate import plain
from assay.tensor import Tensor


def document(tensors: Sequence[Tensor]) -> bytes:
    return cbor.encode(plain(list(tensors)))


def tensors(document: bytes) -> tuple[Tensor, ...]:
    """The inverse of `document`."""
    return jsonform.convert(cbor.decode(document), tuple[Tensor, ...])
