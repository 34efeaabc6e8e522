"""From two signed things that contradict each other to evidence; None where they do not.

For whoever hears the second of them: a member's replica, or an audit. Signatures of what is passed in have been
checked by then; what comes out is worth what `require_guilt` says of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay import merkle
from assay.agreement.blame.evidence import (
    FORMAT,
    AgainstTheView,
    Began,
    Cast,
    Commitment,
    ContradictingResults,
    DoubleVote,
    ForgottenCommitment,
    Moved,
    Rewrite,
    Told,
    TwoBeginnings,
    TwoMoves,
    WrongOutcome,
)
from assay.agreement.blame.guilt import is_counted
from assay.agreement.blame.transcript import Batch, Beginning, Vote
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Epoch
from assay.agreement.sealing import Opened
from assay.agreement.views import SignedMove, beginning, carried
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
    if batch.member != second.member or not first.contradicts(then):
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


def two_moves(epochs: Epochs, one: SignedMove, other: SignedMove) -> TwoMoves | None:
    """Of two moves of a member into one view."""
    if (one.move.member, one.move.view) != (other.move.member, other.move.view) or one.move == other.move:
        return None
    both = sorted((one, other), key=lambda each: each.move.digest)
    return TwoMoves(
        format=FORMAT,
        epochs=epochs,
        accused=(_key(epochs, one.move.member),),
        view=one.move.view,
        moves=tuple(map(_moved, both)),
    )


def two_beginnings(epochs: Epochs, one: Beginning, other: Beginning) -> TwoBeginnings | None:
    """Of two beginnings of a view, by its leader."""
    rests_on = [tuple(each.move.digest for each in side.moves) for side in (one, other)]
    if one.view != other.view or rests_on[0] == rests_on[1]:
        return None
    both = sorted(zip(rests_on, (one.signature, other.signature), strict=True))
    return TwoBeginnings(
        format=FORMAT,
        epochs=epochs,
        accused=(_key(epochs, leader(epochs, one.view)),),
        view=one.view,
        beginnings=tuple(Began(moves, signature) for moves, signature in both),
    )


def forgotten_commitment(epochs: Epochs, vote: Vote, signed: SignedMove) -> ForgottenCommitment | None:
    """Of a member's COMMIT and its move into a later view."""
    move = signed.move
    if (vote.phase, vote.member) != ("commit", move.member) or move.view <= vote.view:
        return None
    if move.answers_for(vote.number, vote.view):
        return None
    return ForgottenCommitment(
        format=FORMAT,
        epochs=epochs,
        accused=(_key(epochs, vote.member),),
        view=vote.view,
        number=vote.number,
        committed=Cast(vote.installed, vote.entry, vote.signature),
        later=move.view,
        move=_moved(signed),
    )


def against_the_view(epochs: Epochs, vote: Vote, began: Beginning) -> AgainstTheView | None:
    """Of a vote in a view, and how the view began that the vote names."""
    moves, genesis = [each.move for each in began.moves], epochs[0].configuration.digest
    named = beginning(genesis, epochs[-1].configuration.epoch, began.view, [each.digest for each in moves])
    due = carried(genesis, moves).get(vote.number)
    if (vote.view, vote.installed) != (began.view, named) or due is None or due == vote.entry:
        return None
    return AgainstTheView(
        format=FORMAT,
        epochs=epochs,
        accused=(_key(epochs, vote.member),),
        phase=vote.phase,
        view=vote.view,
        number=vote.number,
        entry=vote.entry,
        signature=vote.signature,
        moves=tuple(moves),
    )


def leader(epochs: Epochs, view: int) -> int:
    """The member that leads a view."""
    return view % epochs[-1].configuration.n


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
    """A result, not an opened one, with what leads from it to the batch's signature."""
    leaves, said = [each.leaf for each in batch.results], batch.results[index].said
    assert not isinstance(said, Opened), "what is opened contradicts nothing"
    return Told(said, index, len(leaves), merkle.path(leaves, index), batch.signature)


def _moved(signed: SignedMove) -> Moved:
    return Moved(signed.move.head, signed.move.locks, signed.signature)


def _place(vote: Vote) -> Sequence[object]:
    return vote.member, vote.phase, vote.view, vote.number


def _key(epochs: Epochs, member: int) -> bytes:
    return epochs[-1].configuration.members[member].key
