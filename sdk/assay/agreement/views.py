"""Views: what a member says when it leaves one, and what the next one takes over. Pure, so that all find the same.

Of 2f + 1 members' moves the furthest executed entry is where a view begins; on top of that, number after number,
the entry with the newest prepares, as far as each follows from the one before. Whatever may have been committed in
an earlier view is among them (docs/agreement-protocol.md, "Across views").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import msgspec

from assay import cbor
from assay.agreement.entry import Ballot, Entry
from assay.agreement.group import SIZES, Signed
from assay.digest import Tag, digest
from assay.fields import Index, Number, Signature, plain
from assay.model import Digest

MAX_LOCKS = 64  # entries that a member may have committed to and not executed

Place = Annotated[int, msgspec.Meta(ge=0, lt=SIZES[-1])]  # a member's, in the configuration
View = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class Quorum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry with the members' signatures, of one kind and from one view, that prove something of it."""

    entry: Entry
    view: Number
    installed: Digest
    signatures: Annotated[tuple[Signed, ...], msgspec.Meta(max_length=SIZES[-1])]

    @property
    def ballot(self) -> Ballot:
        entry = self.entry
        return Ballot(entry.group, entry.epoch, self.view, self.installed, entry.number, entry.digest)


Locks = Annotated[tuple[Quorum, ...], msgspec.Meta(max_length=MAX_LOCKS)]


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a member votes in no view below this one any more, and what the next must take over from it.

    `head`: the last entry that it has executed, with the commits. `locks`: what it has committed to beyond that,
    each with the newest prepares.
    """

    group: Digest
    epoch: Index
    member: Place
    view: View
    head: Quorum | None
    locks: Locks

    @property
    def digest(self) -> bytes:
        return digest(Tag.AGREEMENT_VIEW_CHANGE, cbor.encode(plain(self)))

    def answers_for(self, number: int, view: int) -> bool:
        """Whether it says what became of a commitment at that number in that view."""
        if self.head is not None and self.head.entry.number >= number:
            return True
        return any(lock.entry.number == number and lock.view >= view for lock in self.locks)


class SignedMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A move as its member sends it."""

    move: Move
    signature: Signature


def beginning(group: bytes, epoch: int, view: int, moves: Sequence[bytes]) -> bytes:
    """What a view's leader signs under Tag.AGREEMENT_NEW_VIEW, and what stands in the view's ballots: 32 bytes."""
    content: dict[str, cbor.Value] = {"group": group, "epoch": epoch, "view": view, "moves": list(moves)}
    return digest(Tag.AGREEMENT_NEW_VIEW, cbor.encode(content))


class Estate(NamedTuple):
    """`head`: the entry on which a view builds, None where nothing has been executed. `carried`: the entries that
    it must decide again, in their order, each with its newest prepares.
    """

    head: Quorum | None
    carried: tuple[Quorum, ...]


def estate(genesis: bytes, moves: Iterable[Move]) -> Estate:
    """What the views before leave to the one that begins with these moves."""
    every = list(moves)
    heads = [move.head for move in every if move.head is not None]
    head = max(heads, key=lambda each: each.entry.number, default=None)
    newest: dict[int, Quorum] = {}
    for lock in (lock for move in every for lock in move.locks):
        before = newest.get(lock.entry.number)
        if before is None or lock.view > before.view:
            newest[lock.entry.number] = lock
    number, parent = (head.entry.number, head.entry.digest) if head is not None else (0, genesis)
    found = []
    while (above := newest.get(number + 1)) is not None and above.entry.parent == parent:
        found.append(above)
        number, parent = number + 1, above.entry.digest
    return Estate(head, tuple(found))


def carried(genesis: bytes, moves: Iterable[Move]) -> dict[int, bytes]:
    """What such a view must decide again: entries' digests, by number."""
    return {each.entry.number: each.entry.digest for each in estate(genesis, moves).carried}
