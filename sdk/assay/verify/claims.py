"""A certificate's claim in plain words, one line each; what the text says is exactly what was checked."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from assay.answer import answers
from assay.certificate import AnyCertificate, Statement
from assay.errors import Refused
from assay.verify.anchors import Anchor

MAX_ROWS = 10  # answers written out


def claims(certificate: AnyCertificate, anchor: Anchor) -> tuple[str, ...]:
    """For people; the words come from the certificate and may hold anything, so escape them before display."""
    statement = certificate.statement
    return (
        f"{statement.target} answered {_answered(statement)}, signed by {anchor}",
        *(
            f"the model is commitment {model.commitment.hex()} (file SHA-256 {model.digest.hex()})"
            for model in statement.models
        ),
        f"for the request {UUID(bytes=statement.request)}, whose salted input digest is {statement.input.hex()}",
        f"at {moment(statement.time)}, by the word of the {statement.asserted_by}",
    )


def moment(milliseconds: int) -> str:
    """UTC to the millisecond; a year beyond the calendar is given as the bare number."""
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError):
        return f"{milliseconds} ms after 1970"
    return at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")


def _answered(statement: Statement) -> str:
    interface = statement.models[0].interface
    try:
        outputs = interface.accept_outputs(statement.outputs)
    except Refused:
        return "with outputs that its interface does not have"
    words = "; ".join(each.text for each in answers(interface, outputs, MAX_ROWS))
    rows = outputs[0].shape[0]
    return words + (f"; … ({rows} rows)" if rows > MAX_ROWS else "")
