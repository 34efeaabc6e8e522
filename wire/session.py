"""The answering side of one connection with a known peer.

Each request becomes a task; its place and its bytes are given back once the answer has been taken by the peer,
so neither many requests, nor large ones, nor a peer that asks and never reads can fill the memory: beyond
HELD bytes the channel is not read, beyond the agreed number of requests the peer is dropped.

An `Attach` has the connection to itself: it comes while nothing else is unanswered, and nothing follows before its
answer. Where the handler agrees (`Attached`), the connection is a `wire.link.Link` from then on. A peer that asks
for nothing else is not let in with large frames before that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from assay.errors import AssayError, Refused, Unavailable
from assay.jsonform import pointer_of
from assay.keys import PublicKey
from wire.channel import Channel
from wire.failures import to_failure
from wire.link import Attached, Link
from wire.messages import MAX_HELLO, Answer, Attach, Done, Failure, Id, Limits, Request

HELD = 256 * 1024 * 1024  # bytes of unanswered requests of one connection

Handler = Callable[[PublicKey, Request], Awaitable[Answer | Attached]]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Request)
_log = logging.getLogger(__name__)


class _Envelope(msgspec.Struct):
    """The little that is read of a request which is refused: whom to tell."""

    id: Id


class Session:
    """Requests of `peer` come in, are handed to `handler`, and their answers go out in any order."""

    def __init__(
        self, channel: Channel, peer: PublicKey, limits: Limits, handler: Handler, *, asks: bool = True
    ) -> None:
        self.peer = peer
        self._channel = channel
        self._limits = limits
        self._handler = handler
        self._held = 0
        self._attaching = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[AssayError] = asyncio.get_running_loop().create_future()
        channel.start(limits.frame if asks else MAX_HELLO, self._received, self._ended)

    async def answered(self) -> None:
        """Returns once every request that came in has been answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def ended(self) -> AssayError:
        """Waits for the connection's end; says why it ended."""
        return await asyncio.shield(self._end)

    async def close(self) -> None:
        """Cancels what is being answered and closes the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._channel.close()

    def _received(self, payload: bytes) -> None:
        if len(self._tasks) >= self._limits.in_flight:
            raise Refused(
                "too many unanswered requests",
                code="flood",
                expected=f"at most {self._limits.in_flight}",
                got="one more",
            )
        message = _decoded(payload)
        if self._attaching or (isinstance(message, Attach) and self._tasks):
            raise Refused("messages out of turn", code="flood", expected="nothing else beside an Attach")
        self._attaching = isinstance(message, Attach)
        self._held += len(payload)
        if self._held > HELD:
            self._channel.pause()
        task = asyncio.create_task(self._answer(message, len(payload)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Request | Failure, size: int) -> None:
        try:
            answer = message if isinstance(message, Failure) else await self._carried_out(message)
            await self._channel.writable()
            if isinstance(answer, Attached):
                self._hand_over(message.id, answer)
                return
            self._attaching = False
            self._channel.send(_encoder.encode(answer))
            await self._channel.writable()
        finally:
            if self._held > HELD >= self._held - size:
                self._channel.resume()
            self._held -= size

    def _hand_over(self, number: int, attached: Attached) -> None:
        self._channel.send(_encoder.encode(Done(id=number)))
        attached.take(Link(self._channel, self.peer, self._limits.frame, self._ended))

    async def _carried_out(self, message: Request) -> Answer | Attached:
        try:
            return await self._handler(self.peer, message)
        except AssayError as error:
            return to_failure(message.id, error)
        except Exception:  # noqa: BLE001  (a bug of ours must not take the connection and its other requests with it)
            _log.exception("a request of %s failed", self.peer)
            return to_failure(message.id, Unavailable("the node made a mistake", code="internal"))

    def _ended(self, problem: AssayError) -> None:
        for task in self._tasks:
            task.cancel()
        if not self._end.done():
            self._end.set_result(problem)


def _decoded(payload: bytes) -> Request | Failure:
    """The request; or, for what is well-formed but not one of our messages, the answer to it.

    Raises Refused, which ends the connection, where there is not even somebody to answer.
    """
    try:
        request: Request = _decoder.decode(payload)
        return request
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at ")
        problem = Refused(detail, code="invalid-message", pointer=pointer_of(path))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("not msgpack", code="invalid-message", got=str(error)) from error
    try:
        envelope = msgspec.msgpack.decode(payload, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise problem from None
    return to_failure(envelope.id, problem)
