"""A link: frames both ways over a connection whose opener has attached, nothing answered. What they say is not
known here.

Frames may be lost with the link and never otherwise, and whoever uses links repeats what matters. So neither side
waits for the other. What a peer does not read is kept up to UNSENT bytes, then the link is dropped: single frames
left out would be a hole that nobody is told of, while a lost link is seen by both sides, who then say what matters
now instead of what mattered. What is read and not yet taken is kept up to UNTAKEN bytes, then reading pauses.
Each side beats; one that is not heard for BEATS beats is given up although its machine still holds the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from assay.errors import AssayError, Refused, Unavailable
from assay.keys import PublicKey
from wire.channel import Channel, OnFrame, OnLost
from wire.connection import BEAT, BEATS
from wire.failures import to_error
from wire.messages import Answer, Attach, Done, Failure, Limits

UNSENT = 128 * 1024 * 1024  # bytes for a peer that does not read; more than the largest frame
UNTAKEN = 16 * 1024 * 1024  # bytes of frames that have been handed on and not taken
APIECE = 256  # bytes that a frame counts for besides its own: many small ones cost memory too
BEATING = b"\xc0"  # the frame that says nothing but that its sender lives: msgpack's nil, no message of any kind

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Answer)
_log = logging.getLogger(__name__)


class Link:
    """Frames over `channel`, of up to `limit` bytes. Nothing is handed on before `open`."""

    def __init__(self, channel: Channel, peer: PublicKey, limit: int, ended: OnLost | None = None) -> None:
        self.peer = peer
        self._channel = channel
        self._limit = limit
        self._untaken = 0
        self._paused = False
        self._early: list[bytes] = []
        self._on_frame: OnFrame = self._early.append
        self._on_lost: list[OnLost] = [] if ended is None else [ended]
        self._heart = asyncio.create_task(self._beat())
        channel.start(limit, self._received, self._ended)

    @property
    def alive(self) -> bool:
        return self._channel.problem is None

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._channel.unsent

    def open(self, on_frame: OnFrame, on_lost: OnLost) -> None:
        """From now on frames go to `on_frame`, which ends the link by raising AssayError; the end to `on_lost`.

        Each frame's size must be given to `taken` once the frame has been dealt with.
        """
        self._on_lost.append(on_lost)
        if self._channel.problem is not None:
            on_lost(self._channel.problem)
            return
        self._on_frame = on_frame
        early, self._early = self._early, []
        try:
            for frame in early:
                on_frame(frame)
        except AssayError as error:
            self.drop(error)

    def send(self, frame: bytes) -> None:
        """Leaves with all that is sent in this turn of the loop. Never waits: after the end nothing happens, and
        a peer that leaves too much unread is dropped.
        """
        if not self.alive:
            return
        if len(frame) > self._limit:
            _log.error("not sent to %s: a frame of %d bytes; at most %d", self.peer, len(frame), self._limit)
            return
        self._channel.send(frame)
        if self.unsent > UNSENT:
            self.drop(Unavailable("the peer does not read", code="slow-reader", got=f"{self.unsent} bytes unread"))

    def taken(self, size: int) -> None:
        """A frame of that many bytes, handed on before, has been dealt with."""
        self._untaken = max(0, self._untaken - size - APIECE)  # a late one may be of the link before
        if self._paused and self._untaken <= UNTAKEN:
            self._paused = False
            self._channel.resume()

    def drop(self, problem: AssayError) -> None:
        self._channel.drop(problem)

    async def close(self) -> None:
        """Ends the link once what was sent has been handed to the peer, or the peer has stopped reading."""
        await self._channel.close()

    def _received(self, frame: bytes) -> None:
        if frame == BEATING:
            return
        self._untaken += len(frame) + APIECE
        if self._untaken > UNTAKEN and not self._paused:
            self._paused = True
            self._channel.pause()
        self._on_frame(frame)

    def _ended(self, problem: AssayError) -> None:
        self._heart.cancel()
        self._early.clear()
        for each in self._on_lost:
            each(problem)

    async def _beat(self) -> None:
        missed, received = 0, self._channel.received
        while self.alive:
            await asyncio.sleep(BEAT)
            await self._channel.writable()  # drops a peer that has stopped reading
            self._channel.send(BEATING)
            quiet = self._channel.received == received and not self._paused
            missed, received = missed + 1 if quiet else 0, self._channel.received
            if missed >= BEATS:
                self.drop(Unavailable("the peer is silent", code="silent"))


@dataclass(frozen=True)
class Attached:
    """What a handler answers an `Attach` with: `take` is given the link once its opener has been told."""

    take: Callable[[Link], None]


async def attach(channel: Channel, limits: Limits, peer: PublicKey, group: bytes) -> Link:
    """Asks `peer` to make a link of `group` of this channel. Raises what it answers, and why the channel ended."""
    answered: asyncio.Future[tuple[bytes, Link]] = asyncio.get_running_loop().create_future()

    def first(frame: bytes) -> None:  # what comes right behind the answer belongs to the link already
        link = Link(channel, peer, limits.frame)
        if not answered.done():
            answered.set_result((frame, link))

    def lost(problem: AssayError) -> None:
        if not answered.done():
            answered.set_exception(problem)

    channel.start(limits.frame, first, lost)
    channel.send(_encoder.encode(Attach(id=1, group=group)))
    frame, link = await answered
    _require_done(frame)
    return link


def _require_done(frame: bytes) -> None:
    try:
        answer = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("not an answer", code="invalid-message", got=str(error)) from error
    if isinstance(answer, Failure):
        raise to_error(answer)
    if not isinstance(answer, Done):
        raise Refused("answer of another kind", expected="Done", got=type(answer).__name__)
