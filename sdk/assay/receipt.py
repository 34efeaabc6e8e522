"""A receipt: a certificate together with the salt that ties it to the buyer's input.

The certificate alone may be shown to anyone. The receipt is the buyer's own: whoever holds it can test guesses of
a small input against the digest in the certificate.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from assay import jsonform
from assay.certificate import AnyCertificate, parse

SaltText = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In JSON, and canonical like a certificate: {"certificate": {…}, "salt": "<64 hexadecimal digits>"}."""

    certificate: AnyCertificate
    salt: SaltText

    @classmethod
    def of(cls, certificate: AnyCertificate, salt: bytes) -> Receipt:
        return cls(certificate, salt.hex())

    def to_json(self) -> str:
        return jsonform.to_json(self, indent=True)


def read(document: bytes) -> tuple[AnyCertificate, bytes | None]:
    """A certificate (CBOR or JSON) alone, or a receipt's with its 32-byte salt. Raises Refused or TooLarge."""
    if not _is_receipt(document):
        return parse(document), None
    receipt = jsonform.from_json(document, Receipt)
    receipt.certificate.checked()
    return receipt.certificate, bytes.fromhex(receipt.salt)


def _is_receipt(document: bytes) -> bool:
    """Keys are in order, so a receipt's first is `certificate`, and a certificate's `evidence`."""
    start = document.lstrip()
    return start[:1] == b"{" and start[1:].lstrip().startswith(b'"certificate"')
