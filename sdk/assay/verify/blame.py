"""What members did, each piece of evidence in one sentence; proven only where `require_guilt` has named them.

Nothing is checked here, and evidence may hold anything.
"""

from __future__ import annotations

from assay.agreement.blame.evidence import (
    AgainstTheView,
    AnyEvidence,
    ContradictingResults,
    DoubleVote,
    ForgottenCommitment,
    Rewrite,
    TwoBeginnings,
    TwoMoves,
    WrongOutcome,
)
from assay.agreement.sealing import Sealed
from assay.agreement.votes import Abstained, Answered, Erred, Word
from assay.verify.votes import written

DONE = {"prepare": "prepared", "commit": "committed to"}


def sentence(evidence: AnyEvidence) -> str:
    """Who did what where."""
    where = evidence.configuration
    return f"{_subject(evidence)} {_deed(evidence)}, in epoch {where.epoch} of group {where.slug}"


def owners(evidence: AnyEvidence) -> list[str]:
    """Of the accused, by the names that the configuration gives them."""
    known = {member.key: member.owner for member in evidence.configuration.members}
    return [known.get(key, "a stranger") for key in evidence.accused]


def _subject(evidence: AnyEvidence) -> str:
    named = owners(evidence)
    if not named:
        return f"more than {evidence.configuration.f} members, whom this does not name,"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _deed(evidence: AnyEvidence) -> str:
    match evidence:
        case DoubleVote():
            return (
                f"{DONE[evidence.phase]} two different things at number {evidence.number} in view {evidence.view}"
            )
        case ContradictingResults():
            one, other = (_word(evidence, each.said) for each in evidence.results)
            return f"{one} and {other} of one request, {evidence.request.hex()[:16]}, with one model"
        case Rewrite():
            number = evidence.commitments[0].entry.number
            return f"committed to two different entries at number {number}, and so rewrote the group's log"
        case WrongOutcome():
            request, number = evidence.asked.digest.hex()[:16], evidence.committed.entry.number
            return (
                f"committed to the outcome '{evidence.ended.outcome}' of request {request} at number {number}, "
                "which is not what the members' words come to"
            )
        case _:
            return _deed_in_views(evidence)


def _deed_in_views(evidence: TwoMoves | TwoBeginnings | ForgottenCommitment | AgainstTheView) -> str:
    match evidence:
        case TwoMoves():
            return f"moved into view {evidence.view} with two different words on what it had done before"
        case TwoBeginnings():
            return f"began view {evidence.view} in two different ways"
        case ForgottenCommitment():
            return (
                f"moved into view {evidence.later} without a word on what it had committed to at number "
                f"{evidence.number} in view {evidence.view}"
            )
        case AgainstTheView():
            where = f"at number {evidence.number} in view {evidence.view}"
            return f"{DONE[evidence.phase]} another entry {where} than the one with which that view began"


def _word(evidence: ContradictingResults, said: Word | Sealed) -> str:
    match said:
        case Answered(votes=votes):
            few = ", ".join(written(evidence.configuration, vote) for vote in votes[:3])
            return f"said {few}{', …' if len(votes) > 3 else ''}"
        case Abstained():
            return "abstained"
        case Erred():
            return "said that its model could not answer"
        case Sealed(seal=seal):
            return f"committed to {seal.hex()[:16]}"
