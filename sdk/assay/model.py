"""What a model version promises to take and give: its interface, and the commitment that names it.

The interface travels inside every certificate, so that a checker can repeat the preprocessing and read the
answer ("label 3", not "3") without asking anybody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from assay import cbor
from assay.digest import SIZE, Tag, digest, sha256
from assay.errors import AssayError, Refused
from assay.fields import plain
from assay.memo import remembered
from assay.tensor import DTYPES, MAX_RANK, Name, Tensor

Digest = Annotated[bytes, msgspec.Meta(min_length=SIZE, max_length=SIZE)]
Axis = Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=256)]

# what is hashed of each request, without building it up each time
_INPUT = Tag.INPUT.prefix + cbor.template(salt=SIZE, tensors=None)
_NAMED = cbor.template(name=None, digest=SIZE)
_name = lru_cache(maxsize=1024)(cbor.encode)

ANY = -1  # an axis of any length; the first axis of every input and output is the rows of a request


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named input or output. `shape` has -1 where any length goes."""

    name: Name
    datatype: Annotated[str, msgspec.Meta(max_length=8)]
    shape: Annotated[tuple[Axis, ...], msgspec.Meta(min_length=1, max_length=MAX_RANK)]

    def accept(self, tensor: Tensor, pointer: str = "") -> Tensor:
        """`tensor`, checked, if it fits this port. Raises Refused naming the field and what was expected."""
        tensor.checked(pointer)
        if tensor.datatype != self.datatype:
            raise Refused(
                "wrong datatype",
                code="wrong-datatype",
                pointer=f"{pointer}/datatype",
                expected=self.datatype,
                got=tensor.datatype,
            )
        if not _fits(tensor.shape, self.shape):
            raise Refused(
                "wrong shape",
                code="wrong-shape",
                pointer=f"{pointer}/shape",
                expected=str(list(self.shape)),
                got=str(list(tensor.shape)),
            )
        return tensor


@lru_cache(maxsize=1024)
def _fits(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a tensor of the one shape goes into a port of the other."""
    return len(given) == len(wanted) and all(
        want in (ANY, have) and have for want, have in zip(wanted, given, strict=True)
    )


class NoPreprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="none"):
    """The buyer sends tensors; nothing is derived from anything else."""


class ImagePreprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="image"):
    """A PNG becomes one row of the named input; every step is integer-exact (docs/preprocessing.md).

    Decode → composite on white → `channels` → `invert` → crop to content (if `crop`) → area-average resize to
    height × width → levels 0…`levels` (rounding half up) → `layout`. The values are integers in the port's type.
    """

    input: Name
    height: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    width: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    channels: Literal["gray", "rgb", "bgr"] = "gray"
    invert: bool = False  # dark ink on light paper becomes bright ink on dark
    crop: bool = False  # to the bounding box of the ink, padded to a square, before resizing
    levels: Annotated[int, msgspec.Meta(ge=1, le=255)] = 255
    layout: Literal["flat", "hwc", "chw"] = "flat"


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column of a table row. Decimal text is scaled to the port's type exactly or refused."""

    name: Name
    unit: Text = ""
    example: Text = ""


class RowPreprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="row"):
    """A table row (JSON object or CSV line with a header) becomes one row of the named input, in this order."""

    input: Name
    fields: Annotated[tuple[Field, ...], msgspec.Meta(min_length=1, max_length=4096)]


Preprocessing = NoPreprocessing | ImagePreprocessing | RowPreprocessing


class Interface(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inputs, outputs, meaning of labels, and how pictures and rows become tensors."""

    task: Literal["classification", "regression", "other"]
    inputs: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1, max_length=16)]
    outputs: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1, max_length=16)]
    labels: Annotated[
        tuple[Text, ...], msgspec.Meta(max_length=10_000)
    ]  # of classes 0, 1, …; empty if not classes
    preprocessing: Preprocessing

    def checked(self, pointer: str = "") -> Interface:
        """This interface, once its parts are known to agree with each other."""
        for kind, ports in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [port.name for port in ports]
            if len(set(names)) != len(names):
                raise Refused(
                    "names must differ",
                    pointer=f"{pointer}/{kind}",
                    expected="distinct names",
                    got=str(names),
                )
            for i, port in enumerate(ports):
                if port.datatype not in DTYPES:
                    raise Refused(
                        "unknown datatype",
                        pointer=f"{pointer}/{kind}/{i}/datatype",
                        expected=" | ".join(DTYPES),
                        got=port.datatype,
                    )
        if not isinstance(self.preprocessing, NoPreprocessing):
            names = [port.name for port in self.inputs]
            if names != [self.preprocessing.input]:
                raise Refused(
                    "preprocessing fills exactly one input",
                    pointer=f"{pointer}/preprocessing/input",
                    expected=str(names),
                    got=self.preprocessing.input,
                )
        return self

    def accept(self, tensors: tuple[Tensor, ...], pointer: str = "/inputs") -> tuple[Tensor, ...]:
        """`tensors` in the interface's order, if they are exactly its inputs with the same number of rows."""
        return _accept(self.inputs, tensors, pointer)

    def accept_outputs(self, tensors: tuple[Tensor, ...], pointer: str = "/outputs") -> tuple[Tensor, ...]:
        """The same for what a model gave back."""
        return _accept(self.outputs, tensors, pointer)


def _accept(ports: tuple[Port, ...], tensors: tuple[Tensor, ...], pointer: str) -> tuple[Tensor, ...]:
    wanted = [port.name for port in ports]
    given = [tensor.name for tensor in tensors]
    if wanted != given and sorted(wanted) != sorted(given):
        raise Refused("wrong names", code="wrong-names", pointer=pointer, expected=str(wanted), got=str(given))
    places = [given.index(name) for name in wanted]
    accepted = []
    for port, place in zip(ports, places, strict=True):
        try:
            accepted.append(port.accept(tensors[place]))
        except AssayError as error:
            raise error.under(f"{pointer}/{place}") from error
    rows = {tensor.shape[0] for tensor in accepted}
    if len(rows) != 1:
        raise Refused(
            "tensors differ in their number of rows",
            code="wrong-shape",
            pointer=pointer,
            expected="one number of rows",
            got=str(sorted(rows)),
        )
    return tuple(accepted)


class ModelReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model version as certificates name it: the ONNX file's SHA-256 and the interface it is served with."""

    digest: Digest
    interface: Interface

    @property
    def commitment(self) -> bytes:
        """32 bytes that bind file and interface; what `--model` pins and deployments are known by."""
        return _commitment(self)


@remembered
def _commitment(model: ModelReference) -> bytes:
    return digest(Tag.MODEL, cbor.encode(plain(model)))


def input_digest(salt: bytes, tensors: tuple[Tensor, ...]) -> bytes:
    """The salted digest of a request's input; `tensors` in the interface's order.

    `salt` is 32 random bytes known to buyer and provider, so that a public certificate does not give a small
    input away to whoever guesses.
    """
    if len(salt) != SIZE:
        raise Refused("not a salt", pointer="/salt", expected=f"{SIZE} bytes", got=f"{len(salt)} bytes")
    named = [_NAMED % (_name(tensor.name), tensor.digest()) for tensor in tensors]
    return sha256(_INPUT % (salt, cbor.array(named)))
