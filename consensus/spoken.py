"""What must not be said: a second word on a request by one model, any word on a request that is decided.

Belongs to the log's storage, which asks it before each write, and makes it anew from what is on the disk when it
is opened or when a write has failed. A row for each result would refuse the same at ten times the cost.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.errors import Refused
from consensus.durable import Past
from consensus.messages import Exec, Result


@dataclass
class _Batch:
    """Own results, some of them about requests that have not been decided."""

    results: tuple[Result, ...]  # those that had not been when this was made
    keep: int  # the last entry time at which an entry may name one of them
    open: int  # how many of them have not been decided yet
    entries: set[int]  # that have decided the others


class Spoken:
    """Bounded by the horizon: what is decided or lapses is forgotten."""

    def __init__(self) -> None:
        self._batches: dict[int, _Batch] = {}  # by number, oldest first
        self._said: dict[bytes, list[tuple[int, Result]]] = {}  # by request, with the batches' numbers
        self._over: dict[bytes, int] = {}  # requests that have been decided, and in which entry
        self._lapses: list[tuple[int, int]] = []  # (lapse, entry), a heap
        self._decided: dict[int, tuple[bytes, ...]] = {}  # by entry
        self._lapsed: list[int] = []  # entries without which a batch would seem to be open as a whole

    def recall(self, number: int, keep: int, batch: Exec) -> None:
        """A batch that was written before; what has been decided is to be recalled first."""
        over = {self._over[each.request] for each in batch.results if each.request in self._over}
        self._add(number, keep, [each for each in batch.results if each.request not in self._over], over)

    def say(self, keep: int, batch: Exec) -> int | None:
        """The number of a batch to be written; None if all in it was said before.

        Raises Refused (`contradiction`) for another word on a request by the same model than was said before, and
        for a word on what is decided.
        """
        fresh = False
        for result in batch.results:
            if result.request in self._over:
                raise _contradiction("a result for a request that is decided", result)
            before = [each for _, each in self._said.get(result.request, ()) if each.model == result.model]
            if any(result.contradicts(each) for each in before):
                raise _contradiction("a second result for one request by one model", result)
            fresh = fresh or result not in before
        if not fresh:
            return None
        number = next(reversed(self._batches), 0) + 1
        self._add(number, keep, batch.results, set())
        return number

    def decide(self, entry: int, past: Iterable[Past]) -> list[int]:
        """The numbers of batches of which all is decided with this entry; none where that is known."""
        if entry in self._decided:
            return []
        settled, lapse, requests = [], 0, []
        for each in past:
            requests.append(each.request)
            lapse = max(lapse, each.lapse)
            for number, _ in self._said.pop(each.request, ()):
                batch = self._batches[number]
                batch.open -= 1
                batch.entries.add(entry)
                if not batch.open:
                    settled.append(number)
                    del self._batches[number]
        if requests:
            self._over.update(dict.fromkeys(requests, entry))
            self._decided[entry] = tuple(requests)
            heapq.heappush(self._lapses, (lapse, entry))
        return settled

    def lapse(self, time: int) -> tuple[list[int], list[int]]:
        """Forgets what no entry from that time on can name: the numbers of batches, and of entries whose requests
        nobody can decide again and no batch has left open.
        """
        batches = []
        while self._batches and (oldest := next(iter(self._batches.items())))[1].keep < time:
            batches.append(oldest[0])
            self._forget(*oldest)
        while self._lapses and self._lapses[0][0] < time:
            _, entry = heapq.heappop(self._lapses)
            self._lapsed.append(entry)
        if not self._lapsed:
            return batches, []
        needed = {entry for batch in self._batches.values() for entry in batch.entries}
        entries = [entry for entry in self._lapsed if entry not in needed]
        self._lapsed = [entry for entry in self._lapsed if entry in needed]
        for entry in entries:
            for request in self._decided.pop(entry):
                self._over.pop(request, None)
        return batches, entries

    def _add(self, number: int, keep: int, results: Sequence[Result], entries: set[int]) -> None:
        self._batches[number] = _Batch(tuple(results), keep, len(results), entries)
        for result in results:
            self._said.setdefault(result.request, []).append((number, result))

    def _forget(self, number: int, batch: _Batch) -> None:
        del self._batches[number]
        for result in batch.results:
            left = [each for each in self._said.get(result.request, ()) if each[0] != number]
            if left:
                self._said[result.request] = left
            else:
                self._said.pop(result.request, None)


def _contradiction(what: str, result: Result) -> Refused:
    got = f"request {result.request.hex()}, model {result.model.hex()}"
    return Refused(
        "it would contradict what is on the disk", code="contradiction", expected=f"not {what}", got=got
    )
