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

    results: tuple[Result, ...]
    keep: int  # the last entry time at which an entry may name one of them
    open: int = 0  # of those that were first said here, how many may still be decided


class Spoken:
    """Bounded by the horizon: what is decided or lapses is forgotten."""

    def __init__(self) -> None:
        self._batches: dict[int, _Batch] = {}  # by number, oldest first
        self._said: dict[bytes, list[tuple[int, Result]]] = {}  # by request: the batch in which it was first said
        self._over: set[bytes] = set()  # requests that have been decided
        self._lapses: list[tuple[int, int]] = []  # (lapse, entry), a heap
        self._decided: dict[int, tuple[bytes, ...]] = {}  # by entry

    def recall(self, number: int, keep: int, batch: Exec) -> None:
        """A batch that was written before; what has been decided is to be recalled first."""
        self._add(number, keep, [each for each in batch.results if each.request not in self._over])

    def say(self, keep: int, batch: Exec) -> int | None:
        """The number of a batch to be written; None if all in it was said before.

        Raises Refused (`contradiction`) for another word on a request by the same model than was said before, and
        for a word on what is decided.
        """
        number = next(reversed(self._batches), 0) + 1
        for result in batch.results:
            if result.request in self._over:
                raise _contradiction("a result for a request that is decided", result)
            for _, before in self._said.get(result.request, ()):
                if before.model == result.model and before.said != result.said:
                    raise _contradiction("a second result for one request by one model", result)
        return number if self._add(number, keep, batch.results) else None

    def decide(self, entry: int, past: Iterable[Past]) -> list[int]:
        """The numbers of batches of which all is decided with this entry."""
        settled, lapse, requests = [], 0, []
        for each in past:
            requests.append(each.request)
            lapse = max(lapse, each.lapse)
            for number, _ in self._said.pop(each.request, ()):
                batch = self._batches[number]
                batch.open -= 1
                if not batch.open:
                    settled.append(number)
                    del self._batches[number]
        if requests:
            self._over.update(requests)
            self._decided[entry] = tuple(requests)
            heapq.heappush(self._lapses, (lapse, entry))
        return settled

    def lapse(self, time: int) -> tuple[list[int], list[int]]:
        """Forgets what no entry from that time on can name: the numbers of batches, and of entries whose requests
        nobody can decide again.
        """
        batches, entries = [], []
        while self._batches and (oldest := next(iter(self._batches.items())))[1].keep < time:
            batches.append(oldest[0])
            self._forget(*oldest)
        while self._lapses and self._lapses[0][0] < time:
            _, entry = heapq.heappop(self._lapses)
            entries.append(entry)
            self._over.difference_update(self._decided.pop(entry))
        return batches, entries

    def _add(self, number: int, keep: int, results: Sequence[Result]) -> bool:
        """Whether anything in it is new."""
        batch = _Batch(tuple(results), keep)
        for result in results:
            said = self._said.setdefault(result.request, [])
            if all(before.model != result.model for _, before in said):
                said.append((number, result))
                batch.open += 1
        if batch.open:
            self._batches[number] = batch
        return bool(batch.open)

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
