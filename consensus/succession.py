"""Who has moved on from a view, and whether another has begun: each thing in it proved by a quorum.

What the view takes over follows from that alone (`assay.agreement.views.estate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from assay.agreement.views import Quorum, beginning
from assay.digest import Tag
from consensus.judging import Group
from consensus.messages import NewView, ViewChange
from consensus.seals import Seal


class Moves:
    """Checks who has moved, and into what."""

    def __init__(self, group: Group, seal: Seal) -> None:
        self._group = group
        self._seal = seal

    def is_right(self, change: ViewChange) -> bool:
        """Whether a move is its member's, and each thing in it is proved by a quorum."""
        move, configuration = change.move, self._group.configuration
        ours = (move.group, move.epoch) == (self._group.genesis, configuration.epoch)
        if not ours or move.member >= configuration.n:
            return False
        key = configuration.members[move.member].key
        if not self._seal.verifies(key, Tag.AGREEMENT_VIEW_CHANGE, move.digest, change.signature):
            return False
        numbers = [0 if move.head is None else move.head.entry.number, *(each.entry.number for each in move.locks)]
        return (
            all(below < above for below, above in pairwise(numbers))
            and all(lock.view < move.view for lock in move.locks)
            and (move.head is None or self._is_executed(move.head))
            and all(self.proves(Tag.AGREEMENT_PREPARE, lock) for lock in move.locks)
        )

    def begins(self, new_view: NewView) -> bool:
        """Whether a view has begun so: its leader says so on the word of 2f + 1 members."""
        group, configuration = self._group, self._group.configuration
        members = [each.move.member for each in new_view.changes]
        if members != sorted(set(members)) or len(members) < group.quorum:
            return False
        if any(each.move.view != new_view.view for each in new_view.changes):
            return False
        key = configuration.members[group.leader(new_view.view)].key
        signed = installing(group, new_view.view, new_view.changes)
        return self._seal.verifies(key, Tag.AGREEMENT_NEW_VIEW, signed, new_view.signature) and all(
            self.is_right(each) for each in new_view.changes
        )

    def _is_executed(self, head: Quorum) -> bool:
        """By the commits of this epoch; the last entry of the one before by what has put this one in force."""
        return head.entry.digest == self._group.base or self.proves(Tag.AGREEMENT_COMMIT, head)

    def proves(self, tag: Tag, quorum: Quorum) -> bool:
        """Whether 2f + 1 members have signed that entry of this group and epoch."""
        group, configuration, entry = self._group, self._group.configuration, quorum.entry
        members = [each.member for each in quorum.signatures]
        if (entry.group, entry.epoch) != (group.genesis, configuration.epoch) or entry.number < 1:
            return False
        if len(members) < group.quorum or members != sorted(set(members)) or members[-1] >= configuration.n:
            return False
        signed = quorum.ballot.digest(tag)
        return all(
            self._seal.verifies(configuration.members[each.member].key, tag, signed, each.signature)
            for each in quorum.signatures
        )


def installing(group: Group, view: int, changes: Sequence[ViewChange]) -> bytes:
    """The digest of the NEW-VIEW that these make."""
    moves = [each.move.digest for each in changes]
    return beginning(group.genesis, group.configuration.epoch, view, moves)
