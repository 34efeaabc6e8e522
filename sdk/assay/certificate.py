"""The certificate, version 1: a CBOR map {format, mode, statement, evidence}; its id is its SHA-256.

Parsed, verified and trusted are different things. `parse` gives the first and promises only that
the bytes have the right shape; `assay.verify` gives the second; the caller's pins give the third. The schema is
docs/certificate.cddl.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast

import msgspec

from assay import cbor, jsonform
from assay.agreement.evidence import AgreementEvidence
from assay.digest import Tag, digest, sha256
from assay.errors import Refused
from assay.fields import Index, Key, Milliseconds, RequestId, Signature, Target, plain
from assay.model import Digest, Interface, ModelReference
from assay.tensor import Tensor

FORMAT: Literal["assay-certificate/1"] = "assay-certificate/1"

ParamName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z")]
Integer = Annotated[int, msgspec.Meta(ge=-cbor.MAX_INTEGER, le=cbor.MAX_INTEGER)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]
Caveat = Annotated[str, msgspec.Meta(max_length=512)]


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a certificate claims; the same in every mode."""

    request: RequestId
    target: Target  # what was asked: `model:owner/name@version` or `group:slug`
    models: Annotated[tuple[ModelReference, ...], msgspec.Meta(min_length=1, max_length=64)]
    params: Annotated[dict[ParamName, Integer | Text | bool], msgspec.Meta(max_length=64)]  # of the mode
    input: Digest  # salted
    outputs: Annotated[tuple[Tensor, ...], msgspec.Meta(max_length=16)]
    outcome: Literal["answered", "certified", "contested", "failed"]
    time: Milliseconds
    asserted_by: Annotated[str, msgspec.Meta(max_length=64)]  # whose word the time is
    caveats: Annotated[tuple[Caveat, ...], msgspec.Meta(max_length=16)]  # what is not promised

    def digest(self, tag: Tag) -> bytes:
        """32 bytes under the mode's tag, so that a statement made in one mode is worth nothing in another."""
        return digest(tag, cbor.encode(plain(self)))


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="mode"):
    """What the certificates of all modes share. A mode is a subclass tagged with its name, with its evidence."""

    format: Literal["assay-certificate/1"]
    statement: Statement

    @property
    def mode(self) -> str:
        return str(self.__struct_config__.tag)

    def to_cbor(self) -> bytes:
        """The canonical bytes: what is stored, hashed and handed out."""
        return cbor.encode(plain(self))

    def to_json(self, *, indent: bool = True) -> str:
        return jsonform.to_json(self, indent=indent)

    @property
    def id(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_cbor())

    def checked(self) -> Self:
        """This certificate, once the tensors and interfaces in it are known to be well formed."""
        for i, tensor in enumerate(self.statement.outputs):
            tensor.checked(f"/statement/outputs/{i}")
        for i, model in enumerate(self.statement.models):
            model.interface.checked(f"/statement/models/{i}/interface")
        return self


class DirectEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The provider's signature over (leaf count, Merkle root) of a batch of statements, and this one's path."""

    provider: Key
    index: Index
    count: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    path: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=31)]
    signature: Signature

    @staticmethod
    def signed(count: int, root: bytes) -> bytes:
        """The digest that the provider signs under Tag.BATCH_DIRECT."""
        return digest(Tag.BATCH_DIRECT, cbor.encode({"count": count, "root": root}))


class DirectCertificate(Certificate, frozen=True, forbid_unknown_fields=True, tag="direct"):
    """Mode `direct`: the provider signs what it answered; nothing else is promised."""

    evidence: DirectEvidence

    @property
    def interface(self) -> Interface:
        """What was sent and what was answered."""
        return self.statement.models[0].interface


class AgreementCertificate(Certificate, frozen=True, forbid_unknown_fields=True, tag="agreement"):
    """Mode `agreement`: several owners' models have answered, and committed to what each of them said."""

    evidence: AgreementEvidence

    @property
    def interface(self) -> Interface:
        """What was sent and what was answered: the group's, which no single model has."""
        return self.evidence.configuration.interface

    def checked(self) -> Self:
        self.interface.checked(f"/evidence/epochs/{len(self.evidence.epochs) - 1}/configuration")
        return super().checked()


AnyCertificate = DirectCertificate | AgreementCertificate
_ANY = cast("type[AnyCertificate]", AnyCertificate)  # of which msgspec makes as much as of a class


def parse(document: bytes) -> AnyCertificate:
    """Reads CBOR, or JSON where the first byte that is not white space is `{`. Raises Refused or TooLarge."""
    if document.lstrip()[:1] == b"{":
        certificate = jsonform.from_json(document, _ANY)
    else:
        plain = cbor.decode(document)
        if isinstance(plain, dict) and "mode" not in plain:
            raise _incomplete("/mode")
        certificate = jsonform.convert(plain, _ANY)
        if _content(certificate) != _content(plain):  # a field with a default was left out
            raise _incomplete()
    return certificate.checked()


def _content(value: object) -> bytes:
    """The same for two values whose canonical encodings are the same, and quicker."""
    return msgspec.msgpack.encode(value, order="sorted")


def _incomplete(pointer: str = "") -> Refused:
    return Refused(
        "a field is missing", code="not-canonical", pointer=pointer, expected="every field present", got="fewer"
    )
