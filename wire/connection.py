"""The asking side of one connection: many requests at once, each answered in its own time.

A request waits for a free place among those in flight, then for the peer to read, then for its answer, all
within its deadline. One that nobody waits for any more keeps its place until the peer has answered it, because
the peer still counts it. While answers are due and nothing comes, a beat asks the peer for a sign of life; a
peer that is frozen is given up although its machine still holds the connection open.
"""

from __future__ import annotations

import asyncio
import itertools

import msgspec

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from wire.channel import Channel
from wire.deadline import left
from wire.failures import to_error
from wire.messages import Answer, Failure, Health, Limits, Request

BEAT = 2.0  # seconds between looks at whether the peer is alive
BEATS = 4  # that may pass in silence

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Answer)


class Connection:
    """A channel whose peer is known. Ends for good: whoever wants to go on makes another."""

    def __init__(self, channel: Channel, limits: Limits, beat: float = BEAT) -> None:
        self._channel = channel
        self._limits = limits
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer] | None] = {}  # None: nobody waits for it any more
        self._places = asyncio.Semaphore(limits.in_flight - 1)  # and one for the beat
        self._beat = 0  # the id of an unanswered beat
        channel.start(limits.frame, self._answered, self._ended)
        self._heart = asyncio.create_task(self._watch(beat))

    @property
    def alive(self) -> bool:
        return self._channel.problem is None

    async def request(self, message: Request, deadline: int) -> Answer:
        """The peer's answer to `message` (whose id is chosen here), not a Failure; `deadline` in Unix ms.

        Raises what the peer answered (`wire.failures`), DeadlineExceeded, or Unavailable when the connection
        ends first, in which case the peer may or may not have carried it out.
        """
        try:
            async with asyncio.timeout(left(deadline)):
                answer = await self._ask(message)
        except TimeoutError:
            raise DeadlineExceeded("no answer before the deadline") from None
        if isinstance(answer, Failure):
            raise to_error(answer)
        return answer

    async def close(self) -> None:
        """Ends the connection; requests still waiting raise Unavailable."""
        self._heart.cancel()
        await asyncio.gather(self._heart, return_exceptions=True)
        await self._channel.close()

    async def _ask(self, message: Request) -> Answer:
        await self._places.acquire()
        number = next(self._ids)
        try:
            await self._channel.writable()
            self._require_alive()
            payload = self._encoded(message, number)
        except BaseException:
            self._places.release()
            raise
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._channel.send(payload)
        try:
            return await future
        finally:
            if number in self._waiting:  # cancelled or too late: the peer will answer all the same
                self._waiting[number] = None

    def _encoded(self, message: Request, number: int) -> bytes:
        payload = _encoder.encode(msgspec.structs.replace(message, id=number))
        if len(payload) > self._limits.frame:
            raise Refused(
                "request is larger than the node takes",
                code="too-large",
                expected=f"at most {self._limits.frame} bytes",
                got=f"{len(payload)} bytes",
            )
        return payload

    def _require_alive(self) -> None:
        if self._channel.problem is not None:
            raise _lost(self._channel.problem)

    def _answered(self, payload: bytes) -> None:
        try:
            answer = _decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused("not an answer", code="invalid-message", got=str(error)) from error
        if answer.id == self._beat:
            self._beat = 0
            return
        if answer.id not in self._waiting:
            raise Refused("answer to nothing that was asked", code="invalid-message", got=f"id {answer.id}")
        future = self._waiting.pop(answer.id)
        self._places.release()
        if future is not None and not future.done():
            future.set_result(answer)

    def _ended(self, problem: AssayError) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            self._places.release()
            if future is not None and not future.done():
                future.set_exception(_lost(problem))
        # whoever waits for a place finds out too, one waking the next
        self._places.release()

    async def _watch(self, beat: float) -> None:
        missed, received = 0, self._channel.received
        while self.alive:
            await asyncio.sleep(beat)
            quiet = self._channel.received == received
            missed = missed + 1 if quiet and self._waiting else 0
            received = self._channel.received
            if missed >= BEATS:
                self._channel.drop(Unavailable("the peer is silent", code="silent"))
            elif missed and not self._beat:
                self._beat = next(self._ids)
                self._channel.send(_encoder.encode(Health(id=self._beat)))


def _lost(problem: AssayError) -> Unavailable:
    """A fresh error for each waiter: an exception raised in several tasks would share its traceback."""
    return Unavailable(f"the connection ended: {problem.detail}", code="connection-lost", hint=problem.hint)
