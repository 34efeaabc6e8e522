"""A client of a group on a real machine: asks all members, takes the first answer that proves itself.

What is asked while the last batch is being signed goes into the next one, under one signature. Requests are sent
again to a member whenever it comes within reach, and while they are undecided less and less often. That members
are down is no reason to give up before the deadline: they may come back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

import msgspec

from assay.agreement.entry import Asked
from assay.agreement.group import Epoch
from assay.errors import AssayError, DeadlineExceeded, Refused, TooLarge, Unavailable
from assay.jsonform import pointer_of
from assay.keys import PrivateKey, PublicKey
from assay.model import input_digest
from consensus.asking import Answer, Asking, Sent
from consensus.messages import MAX_BATCH, Batch, Decided, Payload, Refusal, Requests, decode, encode
from wire.deadline import left
from wire.dial import Resolve
from wire.line import Line
from wire.messages import MAX_FRAME

LOOK = 0.25  # seconds between looks at what is to be sent again
BATCH_BYTES = 8 * 1024 * 1024  # of the inputs of one batch, unless a single request has more
BUSY = 1024 * 1024  # bytes that a member has still to read before more is said again
MOST = 16_384  # requests without an answer
MOST_BYTES = 512 * 1024 * 1024  # of their inputs
MOST_OF_ONE = MAX_FRAME - 64 * 1024  # of the inputs of one request: the rest of its frame is small

_log = logging.getLogger(__name__)


class GroupClient:
    """Asks the group that `epochs` begin, as the holder of `identity`. Runs until `close`.

    `resolve` is asked before each connection for the address to connect to.
    """

    def __init__(self, epochs: tuple[Epoch, ...], identity: PrivateKey, *, resolve: Resolve | None = None) -> None:
        self._asking = Asking(epochs, identity)
        self._client = identity.public.raw
        self._bytes = 0
        self._waiting: deque[bytes] = deque()  # not in a batch yet
        self._asks: dict[bytes, _Ask] = {}
        self._closed = False
        self._arrived = asyncio.Event()
        self._lines = [
            Line(
                member.address,
                PublicKey(member.key),
                identity,
                self._asking.group,
                on_frame=partial(self._heard, place),
                on_up=partial(self._reached, place),
                resolve=resolve,
            )
            for place, member in enumerate(self._asking.configuration.members)
        ]
        self._work = [asyncio.create_task(self._send()), asyncio.create_task(self._repeat())]

    @property
    def reached(self) -> int:
        """Members that can be reached now."""
        return sum(line.up for line in self._lines)

    async def ask(
        self,
        request: bytes,
        payload: Payload,
        *,
        rows: int,
        deadline: int,
        least: int = 0,
        until: int | None = None,
    ) -> Answer:
        """What the group has decided on the request of this id (16 bytes), with its proof.

        `deadline`, in Unix ms, is the request's: past it, the group can only decide that it has failed. The caller
        waits for a decision until then, or until `until`. `least` votes are asked for; 0: as many as are needed.

        Raises Refused if it is no request at all or f + 1 members will not take it, DeadlineExceeded if nothing
        was decided in time, Unavailable if too much is being asked already.
        """
        asked = Asked(
            group=self._asking.group,
            client=self._client,
            id=request,
            input=input_digest(payload.salt, payload.inputs),
            rows=rows,
            deadline=deadline,
            least=least,
        )
        name = asked.digest
        ask = self._asks.get(name) or self._take_on(name, asked, payload)
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer] = loop.create_future()
        alarm = loop.call_later(left(deadline if until is None else until), self._late, waiter)
        ask.waiting.append(waiter)
        try:
            return await waiter
        finally:
            alarm.cancel()
            self._leave(name, ask, waiter)

    async def close(self) -> None:
        """Ends at once; who still waits is told."""
        self._closed = True
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        for name in tuple(self._asks):
            self._fail(name, Unavailable("the client was closed", code="closed"))
        await asyncio.gather(*(line.close() for line in self._lines))

    # --- asking -------------------------------------------------------------------------------------------

    def _take_on(self, name: bytes, asked: Asked, payload: Payload) -> _Ask:
        if self._closed:
            raise Unavailable("the client was closed", code="closed")
        size = sum(len(tensor.data) for tensor in payload.inputs)
        if size > MOST_OF_ONE:
            raise TooLarge(
                "the inputs are too large for a group",
                code="too-large",
                pointer="/inputs",
                expected=f"at most {MOST_OF_ONE} bytes",
                got=f"{size} bytes",
            )
        if len(self._asking) >= MOST or self._bytes + size > MOST_BYTES:
            raise Unavailable("too much is being asked already", code="busy", expected=f"at most {MOST} requests")
        _require_decodable(asked, payload)
        self._asking.add(name, asked, payload)
        self._bytes += size
        self._asks[name] = ask = _Ask(size)
        self._waiting.append(name)
        self._arrived.set()
        return ask

    def _leave(self, name: bytes, ask: _Ask, waiter: asyncio.Future[Answer]) -> None:
        """One who has asked waits no longer; the last one takes the request along."""
        ask.waiting.remove(waiter)
        if not ask.waiting and self._asks.get(name) is ask:
            self._take_off(name)

    def _take_off(self, name: bytes) -> list[asyncio.Future[Answer]]:
        """A request that has an answer, or that nobody waits for: those who wait."""
        ask = self._asks.pop(name, None)
        if ask is None:
            return []  # told of it twice
        self._asking.forget(name)
        self._bytes -= ask.size
        return [waiter for waiter in ask.waiting if not waiter.done()]

    def _late(self, waiter: asyncio.Future[Answer]) -> None:
        if not waiter.done():
            waiter.set_exception(
                DeadlineExceeded(
                    "the group has not decided in time",
                    expected=f"{self._asking.configuration.quorum} members that answer",
                    got=f"{self.reached} of {len(self._lines)} members can be reached",
                )
            )

    async def _send(self) -> NoReturn:
        while True:
            await self._arrived.wait()
            names = self._next_batch()
            try:
                if names:
                    await self._send_batch(names)
            except Exception:  # noqa: BLE001  (a bug costs these requests, not the client)
                _log.exception("%d requests could not be sent", len(names))
                for name in names:
                    self._fail(name, Unavailable("the request could not be sent", code="internal"))

    async def _send_batch(self, names: list[bytes]) -> None:
        asked = tuple(self._asking.asked(name) for name in names)
        batch = await asyncio.to_thread(self._asking.sign, names, asked)
        message = self._asking.send(batch, names, asyncio.get_running_loop().time())
        if message is not None:
            frame = encode(message)
            for line in self._lines:
                line.send(frame)

    def _next_batch(self) -> list[bytes]:
        names: list[bytes] = []
        room = BATCH_BYTES
        while self._waiting and len(names) < MAX_BATCH:
            name = self._waiting[0]
            if name in self._asks:
                room -= self._asks[name].size
                if names and room < 0:
                    break
                names.append(name)
            self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()
        return names

    async def _repeat(self) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK)
            for sent in self._asking.due(loop.time()):
                self._say([line for line in self._lines if line.up and line.unsent < BUSY], sent)

    def _reached(self, place: int) -> None:
        for sent in self._asking.undecided():
            self._say([self._lines[place]], sent)

    def _say(self, lines: list[Line], sent: Sent) -> None:
        if lines:
            frame = encode(self._asking.said(sent))
            for line in lines:
                line.send(frame)

    # --- being answered -----------------------------------------------------------------------------------

    def _heard(self, place: int, frame: bytes) -> None:
        """Raises what ends the link to this member: it has said what is no message, or what it cannot prove."""
        self._lines[place].taken(len(frame))
        try:
            message = decode(frame)
        except msgspec.DecodeError as error:
            raise Refused("not a message", code="invalid-message", got=str(error)) from error
        match message:
            case Decided():
                for name, answer in self._asking.decided(message):
                    for waiter in self._take_off(name):
                        waiter.set_result(answer)
            case Refusal():
                for name, refused in self._asking.refused(place, message):
                    self._fail(name, refused)
            case _:
                raise Refused("not for a client", code="invalid-message", got=type(message).__name__)

    def _fail(self, name: bytes, error: AssayError) -> None:
        for waiter in self._take_off(name):
            waiter.set_exception(error)


@dataclass
class _Ask:
    """A request, and those who wait for its answer."""

    size: int  # bytes of its inputs
    waiting: list[asyncio.Future[Answer]] = field(default_factory=list)


def _require_decodable(asked: Asked, payload: Payload) -> None:
    """One field out of its range, and the members would take the whole batch for nonsense. Raises Refused."""
    try:
        decode(encode(Requests(Batch(asked.client, (asked,), bytes(64)), (payload,))))
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at ")
        raise Refused(f"not a request: {detail}", code="invalid", pointer=pointer_of(path)) from error
