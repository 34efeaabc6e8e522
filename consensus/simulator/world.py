"""Virtual time: what happens next, chance, and the account of what has happened.

All that a run does follows from its seed. Events at the same millisecond happen in the order in which they were
asked for.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from hashlib import blake2b

LAST = 60  # lines of the account that a failure prints


class Broken(Exception):
    """Something that must hold does not."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


class World:
    """The one clock, the one source of chance, the one queue of a run."""

    def __init__(self, seed: int, tell: Callable[[str], None] | None = None) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # nosec B311 - to be repeated, not to be secret
        self.now = 0  # ms
        self.events = 0
        self.last: deque[str] = deque(maxlen=LAST)
        self._account = blake2b(digest_size=16)
        self._tell = tell
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0

    @property
    def trace(self) -> str:
        """A digest of everything that has been said so far: two runs are the same if theirs are."""
        return self._account.hexdigest()

    def say(self, line: str) -> None:
        line = f"{self.now:>7} {line}"
        self.last.append(line)
        self._account.update(line.encode() + b"\n")
        if self._tell:
            self._tell(line)

    def after(self, delay: int, what: Callable[[], None]) -> None:
        self._asked += 1
        heapq.heappush(self._queue, (self.now + delay, self._asked, what))

    def step(self) -> None:
        """Lets the next event happen."""
        self.now, _, what = heapq.heappop(self._queue)
        self.events += 1
        what()

    def likely(self, probability: float) -> bool:
        """Draws only where there is something to decide."""
        return probability > 0 and self.chance.random() < probability

    def between(self, span: tuple[int, int]) -> int:
        """A whole number, both ends included."""
        low, high = span
        return low + int(self.chance.random() * (high - low + 1)) if low < high else low
