"""A disk in memory: what one write gives it, it keeps as a whole. A crash takes what was not written."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from assay.agreement.group import Configuration
from consensus.durable import (
    Accepted,
    Cast,
    Durable,
    Executed,
    Fixing,
    Installed,
    Jumped,
    Moved,
    Past,
    Restored,
    Spoke,
    Standing,
)
from consensus.judging import LINGER
from consensus.messages import Body, NewView, Record, ViewChange


class Disk:
    """A `Storage`."""

    def __init__(self) -> None:
        self._records: dict[int, Record] = {}  # of a member that has jumped not all
        self._standing: Standing | None = None
        self._past: list[Past] = []
        self._decided: set[bytes] = set()
        self._spoken: list[Spoke] = []
        self._fixed: list[Fixing] = []
        self._bodies: dict[bytes, Body] = {}
        self._votes: list[Cast] = []
        self._moved: ViewChange | None = None
        self._installed: NewView | None = None

    def write(self, what: list[Durable]) -> None:
        for each in what:
            match each:
                case Spoke():
                    self._spoken.append(each)
                case Accepted():
                    self._bodies.setdefault(each.body.entry, each.body)
                case Cast():
                    self._votes.append(each)
                case Moved():
                    self._moved = each.change
                case Installed():
                    self._installed = each.new_view
                case Executed(record, standing):
                    self._execute(record)
                    self._standing = standing
                case Jumped(records, standing):
                    self._records.clear()
                    for record in records:
                        self._execute(record)
                    self._standing = standing
        if any(isinstance(each, Executed | Jumped) for each in what):
            self._tidy()

    def _execute(self, record: Record) -> None:
        self._records[record.entry.number] = record
        self._decided.update(each.request for each in record.ended)
        number = record.entry.number
        self._fixed.extend(Fixing(number, each.deadline + LINGER, each) for each in record.fixed)
        self._past.extend(
            Past(ended.request, asked.client, asked.id, record.entry.number, i, asked.deadline + LINGER)
            for i, (asked, ended) in enumerate(zip(record.asked, record.ended, strict=True))
        )

    def _tidy(self) -> None:
        last = self.entries
        self._spoken = [
            each
            for each in self._spoken
            if any(result.request not in self._decided for result in each.signed.results)
        ]
        self._bodies = {entry: body for entry, body in self._bodies.items() if body.number > last}
        self._votes = [each for each in self._votes if each.vote.number > last]

    def enter(self, _: Configuration) -> None:
        """A new epoch: what was said in the one before binds nobody in it."""
        self._bodies, self._votes, self._spoken = {}, [], []
        self._moved = self._installed = None

    def restore(self) -> Restored:
        time = self._standing.time if self._standing else 0
        past = [each for each in self._past if each.lapse >= time]
        bodies = sorted(self._bodies.values(), key=lambda body: (body.number, body.entry))
        votes = sorted(self._votes, key=lambda each: each.vote.view)
        last = self._records.get(self.entries)
        head, ending = (last.head, last.successor) if last else (None, None)
        spoken = [each.signed for each in self._spoken]
        secrets = [result for each in self._spoken for result in each.secrets]
        fixed = [each for each in self._fixed if each.words.request not in self._decided and each.lapse >= time]
        restored = Restored(
            self._standing, past, spoken, bodies, votes, head, ending, self._moved, self._installed
        )
        restored.secrets, restored.fixed = secrets, fixed
        return restored

    def records(self, first: int, most: int) -> list[Record]:
        kept = (number for number in sorted(self._records) if number >= first)
        return [self._records[number] for number in islice(kept, most)]

    def last(self) -> tuple[Record, Standing] | None:
        return None if self._standing is None else (self._records[self.entries], self._standing)

    @property
    def entries(self) -> int:
        return 0 if self._standing is None else self._standing.entries

    def pending(self, over: Callable[[bytes], bool]) -> int:
        """How much waits to be decided: votes in the present view, and results for requests that are not over.

        What was prepared in an earlier view and not taken over stays until another entry has its number.
        """
        waiting = [
            each for each in self._spoken if not all(over(result.request) for result in each.signed.results)
        ]
        view = 0 if self._installed is None else self._installed.view
        voting = self._moved is None or self._moved.move.view <= view
        return len(waiting) + sum(voting and each.vote.view == view for each in self._votes)
