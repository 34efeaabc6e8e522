"""The check: bytes in, a report of three facts out. No network, no file, no clock unless asked for.

`verify` never raises over what a certificate holds, however broken: that is what the report is for. It raises
only where the caller asks the impossible (an input without its salt). Parsed (`assay.certificate.parse`),
verified (`Report.valid`) and trusted (`Report.pinned`, which needs a `Trust`) are different things.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from assay.certificate import AgreementCertificate, AnyCertificate, DirectCertificate, parse
from assay.errors import AssayError, NotVerified, Refused
from assay.model import input_digest
from assay.tensor import Tensor
from assay.verify import agreement, direct
from assay.verify.anchors import Anchor
from assay.verify.report import Report
from assay.verify.trust import Trust

__all__ = ["Anchor", "Report", "Trust", "anchor", "check", "verify"]

EARLIEST = 1_735_689_600_000  # 2025-01-01T00:00:00Z, before any certificate was made
CLOCK_SKEW = 10 * 60 * 1000  # ms by which an honest clock may be ahead of ours


def verify(
    document: bytes,
    trust: Trust,
    *,
    inputs: tuple[Tensor, ...] | None = None,
    salt: bytes | None = None,
    now: int | None = None,
) -> Report:
    """Checks a certificate given as CBOR or JSON.

    `inputs`: the tensors that the buyer sent, in any order, with the 32-byte `salt` that came with the
    prediction. `now`: milliseconds since 1970 UTC; the machine's clock by default. Raises Refused when `inputs`
    come without `salt`.
    """
    if inputs is not None and salt is None:
        raise Refused(
            "an input is checked together with its salt", pointer="/salt", expected="32 bytes", got="none"
        )
    try:
        certificate = parse(document)
    except Refused as refusal:
        return unreadable(refusal)
    return check(certificate, trust, inputs=inputs, salt=salt, now=now)


def check(
    certificate: AnyCertificate,
    trust: Trust,
    *,
    inputs: tuple[Tensor, ...] | None = None,
    salt: bytes | None = None,
    now: int | None = None,
) -> Report:
    """The same for a certificate already parsed by `assay.certificate.parse`."""
    false = [*_common(certificate, _clock() if now is None else now), *_findings(certificate)]
    rests_on = anchor(certificate)
    strange = list(_unpinned(certificate, rests_on, trust))
    other = [] if inputs is None or salt is None else list(_mismatch(certificate, inputs, salt))
    named = bool(trust.providers or trust.groups)
    return Report(
        certificate=certificate,
        valid=not false,
        pinned=False if strange else (True if named else None),
        input_matches=None if inputs is None else not other,
        anchor=rests_on,
        epochs=rests_on.trusted(trust.groups),
        findings=(*false, *strange, *other),
    )


def anchor(certificate: AnyCertificate) -> Anchor:
    """Whose word a certificate rests on, if it is valid."""
    match certificate:
        case DirectCertificate():
            return direct.anchor(certificate)
        case AgreementCertificate():
            return agreement.anchor(certificate)


def _findings(certificate: AnyCertificate) -> Iterator[AssayError]:
    """What is false in the evidence of its mode, or does not follow from it."""
    match certificate:
        case DirectCertificate():
            yield from direct.findings(certificate)
        case AgreementCertificate():
            yield from agreement.findings(certificate)


def unreadable(refusal: Refused) -> Report:
    """The report on bytes that are no certificate."""
    return Report(
        certificate=None,
        valid=False,
        pinned=None,
        input_matches=None,
        anchor=None,
        epochs=(),
        findings=(refusal,),
    )


def _clock() -> int:
    return time.time_ns() // 1_000_000


def _common(certificate: AnyCertificate, now: int) -> Iterator[AssayError]:
    """What holds in every mode: a plausible time."""
    at = certificate.statement.time
    if not EARLIEST <= at <= now + CLOCK_SKEW:
        yield NotVerified(
            "implausible time",
            code="wrong-time",
            pointer="/statement/time",
            expected=f"{EARLIEST} to {now + CLOCK_SKEW} ms since 1970 UTC",
            got=str(at),
        )


def _unpinned(certificate: AnyCertificate, anchor: Anchor, trust: Trust) -> Iterator[NotVerified]:
    """What the caller named and the certificate is not. A model narrows; only a provider or group anchors."""
    anchors = trust.providers if anchor.kind == "provider" else trust.groups
    if (trust.providers or trust.groups) and not anchor.is_among(anchors):
        yield NotVerified(
            "by nobody you named",
            code="not-pinned",
            pointer="/evidence",
            expected=f"one of {len(trust.providers)} providers or {len(trust.groups)} groups",
            got=str(anchor),
        )
    for i, model in enumerate(certificate.statement.models):
        if trust.models and model.commitment not in trust.models:
            yield NotVerified(
                "not a model you named",
                code="not-pinned",
                pointer=f"/statement/models/{i}",
                expected=" | ".join(sorted(each.hex() for each in trust.models)),
                got=model.commitment.hex(),
            )


def _mismatch(certificate: AnyCertificate, inputs: tuple[Tensor, ...], salt: bytes) -> Iterator[AssayError]:
    try:
        digest = input_digest(salt, certificate.interface.accept(inputs))
    except Refused as refusal:
        yield refusal
        return
    if digest != certificate.statement.input:
        yield NotVerified(
            "the certificate is about another input",
            code="wrong-input",
            pointer="/statement/input",
            expected=certificate.statement.input.hex(),
            got=digest.hex(),
            hint="The input, the salt, or both are not those of this prediction.",
        )
    rows = inputs[0].shape[:1]
    for i, tensor in enumerate(certificate.statement.outputs):
        if tensor.shape[:1] != rows:
            yield NotVerified(
                "not one answer for each row of the input",
                code="wrong-rows",
                pointer=f"/statement/outputs/{i}/shape/0",
                expected=str(rows[0]),
                got=str(list(tensor.shape)),
            )
