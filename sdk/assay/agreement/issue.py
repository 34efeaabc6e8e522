"""Mode `agreement`, the issuing side: from what a group has committed to, the certificate that says so.

The statement adds nothing: it follows from the evidence, but for the models' interfaces, which the evidence names
by their commitments. So anyone who holds the evidence can issue the certificate, and `assay.verify.agreement`
checks one by writing its statement again. The caveats are these, word for word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.agreement.evidence import AgreementEvidence, require_committed
from assay.agreement.votes import Answered, Tally
from assay.certificate import FORMAT, AgreementCertificate, Statement
from assay.errors import AssayError, NotVerified
from assay.model import ModelReference

ASSERTED_BY = "group"
CAVEATS = (
    "Agreement is not truth: members whose models share a blind spot agree on a mistake.",
    "It holds only while at most f of the group's 3f + 1 members lie or fail.",
    "That the members are independent of each other is their owners' word.",
    "It is not shown that a member's model produced the vote that the member signed.",
    "A silent member may have been cut off; that it was silent is the word of those who committed.",
    "The time is the median of the clocks of the members who reported.",
)


def issue(evidence: AgreementEvidence, models: Iterable[ModelReference]) -> AgreementCertificate:
    """The certificate of an outcome. `models` holds, in any order, all those with which members answered.

    Raises NotVerified or Refused where the group has not committed to it, a model that has voted is missing, or
    one could not have voted.
    """
    require_committed(evidence)
    return AgreementCertificate(format=FORMAT, statement=statement(evidence, models), evidence=evidence)


def statement(evidence: AgreementEvidence, models: Iterable[ModelReference]) -> Statement:
    """All that may be said on this evidence, which `require_committed` has accepted.

    `models` come in the order of the members who first answered with them; where none answered, it is those with
    which the group began. Pointers of what it raises are into the certificate.
    """
    asked, tally = evidence.asked, _tally(evidence)
    if evidence.ended.outcome != tally.outcome:
        raise NotVerified(
            "not what the votes come to",
            code="wrong-outcome",
            pointer="/evidence/ended/outcome",
            expected=tally.outcome,
            got=evidence.ended.outcome,
        )
    return Statement(
        request=asked.id,
        target=f"group:{evidence.configuration.slug}",
        models=tuple(_voting(evidence, models)),
        params={"votes": asked.least},
        input=asked.input,
        outputs=tally.outputs(evidence.configuration),
        outcome=tally.outcome,
        time=evidence.entry.time,
        asserted_by=ASSERTED_BY,
        caveats=CAVEATS,
    )


def _tally(evidence: AgreementEvidence) -> Tally:
    try:
        return evidence.tally
    except AssayError as error:
        raise error.under("/evidence") from error


def _voting(evidence: AgreementEvidence, models: Iterable[ModelReference]) -> Iterator[ModelReference]:
    configuration = evidence.configuration
    began = {member.model.commitment: member.model for member in configuration.members}
    voted = dict.fromkeys(each.model for each in evidence.ended.said if isinstance(each, Answered))
    known = began | {model.commitment: model for model in models}
    for i, commitment in enumerate(voted or began):
        if commitment not in known:
            raise NotVerified(
                "a model that has voted is not named",
                code="wrong-statement",
                pointer="/statement/models",
                expected=f"a model of commitment {commitment.hex()}",
                got="none",
            )
        if commitment not in began:
            configuration.require_fitting(known[commitment], f"/statement/models/{i}")
        yield known[commitment]
