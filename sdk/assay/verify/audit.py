"""Certificates, transcripts and evidence of any groups together: all the misbehaviour that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay import cbor, receipt
from assay.agreement.blame import evidence as blame
from assay.agreement.blame import transcript
from assay.agreement.blame.evidence import AnyEvidence, Evidence
from assay.agreement.blame.finding import Audit
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.blame.transcript import Transcript
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Epoch
from assay.certificate import AgreementCertificate
from assay.errors import AssayError

Signed = AgreementEvidence | Transcript | AnyEvidence


def read(content: bytes) -> Iterator[Signed]:
    """What a file holds: one thing in JSON, or any number in CBOR, one after the other. A certificate that is no
    group's is passed over. Raises Refused or TooLarge.
    """
    if content.lstrip()[:1] == b"{" or not content:
        documents: Iterable[bytes] = [content]
    else:
        documents = cbor.sequence(content)
    yield from filter(None, map(_read, documents))


def _read(document: bytes) -> Signed | None:
    if document.lstrip()[:1] == b"{":
        if document.lstrip()[1:].lstrip().startswith(b'"accused"'):  # keys are in order
            return blame.parse(document)
    else:
        match cbor.decode(document):
            case {"format": blame.FORMAT}:
                return blame.parse(document)
            case {"format": transcript.FORMAT}:
                return transcript.parse(document)
    certificate, _ = receipt.read(document)
    return certificate.evidence if isinstance(certificate, AgreementCertificate) else None


def names_of(signed: Signed) -> frozenset[bytes]:
    """Digests by which the group that it names, which need not have signed it, is known: one for each epoch."""
    return frozenset(each.configuration.digest for each in signed.epochs)


@dataclass(frozen=True)
class Found:
    """All evidence, each piece once; and how many things prove nothing, for nobody has signed what they say."""

    evidence: tuple[AnyEvidence, ...]
    unproven: int


def audit(every: Iterable[Signed]) -> Found:
    """Finds what there is. All evidence that comes out stands: `require_guilt` has said so of each piece."""
    audits: dict[bytes, Audit] = {}
    found: dict[bytes, AnyEvidence] = {}
    unproven = 0
    for signed in every:
        try:
            if isinstance(signed, Evidence):
                require_guilt(signed, signed.group)
                found[signed.id] = signed
            else:
                _hear(_audit_of(signed.epochs, audits), signed)
        except AssayError:  # no group, or no evidence
            unproven += 1
    for each in audits.values():
        found |= {evidence.id: evidence for evidence in each.evidence()}
        unproven += each.unproven
    return Found(tuple(found.values()), unproven)


def _audit_of(epochs: tuple[Epoch, ...], audits: dict[bytes, Audit]) -> Audit:
    """By the last configuration, which names the ones before it."""
    name = epochs[-1].configuration.digest
    if name not in audits:
        audits[name] = Audit(epochs)
    return audits[name]


def _hear(of: Audit, signed: AgreementEvidence | Transcript) -> None:
    if isinstance(signed, Transcript):
        of.hear(signed)
    else:
        of.certified(signed)
