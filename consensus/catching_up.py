"""A member that is behind catches up: entry by entry, or, where those are not kept any more, by a jump.

Nothing is believed for who sends it. An entry carries the commits of a quorum, and covers what members answer with
after it; those before it are named by their digests, one by the next. Whoever has the last one, and as many before
it as hold ids that may not be decided again, has the whole state.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import msgspec

from assay.digest import Tag
from assay.errors import Refused
from consensus.covering import content_digest, following
from consensus.durable import Jumped, Standing
from consensus.judging import root_of, served_after
from consensus.messages import Jump, Older, Record, Records
from consensus.ordering import Ordering
from consensus.serving import Serving
from consensus.state import State
from consensus.succeeding import is_agreed
from consensus.succession import Moves
from consensus.telling import voting

AGAIN = 1_000  # ms after which somebody else is asked for what has not come


@dataclass
class Transfer:
    """A jump for which the entries before it are being fetched."""

    standing: Standing  # where it leads
    records: list[Record]  # the last entry, then those before it, one after the other
    members: deque[int]  # to be asked for more, in their turns
    due: int = 0  # when the next one is
    extended: int = 0  # when something came

    @property
    def next(self) -> Record:
        """The earliest that is here."""
        return self.records[-1]


class CatchingUp:
    """Reads and fills `state`."""

    def __init__(self, state: State, ordering: Ordering) -> None:
        self._state = state
        self._ordering = ordering
        self._moves = Moves(state.group, state.seal)
        self._transfer: Transfer | None = None

    @property
    def due(self) -> int | None:
        return None if self._transfer is None else self._transfer.due

    def records(self, sender: int, message: Records) -> None:
        """As far as it goes; there may be more where these came from."""
        before = self._state.standing.entries
        for record in message.records:
            self._execute(record)
        if self._state.standing.entries > before:
            self._state.out.send.append((sender, self._state.status))
        for record in reversed(message.records):
            self._extend(record)

    def jump(self, sender: int, message: Jump) -> None:
        """The last entry of a member whose log no longer has what comes next here."""
        state, record = self._state, message.record
        far = record.entry.number > state.standing.entries + state.arrived
        if self._is_under_way() or not far or not self._is_proved(record):
            return
        if _is_whole(record, message.serving) and self._is_true(record, message.serving):
            standing = _standing(record, message.serving)
            others = (member for member in range(state.n) if member not in (sender, state.me))
            self._transfer = Transfer(standing, [record], deque([sender, *others]), extended=state.now)
            self._go_on()

    def on_time(self) -> None:
        transfer = self._transfer
        if transfer is not None and self._state.now >= transfer.due:
            transfer.members.rotate(-1)
            self._ask()

    # --- entry by entry -----------------------------------------------------------------------------------

    def _execute(self, record: Record) -> None:
        """Takes in the next entry, for the signatures that prove it."""
        state, entry = self._state, record.entry
        follows = (entry.number, entry.parent) == (state.standing.entries + 1, state.standing.last)
        if not follows or not self._is_proved(record):
            return
        try:
            serving = served_after(state.group.configuration, state.standing, record.updates, entry.time)
        except Refused:
            return
        successor = record.successor
        agreed = successor is None or is_agreed(state.group, successor, state.seal)
        if agreed and _is_whole(record, serving):
            models = voting(state.group.configuration, state.standing, record)  # whatever its sender says
            standing = _standing(record, serving)
            self._ordering.execute(msgspec.structs.replace(record, models=models), record.leaves, standing)

    def _is_proved(self, record: Record) -> bool:
        """By the commits of this epoch's members; the last entry of the one before by what began this one."""
        base = not self._state.arrived and record.entry.digest == self._state.group.base
        return base or self._moves.proves(Tag.AGREEMENT_COMMIT, record.head)

    # --- by a jump ----------------------------------------------------------------------------------------

    def _extend(self, record: Record) -> None:
        """Takes in the entry before the earliest that is here, for the digest by which that names it."""
        transfer = self._transfer
        if transfer is None or record.entry.digest != transfer.next.entry.parent:
            return
        if _has_its_outcomes(record):
            transfer.records.append(record)
            transfer.extended = self._state.now
            self._go_on()

    def _is_under_way(self) -> bool:
        """Whether there is a jump that still goes on: one that nobody can help to its end gives way to another."""
        transfer = self._transfer
        return transfer is not None and self._state.now < transfer.extended + len(transfer.members) * AGAIN

    def _is_true(self, record: Record, serving: tuple[Serving, ...]) -> bool:
        """Whether there are models for all members of the record's epoch, those that their commitments name."""
        group = self._state.group
        ours = record.entry.epoch == group.configuration.epoch
        members = (group.configuration if ours or group.before is None else group.before).members
        models = [(each.commitment, each.model) for each in serving]
        models += [(old.commitment, old.model) for each in serving for old in each.retired]
        return len(serving) == len(members) and all(model.commitment == digest for digest, model in models)

    def _go_on(self) -> None:
        """Asks for more, or jumps once all is here that may still matter."""
        state, transfer = self._state, self._transfer
        assert transfer is not None, "there is a jump under way"
        entry = transfer.next.entry
        if transfer.standing.entries <= state.standing.entries + state.arrived:
            self._transfer = None  # it has caught up otherwise
        elif entry.number == 1 or entry.time < transfer.standing.time - state.group.counting(entry.epoch):
            self._transfer = None
            self._ordering.jump(Jumped(tuple(reversed(transfer.records)), transfer.standing))
        else:
            self._ask()

    def _ask(self) -> None:
        transfer = self._transfer
        assert transfer is not None, "there is a jump under way"
        transfer.due = self._state.now + AGAIN
        self._state.out.send.append((transfer.members[0], Older(transfer.next.entry.number)))


def _is_whole(record: Record, serving: tuple[Serving, ...]) -> bool:
    """Whether a record holds what its entry covers."""
    content = content_digest(record.reports, record.updates, serving, following(record.successor))
    return record.entry.content == content and _has_its_outcomes(record)


def _has_its_outcomes(record: Record) -> bool:
    leaves = record.leaves
    return (
        (record.entry.count, record.entry.root) == (len(leaves), root_of(leaves))
        and len(record.asked) == len(record.ended)
        and all(each.request == asked.digest for each, asked in zip(record.ended, record.asked, strict=True))
    )


def _standing(record: Record, serving: tuple[Serving, ...]) -> Standing:
    entry = record.entry
    return Standing(entry.number, entry.digest, entry.time, serving, entry.epoch, following(record.successor))
