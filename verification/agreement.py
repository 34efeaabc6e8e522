"""Mode `agreement`: the members of a group answer, each with its own model, and agree by a Byzantine protocol.

The group does the work (`consensus`); this asks it, issues the certificate that follows from what it has committed
to, and runs the check that buyers run before it passes anything on. A worker that takes over from one that died
asks the same again and is told what the group decided the first time.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, ClassVar

import msgspec

from assay.agreement.issue import CAVEATS, issue
from assay.agreement.votes import Answered, count
from assay.certificate import AgreementCertificate, AnyCertificate
from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, Unavailable
from assay.verify import Trust, check
from verification.ends import (
    CANCELLED,
    CERTIFIED,
    CONTESTED,
    CONTESTED_IN_PART,
    DISPUTE_LOST,
    EXPIRED,
    FAILED,
    Ending,
)
from verification.metering import Meter, Rows
from verification.mode import (
    Cancelled,
    Certified,
    Contested,
    Decision,
    End,
    Expired,
    Failed,
    Job,
    Kind,
    Ports,
    Quote,
    Target,
)

MEMBERS = 4  # of a group that is not known yet
PAUSE = 0.25  # seconds before a client that is busy is asked again


class AgreementParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many members must have answered alike, or at all where numbers are averaged; 0: as many as it needs."""

    votes: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0


class AnsweredRows(Rows):
    """Paid by the row to which the group has an answer, be it one that fewer members gave than the buyer wanted.

    All that is in a contested certificate, too: one row on which nobody agrees, or a wish for more votes than
    there are, would make the rest free.
    """

    def used(self, certificate: AnyCertificate) -> int:
        assert isinstance(certificate, AgreementCertificate), "a certificate of this mode"
        evidence = certificate.evidence
        if certificate.statement.outcome == "certified":
            return evidence.asked.rows
        tally = count(evidence.configuration, evidence.ended.said, evidence.asked.rows, 0)
        return sum(each.value is not None for each in tally.decisions)


class Agreement:
    """See the module's first lines."""

    name: ClassVar[str] = "agreement"
    title: ClassVar[str] = "Agreed by a group"
    asks: ClassVar[Kind] = "group"
    ends: ClassVar[tuple[Ending, ...]] = (
        *(CERTIFIED, CONTESTED, CONTESTED_IN_PART, FAILED, EXPIRED, CANCELLED),
        DISPUTE_LOST,
    )
    meter: ClassVar[Meter] = AnsweredRows()
    verifying: ClassVar[int] = 0  # the members have verified each other
    Params = AgreementParams

    def quote(self, target: Target, params: AgreementParams) -> Quote:
        members = len(target.providers) or MEMBERS
        f = (members - 1) // 3
        return Quote(
            inferences=members,
            guarantee=f"{members} owners' models vote; the result stands while at most {f} of them lie or fail.",
            caveats=CAVEATS,
        )

    def owners(self, certificate: AnyCertificate) -> frozenset[str]:
        """Who answered in time, alike or not: whoever paid for agreement would buy echoes."""
        assert isinstance(certificate, AgreementCertificate), "a certificate of this mode"
        members, said = certificate.evidence.configuration.members, certificate.evidence.ended.said
        answered = zip(members, said, strict=True)
        return frozenset(member.owner for member, word in answered if isinstance(word, Answered))

    async def run(self, job: Job[AgreementParams], ports: Ports) -> End:
        while not ports.cancelled():
            try:
                decision = await ports.groups.decide(job, job.params.votes)
                return _end(decision, job)
            except Unavailable as error:  # too much is being asked at once
                if ports.clock.now_ms() >= job.deadline:
                    return Expired(DeadlineExceeded(error.detail, pointer=error.pointer, hint=error.hint))
                await ports.clock.sleep(PAUSE)
            except DeadlineExceeded as error:
                return Expired(error)
            except (Refused, NotVerified) as error:
                return Failed(error)
        return Cancelled()

    async def resume(self, job: Job[AgreementParams], ports: Ports, saved: bytes) -> End:
        """The same as `run`: the group decides on a request once."""
        return await self.run(job, ports)


def _end(decision: Decision, job: Job[AgreementParams]) -> End:
    """Raises NotVerified or Refused where the certificate does not stand, or answers another request."""
    certificate = issue(decision.evidence, decision.models)
    _require_trusted(certificate, job)
    match certificate.statement.outcome:
        case "certified":
            return Certified(certificate)
        case "contested":
            in_part = Agreement.meter.used(certificate)
            return Contested(certificate, CONTESTED_IN_PART if in_part else CONTESTED)
        case _:
            return Failed(_failed(certificate), certificate)


def _require_trusted(certificate: AgreementCertificate, job: Job[AgreementParams]) -> None:
    """A valid certificate of another group or request would be a fine certificate of the wrong thing."""
    trust = Trust(groups=frozenset({job.target.epochs[0].configuration.digest}))
    report = check(certificate, trust, inputs=job.inputs, salt=job.salt)
    report.require(pinned=True)
    statement = certificate.statement
    asked = (job.request, job.target.name, {"votes": job.params.votes})
    if (statement.request, statement.target, statement.params) != asked:
        raise NotVerified(
            "the certificate answers another request",
            code="wrong-request",
            pointer="/statement",
            expected=job.target.name,
            got=statement.target,
        )


def _failed(certificate: AgreementCertificate) -> AssayError:
    said = certificate.evidence.ended.said
    words = Counter(each.__struct_config__.tag for each in said)
    withheld = f", {words['withheld']} withheld" if words["withheld"] else ""
    needed = certificate.evidence.configuration.quorum
    late = certificate.statement.time > certificate.evidence.asked.deadline
    return AssayError(
        "the group could not answer in time" if late else "too few members of the group answered",
        code="group-failed",
        expected=f"at least {needed} of {len(said)} members",
        got=f"{words['answered']} answered{withheld}",
        hint="Ask again; the group's page shows which of its members can be reached.",
    )
