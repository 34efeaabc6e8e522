"""What a member catches another in: two signed words of which an honest member says only one.

The replica goes on as if it had heard the first alone; whoever runs it is handed both, once for each deed, and can
make evidence of them that anybody can check (`assay.agreement.blame`).
"""

from __future__ import annotations

from collections import Counter

from assay.agreement.blame import making
from assay.agreement.blame.evidence import AnyEvidence
from assay.agreement.blame.transcript import Batch, Beginning, Vote
from assay.agreement.group import Epoch
from assay.agreement.views import SignedMove
from consensus import messages
from consensus.events import Contradiction
from consensus.messages import Exec, NewView, Spoken, ViewChange

MOST_OF_ONE = 64  # deeds of one member that are handed out


class Blaming:
    """Belongs to a replica."""

    def __init__(self) -> None:
        self._handed: set[tuple[int, str, object]] = set()
        self._of_member: Counter[int] = Counter()

    def catch(self, member: int, what: str, about: object, words: tuple[Spoken, Spoken]) -> Contradiction | None:
        """To be handed out, unless this deed has been, or enough of that member's; `about` tells deeds apart."""
        deed = (member, what, about)
        if deed in self._handed or self._of_member[member] >= MOST_OF_ONE:
            return None
        self._handed.add(deed)
        self._of_member[member] += 1
        return Contradiction(member, *words)


def evidence(epochs: tuple[Epoch, ...], caught: Contradiction) -> AnyEvidence | None:
    """What proves it to anybody; None if it proves nothing."""
    match caught.one, caught.other:
        case messages.Vote() as one, messages.Vote() as other:
            return making.double_vote(epochs, voted(one), voted(other))
        case Exec() as one, Exec() as other:
            return making.contradicting_results(epochs, said(one), said(other))
        case ViewChange() as one, ViewChange() as other:
            return making.two_moves(epochs, moved(one), moved(other))
        case NewView() as one, NewView() as other:
            return making.two_beginnings(epochs, began(one), began(other))
    return None


# --- as an audit reads it --------------------------------------------------------------------------------


def voted(vote: messages.Vote) -> Vote:
    return Vote(vote.kind, vote.member, vote.view, vote.installed, vote.number, vote.entry, vote.signature)


def said(signed: Exec) -> Batch:
    return Batch(signed.member, signed.results, signed.signature)


def moved(change: ViewChange) -> SignedMove:
    return SignedMove(change.move, change.signature)


def began(new_view: NewView) -> Beginning:
    return Beginning(new_view.view, tuple(moved(each) for each in new_view.changes), new_view.signature)
