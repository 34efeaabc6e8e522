"""A certificate's claim in plain words, one line each; what the text says is exactly what was checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from assay.answer import answers
from assay.certificate import AgreementCertificate, AnyCertificate, DirectCertificate, Statement
from assay.errors import Refused
from assay.model import ModelReference
from assay.verify import votes
from assay.verify.anchors import Anchor

MAX_ROWS = 10  # answers written out
UNFIT = "with outputs that its interface does not have"


def claims(certificate: AnyCertificate, anchor: Anchor) -> tuple[str, ...]:
    """For people; the words come from the certificate and may hold anything, so escape them before display."""
    match certificate:
        case DirectCertificate():
            return tuple(_direct(certificate, anchor))
        case AgreementCertificate():
            return tuple(_agreement(certificate, anchor))


def answered(certificate: AnyCertificate) -> str:
    """Row by row; empty where there is no answer at all."""
    interface, outputs = certificate.interface, certificate.statement.outputs
    if certificate.statement.outcome == "failed" and not outputs:
        return ""
    try:
        ordered = interface.accept_outputs(outputs)
    except Refused:
        return UNFIT
    words = "; ".join(each.text for each in answers(interface, ordered, MAX_ROWS))
    rows = ordered[0].shape[0]
    return words + (f"; … ({rows} rows)" if rows > MAX_ROWS else "")


def moment(milliseconds: int) -> str:
    """UTC to the millisecond; a year beyond the calendar is given as the bare number."""
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError):
        return f"{milliseconds} ms after 1970"
    return at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")


def trusted(epochs: Sequence[int]) -> str:
    """Whose keys one trusts who believes a group's certificate; nothing where there are no epochs."""
    if not epochs:
        return ""
    *more, last = map(str, epochs)
    which = f"each of epochs {', '.join(more)} and {last}" if more else f"epoch {last}"
    return f"the keys of 2f + 1 members of {which}"


def _direct(certificate: DirectCertificate, anchor: Anchor) -> Iterator[str]:
    statement = certificate.statement
    yield f"{statement.target} answered {answered(certificate)}, signed by {anchor}"
    for model in statement.models:
        yield f"the model is {_named(model)}"
    yield _asked(statement)
    yield f"at {moment(statement.time)}, by the word of the {statement.asserted_by}"


def _agreement(certificate: AgreementCertificate, anchor: Anchor) -> Iterator[str]:
    statement, evidence = certificate.statement, certificate.evidence
    match statement.outcome:
        case "failed":
            yield f"{statement.target} failed: {votes.failure(evidence)}; by {anchor}"
        case "contested":
            answer = f"in part {answered(certificate)}" if evidence.asked.rows > 1 else "nothing"
            yield f"{statement.target} is divided and answered {answer}, contested by {anchor}"
        case outcome:
            yield f"{statement.target} answered {answered(certificate)}, {outcome} by {anchor}"
    yield from votes.firmness(certificate)
    yield from votes.by_member(certificate)
    for model in statement.models:
        yield f"{votes.use(evidence, model)} {_named(model)}"
    yield _asked(statement)
    yield votes.commitment(evidence)
    yield f"at {moment(statement.time)}, by the median of the clocks of the members who reported"


def _named(model: ModelReference) -> str:
    return f"commitment {model.commitment.hex()} (file SHA-256 {model.digest.hex()})"


def _asked(statement: Statement) -> str:
    return f"for the request {UUID(bytes=statement.request)}, whose salted input digest is {statement.input.hex()}"
