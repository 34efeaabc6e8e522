"""Mode `direct`, the checking side: the provider's signature must cover exactly this statement.

A pass says who answered what, and nothing about whether the answer is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay import merkle
from assay.certificate import DirectCertificate, Statement
from assay.digest import Tag
from assay.direct import ASSERTED_BY, CAVEATS, OUTCOME
from assay.errors import AssayError, NotVerified, Refused
from assay.keys import PublicKey
from assay.verify.anchors import Anchor
from assay.verify.statements import differs


def anchor(certificate: DirectCertificate) -> Anchor:
    return Anchor("provider", certificate.evidence.provider, str(PublicKey(certificate.evidence.provider)))


def findings(certificate: DirectCertificate) -> Iterator[AssayError]:
    """Everything that is false; nothing if the evidence proves the statement."""
    yield from _outputs(certificate.statement)
    yield from _statement(certificate.statement)
    try:
        _evidence(certificate)
    except NotVerified as error:
        yield error.under("/evidence")


def _outputs(statement: Statement) -> Iterator[NotVerified]:
    """Outputs must fit each model, in its interface's order."""
    for model in statement.models:
        try:
            ordered = model.interface.accept_outputs(statement.outputs, "/statement/outputs")
        except Refused as refusal:
            yield NotVerified(**refusal.fields())
            continue
        if ordered != statement.outputs:
            yield NotVerified(
                "outputs are not in the interface's order",
                code="wrong-statement",
                pointer="/statement/outputs",
                expected=str([tensor.name for tensor in ordered]),
                got=str([tensor.name for tensor in statement.outputs]),
            )


def _statement(statement: Statement) -> Iterator[NotVerified]:
    """The fields that have only one possible value in this mode."""
    if not statement.target.startswith("model:"):
        yield differs("/statement/target", "model:owner/name@version", statement.target)
    if len(statement.models) != 1:
        yield differs("/statement/models", "exactly one model", f"{len(statement.models)} models")
    for name, expected in (
        ("params", {}),
        ("outcome", OUTCOME),
        ("asserted_by", ASSERTED_BY),
        ("caveats", CAVEATS),
    ):
        got = getattr(statement, name)
        if got != expected:
            yield differs(f"/statement/{name}", repr(expected), repr(got))


def _evidence(certificate: DirectCertificate) -> None:
    evidence = certificate.evidence
    leaf = certificate.statement.digest(Tag.STATEMENT_DIRECT)
    try:
        root = merkle.root_from_path(leaf, evidence.index, evidence.count, evidence.path)
    except NotVerified as error:
        raise error.under("/path") from error
    try:
        PublicKey(evidence.provider).verify(
            Tag.BATCH_DIRECT, evidence.signed(evidence.count, root), evidence.signature
        )
    except NotVerified as error:
        raise error.under("/signature") from error
