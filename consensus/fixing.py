"""Copy-resistant groups: a request is ordered twice, first the seals on members' words, then what they open.

Pure, as all of `consensus.judging`: what is fixed of a request follows from the log alone, alike on every member.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.agreement.entry import Asked, Ended
from assay.agreement.group import Configuration
from assay.agreement.sealing import Author, Fixed, Sealed
from assay.agreement.votes import Outcome, Said, count
from consensus.durable import Fixing
from consensus.messages import Result
from consensus.serving import Serving
from consensus.words import ABSENT, WITHHELD, opened, sealed

ByMember = Mapping[int, Mapping[bytes, Sequence[Result]]]  # then by request


class Fixings:
    """What is fixed of requests that have not been decided."""

    def __init__(self) -> None:
        self._by_request: dict[bytes, Fixing] = {}
        self._of_id: dict[tuple[bytes, bytes], bytes] = {}
        self._lapses: list[tuple[int, bytes]] = []  # a heap

    def __len__(self) -> int:
        return len(self._by_request)

    def __iter__(self) -> Iterator[Fixing]:
        return iter(self._by_request.values())

    def add(self, fixing: Fixing) -> None:
        words = fixing.words
        self._by_request[words.request] = fixing
        self._of_id[words.client, words.id] = words.request
        heapq.heappush(self._lapses, (fixing.lapse, words.request))

    def get(self, request: bytes) -> Fixing | None:
        return self._by_request.get(request)

    def number(self, request: bytes) -> int:
        """Of the entry that has fixed the words on it; 0 where none has."""
        fixing = self._by_request.get(request)
        return 0 if fixing is None else fixing.number

    def of(self, asked: Asked) -> bytes | None:
        """The request with this id of this client on which words are fixed."""
        return self._of_id.get((asked.client, asked.id))

    def settle(self, request: bytes) -> None:
        """It is decided."""
        fixing = self._by_request.pop(request, None)
        if fixing is not None:
            del self._of_id[fixing.words.client, fixing.words.id]

    def lapse(self, time: int) -> None:
        """Nobody decides on it any more at that entry time."""
        while self._lapses and self._lapses[0][0] < time:
            self.settle(heapq.heappop(self._lapses)[1])


@dataclass(frozen=True)
class Sealing:
    """What an entry of a copy-resistant group rests on: the results that its reports name, at its time."""

    genesis: bytes
    configuration: Configuration
    serving: tuple[Serving, ...]
    results: ByMember
    time: int

    def fix(self, requests: Mapping[bytes, Asked]) -> tuple[tuple[Fixed, ...], list[bytes]]:
        """What members have committed to; and the requests of which too few have."""
        fixed, early = [], []
        for digest, asked in requests.items():
            words = tuple(
                [
                    sealed(serving, self._of(member, digest), self.time) or ABSENT
                    for member, serving in enumerate(self.serving)
                ]
            )
            if sum(isinstance(word, Sealed) for word in words) < self.configuration.quorum:
                early.append(digest)
            fixed.append(Fixed(digest, asked.client, asked.id, asked.deadline, words))
        return tuple(fixed), early

    def outcomes(
        self, requests: Mapping[bytes, Asked], fixed: Mapping[bytes, Fixed]
    ) -> tuple[tuple[Ended, ...], list[bytes]]:
        """What the opened words come to; and the requests that would fail too early: more may still be shown.

        A request of which nothing is fixed can only fail, past its deadline.
        """
        ended, early = [], []
        for digest, asked in requests.items():
            words: list[Said] = [ABSENT] * self.configuration.n
            if digest in fixed:
                words = [self._shown(member, fixed[digest], asked.rows) for member in range(self.configuration.n)]
            outcome: Outcome = "failed"
            if self.time <= asked.deadline:
                outcome = count(self.configuration, words, asked.rows, asked.least).outcome
                if outcome == "failed" and (digest not in fixed or WITHHELD in words):
                    early.append(digest)
            ended.append(Ended(digest, outcome, tuple(words)))
        return tuple(ended), early

    def _shown(self, member: int, fixed: Fixed, rows: int) -> Said:
        committed = fixed.said[member]
        if not isinstance(committed, Sealed):
            return committed
        author = Author(self.genesis, self.configuration.epoch, member)
        return opened(self.configuration, author, committed, self._of(member, fixed.request), rows) or WITHHELD

    def _of(self, member: int, request: bytes) -> Sequence[Result]:
        return self.results.get(member, {}).get(request, ())
