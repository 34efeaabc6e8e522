"""A client that keeps asking a group, and remembers what became of each request, and when."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np

from assay.agreement.evidence import AgreementEvidence
from assay.errors import AssayError
from assay.ids import uuid7
from assay.tensor import Tensor
from consensus.client import GroupClient
from consensus.messages import Payload
from stack.members.plan import LABELS
from wire.deadline import in_seconds

AMPLE = 90.0  # seconds of a deadline that is not meant to pass
CALLERS = 4
BATCH = 4  # requests of a caller at a time
PAUSE = 0.05  # seconds of a caller between answers and its next requests


@dataclass
class Asked:
    """A request; `evidence` once the group has decided, `problem` where it has not."""

    id: bytes
    number: int
    deadline: int  # Unix ms
    hasty: bool  # its deadline may pass
    begun: float  # seconds of this machine's steady clock
    ended: float = 0.0
    evidence: AgreementEvidence | None = None
    problem: AssayError | None = None


@dataclass
class Load:
    """Asks the group of `n` members from `start` to `stop`."""

    client: GroupClient
    n: int
    asked: list[Asked] = field(default_factory=list)
    answered: int = 0
    ahead: int = 0  # ms by which the members' clocks are
    _numbers: int = 0
    _callers: list[asyncio.Task[None]] = field(default_factory=list)
    _over: bool = False

    def start(self, callers: int = CALLERS) -> None:
        self._over = False
        self._callers += [asyncio.create_task(self._call()) for _ in range(callers)]

    @property
    def running(self) -> bool:
        return bool(self._callers)

    async def stop(self) -> None:
        """What was asked is waited for."""
        self._over = True
        callers, self._callers = self._callers, []
        await asyncio.gather(*callers)

    async def more(self, count: int, seconds: float = 30.0) -> float:
        """Waits for so many more answers; how many seconds the first took. Raises TimeoutError."""
        wanted, begun, first = self.answered + count, time.monotonic(), 0.0
        before = self.answered
        try:
            async with asyncio.timeout(seconds):
                while self.answered < wanted:
                    await asyncio.sleep(0.01)
                    if not first and self.answered > before:
                        first = time.monotonic() - begun
        except TimeoutError:
            got = self.answered + count - wanted
            raise TimeoutError(f"only {got} of {count} answers within {seconds:g} s") from None
        return first

    async def ask(self, seconds: float = AMPLE) -> Asked:
        """One request. Raises nothing that the group is to blame for."""
        self._numbers += 1
        hasty = seconds < AMPLE
        asked = Asked(uuid7().bytes, self._numbers, in_seconds(seconds) + self.ahead, hasty, time.monotonic())
        self.asked.append(asked)
        tensor = Tensor.of("image", np.full((1, 4), asked.number, "f4"))
        payload = Payload(asked.number.to_bytes(32, "big"), (tensor,))
        try:
            answer = await self.client.ask(asked.id, payload, rows=1, deadline=asked.deadline)
        except AssayError as error:
            asked.problem = error
        else:
            asked.evidence = answer.evidence
            self.answered += 1
        asked.ended = time.monotonic()
        return asked

    async def _call(self) -> None:
        while not self._over:
            await asyncio.gather(*(self.ask() for _ in range(BATCH)))
            await asyncio.sleep(PAUSE)


def wrong(asked: Asked) -> str:
    """What is not as the honest say; empty where all is."""
    assert asked.evidence is not None, "it was answered"
    tally, expected = asked.evidence.tally, asked.number % len(LABELS)
    if tally.outcome != "certified" or [each.value for each in tally.decisions] != [expected]:
        return f"expected {expected}, got {tally}"
    return ""
