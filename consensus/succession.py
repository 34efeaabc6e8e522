"""What a new view takes over from the ones before: pure, so that every member finds the same.

Of 2f + 1 members' moves the furthest executed entry is where it begins; on top of that, number after number, the
entry with the newest prepares, as far as each follows from the one before. Whatever may have been committed in an
earlier view is among them (docs/agreement-protocol.md, "Across views").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assay.digest import Tag
from consensus.judging import Group
from consensus.messages import Move, NewView, Quorum, ViewChange
from consensus.seals import Seal


@dataclass(frozen=True)
class Estate:
    """`head`: the entry on which the view builds, None where nothing has been executed. `carried`: the entries
    that it must decide again, in their order.
    """

    head: Quorum | None
    carried: tuple[Quorum, ...]


def estate(genesis: bytes, moves: Iterable[Move]) -> Estate:
    """What moves into one view leave to it."""
    every = list(moves)
    heads = [move.head for move in every if move.head is not None]
    head = max(heads, key=lambda each: each.entry.number, default=None)
    newest: dict[int, Quorum] = {}
    for move in every:
        for lock in move.locks:
            before = newest.get(lock.entry.number)
            if before is None or lock.view > before.view:
                newest[lock.entry.number] = lock
    number, parent = (head.entry.number, head.entry.digest) if head is not None else (0, genesis)
    carried = []
    while (above := newest.get(number + 1)) is not None and above.entry.parent == parent:
        carried.append(above)
        number, parent = number + 1, above.entry.digest
    return Estate(head, tuple(carried))


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
            and (move.head is None or self.proves(Tag.AGREEMENT_COMMIT, move.head))
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
    return NewView.signed(group.genesis, group.configuration.epoch, view, moves)
