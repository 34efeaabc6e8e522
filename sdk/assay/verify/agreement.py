"""Mode `agreement`, the checking side: the group must have committed to this outcome, and it must say no more.

A pass says what each member said, as 2f + 1 of them have signed, and what that comes to; nothing about whether the
answer is right, nor who the members are.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.agreement.evidence import require_committed
from assay.agreement.issue import statement
from assay.certificate import AgreementCertificate
from assay.errors import AssayError
from assay.verify.anchors import Anchor
from assay.verify.statements import differences


def anchor(certificate: AgreementCertificate) -> Anchor:
    epochs = tuple(each.configuration.digest for each in certificate.evidence.epochs)
    return Anchor("group", epochs[0], epochs[0].hex(), epochs)


def findings(certificate: AgreementCertificate) -> Iterator[AssayError]:
    """Everything that is false; nothing if the evidence proves the statement."""
    try:
        require_committed(certificate.evidence)
    except AssayError as error:
        yield error.under("/evidence")
    try:
        expected = statement(certificate.evidence, certificate.statement.models)
    except AssayError as error:
        yield error
    else:
        yield from differences(expected, certificate.statement)
