"""Storing certificates: once, as the bytes that were checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.certificate import AnyCertificate, parse
from assay.digest import sha256
from assay.verify import anchor
from marketplace.certificates.models import Certificate


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


def store(prepared: Sequence[tuple[int, Prepared]]) -> dict[bytes, int]:
    """Stores certificates for organisations (by id); their row ids by digest. To be called in a transaction."""
    rows = Certificate.objects.bulk_create(_row(*each) for each in prepared)
    return {bytes(row.sha256): row.pk for row in rows}


def _row(organisation: int, prepared: Prepared) -> Certificate:
    rests_on = anchor(prepared.certificate)
    statement = prepared.certificate.statement
    return Certificate(
        sha256=prepared.sha256,
        document=prepared.document,
        mode=prepared.certificate.mode,
        outcome=statement.outcome,
        anchor_kind=rests_on.kind,
        anchor=rests_on.text,
        caveats=list(statement.caveats),
        organisation_id=organisation,
    )
