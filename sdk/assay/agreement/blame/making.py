"""From two signed things that contradict each other to evidence; None where they do not.

For whoever hears the second of them: a member's replica, or an audit. Signatures of what is passed in have been
checked by then; what comes out is worth what `require_guilt` says of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay import merkle
from assay.agreement.blame.evidence import (
    FORMAT,
    Cast,
    Commitment,
    ContradictingResults,
    DoubleVote,
    Rewrite,
    Told,
    WrongOutcome,
)
from assay.agreement.blame.guilt import is_counted
from assay.agreement.blame.transcript import Batch, Vote
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Epoch
from assay.agreement.votes import encoded

Epochs = tuple[Epoch, ...]


def double_vote(epochs: Epochs, one: Vote, other: Vote) -> DoubleVote | None:
    """Of two votes of a member, in one phase at one (view, number), for different things."""
    if _place(one) != _place(other):
        return None
    casts = sorted({(each.installed, each.entry): each for each in (one, other)}.items())
    if len(casts) != 2:
        return None
    return DoubleVote(
        format=FORMAT,
        epochs=epochs,
        accused=(_key(epochs, one.member),),
        phase=one.phase,
        view=one.view,
        number=one.number,
        votes=tuple(Cast(each.installed, each.entry, each.signature) for _, each in casts),
    )


def contradicting_results(epochs: Epochs, one: Batch, other: Batch) -> ContradictingResults | None:
    """Of two batches of a member, which may be the same: the first request of which it has said two things."""
    if one.member != other.member:
        return None
    places = {(each.request, each.model): i for i, each in enumerate(one.results)}
    for j, each in enumerate(other.results):
        i = places.get((each.request, each.model), j)
        if found := contradiction(epochs, (one, i), (other, j)):
            return found
    return None


def contradiction(epochs: Epochs, one: tuple[Batch, int], other: tuple[Batch, int]) -> ContradictingResults | None:
    """Of two results of a member, each by its place in a batch."""
    (batch, i), (second, j) = one, other
    first, then = batch.results[i], second.results[j]
    if (batch.member, first.request, first.model) != (second.member, then.request, then.model) or first == then:
        return None
    both = sorted((told(batch, i), told(second, j)), key=lambda each: encoded(each.said).document)
    return ContradictingResults(
        format=FORMAT,
        epochs=epochs,
        accused=(_key(epochs, batch.member),),
        request=first.request,
        model=first.model,
        results=tuple(both),
    )


def rewrite(epochs: Epochs, one: Commitment, other: Commitment) -> Rewrite | None:
    """Of two entries to which the group has committed at one number."""
    if (one.entry.number, one.entry.epoch) != (other.entry.number, other.entry.epoch) or one.entry == other.entry:
        return None
    pair = sorted((one, other), key=lambda each: each.entry.digest)
    both = sorted({each.member for each in one.commits} & {each.member for each in other.commits})
    accused = tuple(_key(epochs, member) for member in both) if one.view == other.view else ()
    return Rewrite(format=FORMAT, epochs=epochs, accused=accused, commitments=tuple(pair))


def wrong_outcome(certified: AgreementEvidence) -> WrongOutcome | None:
    """Of what stands in a certificate, if the outcome is not what the words come to."""
    if is_counted(certified):
        return None
    return WrongOutcome(
        format=FORMAT,
        epochs=certified.epochs,
        accused=tuple(_key(certified.epochs, each.member) for each in certified.commits),
        asked=certified.asked,
        ended=certified.ended,
        index=certified.index,
        path=certified.path,
        committed=commitment(certified),
    )


def commitment(certified: AgreementEvidence) -> Commitment:
    return Commitment(certified.entry, certified.view, certified.installed, certified.commits)


def told(batch: Batch, index: int) -> Told:
    """A result, with what leads from it to the batch's signature."""
    leaves = [each.leaf for each in batch.results]
    path = merkle.path(leaves, index)
    return Told(batch.results[index].said, index, len(leaves), path, batch.signature)


def _place(vote: Vote) -> Sequence[object]:
    return vote.member, vote.phase, vote.view, vote.number


def _key(epochs: Epochs, member: int) -> bytes:
    return epochs[-1].configuration.members[member].key
