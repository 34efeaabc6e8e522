"""The edge: frames in and out of one transport, under asyncio.

Incoming frames go to whoever asked for the next one (`receive`, during the handshake), then to a callback. What
is sent within one turn of the event loop leaves in one write, so that many small answers share a TLS record.
A peer that breaks framing, or begins a frame and stops sending, is dropped with the reason.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import cast

from assay.errors import AssayError, Refused, Unavailable
from wire.frames import Parser, framed

STALLED = 30.0  # seconds without a byte in the middle of a frame, or with a full write buffer
UNREAD = 8  # frames that may wait for `receive`; more is a flood
LARGE = 64 * 1024  # bytes of a frame that is not held back to share a write
WRITE_BUFFER = 4 * 1024 * 1024  # bytes after which senders wait for the peer to read

OnFrame = Callable[[bytes], None]
OnLost = Callable[[AssayError], None]


class Channel(asyncio.Protocol):
    """Frames over one connection. `problem` says why it ended, once it has."""

    def __init__(self, limit: int) -> None:
        self.received = 0  # times that bytes have come in: a sign of life
        self.problem: AssayError | None = None
        self._parser = Parser(limit)
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._on_frame: OnFrame | None = None
        self._on_lost: OnLost | None = None
        self._outgoing: deque[bytes] = deque()
        self._waiting = 0  # bytes in there
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()
        self._paused = False
        self._stall: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    # --- for the layers above -----------------------------------------------------------------------------

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None, "used after connection_made"
        return self._transport

    async def receive(self) -> bytes:
        """The next frame. Raises the reason if the channel has ended."""
        while not self._inbox:
            if self.problem is not None:
                raise self.problem
            self._reader = self._loop.create_future()
            await self._reader
        return self._inbox.popleft()

    @property
    def unsent(self) -> int:
        """Bytes that the peer's side has not taken yet."""
        return self._waiting + self.transport.get_write_buffer_size() if self.problem is None else 0

    def start(self, limit: int, on_frame: OnFrame, on_lost: OnLost) -> None:
        """From now on frames of up to `limit` bytes go to `on_frame`; the end, once, to `on_lost`. May be called
        again, also by the one that is being handed a frame: the next goes to the new one.
        """
        self._parser.limit = limit
        self._on_lost = on_lost
        self._on_frame = on_frame
        if self.problem is not None:
            on_lost(self.problem)
        waiting, self._inbox = self._inbox, deque()
        self._deliver(waiting)

    def send(self, payload: bytes) -> None:
        """Queues one frame; it leaves at the end of this turn of the loop. Nothing happens after the end."""
        if self.problem is not None:
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(framed(payload))
        self._waiting += len(self._outgoing[-1])
        if len(payload) > LARGE:
            self._flush()

    async def writable(self) -> None:
        """Returns when the peer has read enough for more to be sent. Drops a peer that has stopped reading."""
        while not self._writable.is_set():  # of many who are woken, the first may fill the buffer again
            try:
                async with asyncio.timeout(STALLED):
                    await self._writable.wait()
            except TimeoutError:
                self.drop(Unavailable("the peer has stopped reading", code="stalled"))

    def pause(self) -> None:
        """Reads no more until `resume`: the kernel's buffers fill and the peer has to wait."""
        if self.problem is None:
            self._paused = True
            self._watch_for_stall()
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.problem is None:
            self._paused = False
            self._watch_for_stall()
            self.transport.resume_reading()

    def drop(self, problem: AssayError) -> None:
        """Ends the channel at once, for a reason."""
        self._end(problem)
        self.transport.abort()

    async def close(self) -> None:
        """Ends the channel once what was queued has been handed to the peer, or the peer has stopped reading."""
        self._flush()
        while self._outgoing:
            await self.writable()
            self._flush()
        self._end(Unavailable("the connection was closed", code="closed"))
        if not self.transport.is_closing():  # asyncio's TLS transport can no longer be aborted once closed twice
            self.transport.close()
        try:
            async with asyncio.timeout(STALLED):
                await self._lost.wait()
        except TimeoutError:
            self.transport.abort()
            await self._lost.wait()

    # --- for the event loop -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)

    def data_received(self, data: bytes) -> None:
        self.received += 1
        if self.problem is not None:
            return
        try:
            payloads = self._parser.feed(data)
        except AssayError as error:
            self.drop(error)
            return
        self._deliver(payloads)
        self._watch_for_stall()

    def connection_lost(self, exc: Exception | None) -> None:
        why = f": {exc}" if exc else ""
        self._end(Unavailable(f"the peer closed the connection{why}", code="closed"))
        self._lost.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._flush()

    # --- within -------------------------------------------------------------------------------------------

    def _deliver(self, payloads: Iterable[bytes]) -> None:
        """Hands payloads on until one of them is refused, which ends the channel."""
        for payload in payloads:
            if self.problem is not None:
                return
            take = self._on_frame or self._keep
            try:
                take(payload)
            except AssayError as error:
                self.drop(error)

    def _keep(self, payload: bytes) -> None:
        if len(self._inbox) >= UNREAD:
            raise Refused("messages out of turn", code="flood", expected="an answer first", got="more messages")
        self._inbox.append(payload)
        self._wake()

    def _flush(self) -> None:
        """What the transport does not take now stays here, where it is counted: asyncio's TLS moves all that it
        has into the socket's buffer once there is a little room, and says that it has nothing.
        """
        while self._outgoing and self.problem is None and self._writable.is_set():
            frames, size = [self._outgoing.popleft()], 0
            while self._outgoing and (size := size + len(frames[-1])) < LARGE:
                frames.append(self._outgoing.popleft())
            self._waiting -= sum(map(len, frames))
            self.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def _end(self, problem: AssayError) -> None:
        if self.problem is not None:
            return
        self.problem = problem
        self._outgoing.clear()
        self._waiting = 0
        self._writable.set()
        if self._stall is not None:
            self._stall.cancel()
        self._wake()
        if self._on_lost is not None:
            self._on_lost(problem)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _watch_for_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        if self._parser.partial and self.problem is None and not self._paused:
            self._stall = self._loop.call_later(STALLED, self._stalled)

    def _stalled(self) -> None:
        self.drop(Refused("a frame was begun and not finished", code="stalled", got=f"{STALLED} s of silence"))
