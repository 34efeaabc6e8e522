"""A disk in memory: what one write gives it, it keeps as a whole. A crash takes what was not written."""

from __future__ import annotations

from collections.abc import Callable

from consensus.durable import Accepted, Cast, Durable, Executed, Past, Restored, Spoke, Standing
from consensus.judging import LINGER
from consensus.messages import Exec, Record, Vote


class Disk:
    """A `Storage`."""

    def __init__(self) -> None:
        self.records_kept: list[Record] = []
        self._standing: Standing | None = None
        self._past: list[Past] = []
        self._decided: set[bytes] = set()
        self._spoken: list[Exec] = []
        self._accepted: list[Accepted] = []
        self._votes: list[Vote] = []

    def write(self, what: list[Durable]) -> None:
        for each in what:
            match each:
                case Spoke():
                    self._spoken.append(each.signed)
                case Accepted():
                    self._accepted.append(each)
                case Cast():
                    self._votes.append(each.vote)
                case Executed():
                    self._execute(each)
        if any(isinstance(each, Executed) for each in what):
            self._tidy()

    def _execute(self, executed: Executed) -> None:
        record = executed.record
        self.records_kept.append(record)
        self._standing = executed.standing
        self._decided.update(each.request for each in record.ended)
        self._past.extend(
            Past(ended.request, asked.client, asked.id, record.entry.number, i, asked.deadline + LINGER)
            for i, (asked, ended) in enumerate(zip(record.asked, record.ended, strict=True))
        )

    def _tidy(self) -> None:
        last = len(self.records_kept)
        self._spoken = [
            each for each in self._spoken if any(result.request not in self._decided for result in each.results)
        ]
        self._accepted = [each for each in self._accepted if each.propose.number > last]
        self._votes = [each for each in self._votes if each.number > last]

    def restore(self) -> Restored:
        time = self._standing.time if self._standing else 0
        past = [each for each in self._past if each.lapse >= time]
        return Restored(self._standing, past, list(self._spoken), list(self._accepted), list(self._votes))

    def records(self, first: int, most: int) -> list[Record]:
        return self.records_kept[max(first, 1) - 1 :][:most]

    def pending(self, over: Callable[[bytes], bool]) -> int:
        """How much waits to be decided: proposals, votes, and results for requests that are not over."""
        waiting = [each for each in self._spoken if not all(over(result.request) for result in each.results)]
        return len(waiting) + len(self._accepted) + len(self._votes)
