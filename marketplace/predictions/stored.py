"""What predictions keep: tensors as canonical CBOR of a list of {name, datatype, shape, data}, or their source."""

from __future__ import annotations

from collections.abc import Sequence

from assay import cbor, jsonform
from assay.fields import plain
from assay.model import Interface
from assay.preprocessing import preprocess
from assay.tensor import Tensor


def document(tensors: Sequence[Tensor]) -> bytes:
    return cbor.encode(plain(list(tensors)))


def tensors(document: bytes) -> tuple[Tensor, ...]:
    """The inverse of `document`."""
    return jsonform.convert(cbor.decode(document), tuple[Tensor, ...])


def question(
    interface: Interface, inputs: bytes | None, source: bytes | None, source_type: str
) -> tuple[Tensor, ...]:
    """What was asked of a model with this interface, from the columns of a prediction that still has it."""
    if inputs is not None:
        return tensors(inputs)
    assert source is not None, "one of the two is kept as long as anything is"
    return preprocess(interface, source, source_type)
