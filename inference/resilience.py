"""Trying again and giving up: back-off with jitter, and a circuit breaker.

The breaker is a value: every event gives the next one, and time is an argument. It does no I/O and knows nothing
of what it guards. Only idempotent calls may be retried; saying so is the caller's business.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from assay.errors import Unavailable

T = TypeVar("T")
Clock = Callable[[], float]  # seconds, monotonic
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Backoff:
    """After attempt n (from 0) wait a time drawn evenly from 0 … min(cap, base · 2ⁿ) seconds: "full jitter"."""

    attempts: int = 4
    base: float = 0.05
    cap: float = 1.0

    def wait(self, attempt: int, rng: random.Random) -> float:
        return rng.uniform(0.0, min(self.cap, self.base * 2.0**attempt))


async def retrying(
    call: Callable[[], Awaitable[T]],
    retryable: Callable[[Unavailable], bool],
    *,
    deadline: float,
    policy: Backoff,
    clock: Clock,
    rng: random.Random,
    sleep: Sleep = asyncio.sleep,
) -> T:
    """The first success of `call`. Raises its last error once neither attempts nor time are left for another."""
    attempt = 0
    while True:
        try:
            return await call()
        except Unavailable as error:
            wait = policy.wait(attempt, rng)
            attempt += 1
            if attempt >= policy.attempts or not retryable(error) or clock() + wait >= deadline:
                raise
        await sleep(wait)


@dataclass(frozen=True)
class Breaker:
    """Closed: calls go through. Open: they are refused until `until`. Half-open: one call probes.

        closed ── `threshold` failures in a row ──▶ open ── `rest` seconds ──▶ half-open
           ▲                                         ▲                            │
           └───────────── the probe succeeds ────────┼──── the probe fails ───────┘

    Every admitted call reports once, with the `ticket` it was admitted with; a report from before the last
    change of state says nothing about the present and is ignored.
    """

    threshold: int = 5
    rest: float = 1.0
    state: Literal["closed", "open", "half-open"] = "closed"
    failures: int = 0
    until: float = 0.0
    ticket: int = 0

    def admit(self, now: float) -> tuple[Breaker, bool]:
        """The breaker after a call asked to go through, and whether it may."""
        if self.state == "closed":
            return self, True
        if self.state == "open" and now >= self.until:
            return replace(self, state="half-open", ticket=self.ticket + 1), True
        return self, False

    def succeeded(self, ticket: int) -> Breaker:
        unchanged = self.state == "closed" and not self.failures
        if unchanged or ticket != self.ticket or self.state == "open":
            return self
        return replace(self, state="closed", failures=0, ticket=ticket + (self.state == "half-open"))

    def failed(self, ticket: int, now: float) -> Breaker:
        if ticket != self.ticket or self.state == "open":
            return self
        if self.state == "closed" and self.failures + 1 < self.threshold:
            return replace(self, failures=self.failures + 1)
        return replace(self, state="open", failures=0, until=now + self.rest, ticket=ticket + 1)

    def abandoned(self, ticket: int, now: float) -> Breaker:
        """A call ended without telling anything (cancelled, or its time was too short): let another one probe."""
        if ticket != self.ticket or self.state != "half-open":
            return self
        return replace(self, state="open", until=now, ticket=ticket + 1)
