"""Making certificates ready to be stored: as the bytes that were checked, once."""

from __future__ import annotations

import json
from dataclasses import dataclass

from assay.certificate import AnyCertificate, parse
from assay.digest import sha256
from assay.errors import TooLarge
from assay.verify import anchor

MAX_OUTPUTS = 16 * 1024 * 1024  # bytes of a prediction's output tensors together


@dataclass(frozen=True)
class Prepared:
    """A certificate ready to be stored: its bytes, which read back as the same certificate, and their digest."""

    certificate: AnyCertificate
    document: bytes
    sha256: bytes


def prepare(certificate: AnyCertificate) -> Prepared:
    """Raises TooLarge for outputs beyond MAX_OUTPUTS, which a buyer could hardly be shown as JSON.

    Raises Refused if the bytes would not parse again: such a certificate is worth nothing to anybody.
    """
    size = sum(len(tensor.data) for tensor in certificate.statement.outputs)
    if size > MAX_OUTPUTS:
        raise TooLarge(
            "the model's answer is larger than is carried here",
            pointer="/outputs",
            expected=f"at most {MAX_OUTPUTS} bytes",
            got=f"{size} bytes",
            hint="Ask for fewer rows.",
        )
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
