"""A node as its callers see it: connects when first needed, again when the connection was lost, and pipelines.

Everything asked of a node may be asked again (request ids and digests make it so), hence a lost connection is
told to the caller as Unavailable and the next request connects anew. While a node cannot be reached, callers
are refused at once instead of waiting in turn, and it is tried again after a pause that grows.
"""

from __future__ import annotations

import asyncio
import random
from typing import TypeVar

from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from wire import tls
from wire.connection import BEAT, Connection
from wire.deadline import left
from wire.dial import CONNECTING, Resolve, dial
from wire.messages import (
    Activate,
    Answer,
    Cancel,
    Capabilities,
    Capable,
    Done,
    Drain,
    Health,
    Healthy,
    Limits,
    Request,
    Result,
    Submit,
    Unload,
)

FIRST_PAUSE = 0.2  # seconds before an unreachable node is tried again
LONGEST_PAUSE = 10.0

A = TypeVar("A", bound=Answer)


class Peer:
    """The node at `where` (host:port), provided that it holds `expected`; `identity` is our own key.

    `resolve` is asked before each connection for the address to connect to, or raises AssayError where there is
    none that is allowed.
    """

    def __init__(
        self,
        where: str,
        expected: PublicKey,
        identity: PrivateKey,
        *,
        limits: Limits | None = None,
        beat: float = BEAT,
        resolve: Resolve | None = None,
    ) -> None:
        self.address = where
        self.key = expected
        self._identity = identity
        self._limits = limits or Limits()
        self._beat = beat
        self._resolve = resolve
        self._tls = tls.client()
        self._connection: Connection | None = None
        self._attempt: asyncio.Task[Connection] | None = None
        self._pause = 0.0
        self._not_before = 0.0  # of the loop's clock
        self._problem = ""

    async def request(self, message: Request, deadline: int) -> Answer:
        """The node's answer, not a Failure; `deadline` in Unix ms.

        Raises Unavailable when the node cannot be reached, is not the one expected, or says that trying again
        may help; Refused when it will not do this; DeadlineExceeded.
        """
        connection = self._connection
        if connection is None or not connection.alive:
            connection = await self._connected(deadline)
        return await connection.request(message, deadline)

    async def submit(self, submit: Submit) -> bytes:
        """The certificate's canonical bytes, by the deadline that `submit` carries."""
        return _expect(Result, await self.request(submit, submit.deadline)).certificate

    async def capabilities(self, deadline: int) -> Capable:
        return _expect(Capable, await self.request(Capabilities(id=0), deadline))

    async def health(self, deadline: int) -> Healthy:
        return _expect(Healthy, await self.request(Health(id=0), deadline))

    async def activate(self, commitment: bytes, deadline: int) -> None:
        """Returns when the model is being served."""
        _expect(Done, await self.request(Activate(id=0, commitment=commitment), deadline))

    async def unload(self, commitment: bytes, deadline: int, *, forget: bool = False) -> None:
        _expect(Done, await self.request(Unload(id=0, commitment=commitment, forget=forget), deadline))

    async def cancel(self, request: bytes, deadline: int) -> None:
        _expect(Done, await self.request(Cancel(id=0, request=request), deadline))

    async def drain(self, deadline: int) -> None:
        """Only with the node's own key: it finishes what it has and stops."""
        _expect(Done, await self.request(Drain(id=0), deadline))

    async def close(self) -> None:
        """Ends the connection, if there is one; the next request would connect again."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    # --- connecting ---------------------------------------------------------------------------------------

    async def _connected(self, deadline: int) -> Connection:
        if self._attempt is None:
            if asyncio.get_running_loop().time() < self._not_before:
                raise Unavailable(self._problem, code="unreachable", pointer=self.address)
            self._attempt = asyncio.create_task(self._connect())
        attempt = self._attempt
        # one attempt serves all who wait, and goes on if one of them gives up
        await asyncio.wait({attempt}, timeout=left(deadline))
        if not attempt.done():
            raise DeadlineExceeded("not connected before the deadline", pointer=self.address)
        if attempt.cancelled():
            raise Unavailable("closed while connecting", code="closed", pointer=self.address)
        try:
            return attempt.result()
        except Unavailable as error:  # a fresh one for each waiter
            raise Unavailable(error.detail, code=error.code, pointer=error.pointer) from error

    async def _connect(self) -> Connection:
        try:
            if self._connection is not None:
                await self._connection.close()
            async with asyncio.timeout(CONNECTING):
                self._connection = await self._open()
        except (AssayError, OSError, TimeoutError) as error:
            raise self._failed(error) from error
        finally:
            self._attempt = None
        self._pause = 0.0
        return self._connection

    async def _open(self) -> Connection:
        channel, limits = await dial(
            self.address, self.key, self._identity, self._limits, context=self._tls, resolve=self._resolve
        )
        return Connection(channel, limits, self._beat)

    def _failed(self, error: Exception) -> Unavailable:
        """Always Unavailable: whoever stands where a node should be must not decide what becomes of a request."""
        self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # nosec B311 - spreads callers
        self._not_before = asyncio.get_running_loop().time() + self._pause * jitter
        code = error.code if isinstance(error, Refused | NotVerified) else "unreachable"
        self._problem = f"cannot connect to the node: {str(error) or 'too slow'}"
        return Unavailable(self._problem, code=code, pointer=self.address)


def _expect(kind: type[A], answer: Answer) -> A:
    if not isinstance(answer, kind):
        raise Refused("answer of another kind", expected=kind.__name__, got=type(answer).__name__)
    return answer
