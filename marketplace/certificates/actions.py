"""Making certificates ready to be stored: as the bytes that were checked, once."""

from __future__ import annotations

import json
from dataclasses import dataclass

from assay.certificate import AnyCertificate, parse
from assay.digest import sha256
from assay.verify import anchor


@dataclass(frozen=True)
class Prepared:
    """A certificate ready to be stored: its bytes, which read back as the same certificate, and their digest."""

    certificate: AnyCertificate
    document: bytes
    sha256: bytes


def prepare(certificate: AnyCertificate) -> Prepared:
    """Raises Refused if the bytes would not parse again: such a certificate is worth nothing to anybody."""
    document = certificate.to_cbor()
    parse(document)
    return Prepared(certificate, document, sha256(document))


def columns(organisation: int, prepared: Prepared) -> tuple[bytes, bytes, str, str, str, str, str, int]:
    """A certificate's row but for its id and time, in the model's order; `predictions.rows` writes it."""
    rests_on = anchor(prepared.certificate)
    statement = prepared.certificate.statement
    return (
        prepared.sha256,
        prepared.document,
        prepared.certificate.mode,
        statement.outcome,
        rests_on.kind,
        rests_on.text,
        json.dumps(statement.caveats),
        organisation,
    )
