"""The answering side: accepts connections, proves itself, knows its peers, and hands their requests to a handler.

Nothing is held for a stranger but one of few places and a few kilobytes, for a few seconds; a known peer may
hold a bounded number of connections, of unanswered requests, and of their bytes. Whoever sends garbage, floods,
stops in the middle or stops reading is dropped, and the log says who and why.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from assay.errors import AssayError, Unavailable
from assay.keys import PrivateKey, PublicKey
from wire import address, tls
from wire.channel import Channel
from wire.handshake import Acceptor
from wire.messages import MAX_HELLO, Limits
from wire.opening import accept_as
from wire.session import Handler, Session
from wire.tcp import keep_alive

OPENING = 10.0  # seconds for TLS and the handshake together
OPENING_PLACES = 128  # connections whose peer is not known yet
OPENING_PLACES_PER_HOST = 32
CONNECTIONS_PER_KEY = 64  # a marketplace's worker has one, and one for each group that it asks
BACKLOG = 256
PAUSE = 0.2  # seconds before accepting again when the process is out of file descriptors

_log = logging.getLogger(__name__)


class Server:
    """A listening server; made by `serve`."""

    def __init__(
        self,
        listener: socket.socket,
        identity: PrivateKey,
        allowed: Callable[[PublicKey], bool],
        handler: Handler,
        *,
        asks: Callable[[PublicKey], bool],
        limits: Limits,
        opening: float,
    ) -> None:
        self._listener = listener
        self._identity = identity
        self._allowed = allowed
        self._handler = handler
        self._asks = asks
        self._limits = limits
        self._opening = opening
        self._tls = tls.server()
        self._opening_now: dict[asyncio.Task[None], str] = {}  # whose peer is not known yet, with its host
        self._sessions: dict[Session, PublicKey] = {}
        self._conversations: set[asyncio.Task[None]] = set()
        host, port = listener.getsockname()[:2]
        self.address = address.join(host, port)
        self._accepting = asyncio.create_task(self._accept())

    @property
    def connections(self) -> int:
        """How many connections with known peers are open."""
        return len(self._sessions)

    async def answered(self) -> None:
        """Returns once every request that came in before has been answered; those who ask go on being heard."""
        await asyncio.gather(*(session.answered() for session in self._sessions))

    def stop_accepting(self) -> None:
        """Takes no new connection; those that stand go on."""
        self._accepting.cancel()
        self._accepting.add_done_callback(lambda _: self._listener.close())

    async def close(self) -> None:
        """Ends everything: what is being answered is cancelled, what has been answered is sent."""
        self.stop_accepting()
        await asyncio.gather(self._accepting, return_exceptions=True)
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                peer, name = await self._next()
            except OSError as error:  # out of descriptors, or the peer has gone already
                _log.warning("cannot accept: %s", error)
                await asyncio.sleep(PAUSE)
                continue
            host = str(name[0])
            self._make_room(host)
            conversation = asyncio.create_task(self._converse(peer, host))
            self._conversations.add(conversation)
            self._opening_now[conversation] = host
            conversation.add_done_callback(self._conversations.discard)
            await asyncio.sleep(0)  # it begins, and from then on sees to its socket, however soon it must give way

    async def _next(self) -> tuple[socket.socket, tuple[str, int]]:
        """The next connection. Unlike the loop's own `sock_accept` it loses none when it is cancelled."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._listener, readable.set)
        try:
            while True:
                with suppress(BlockingIOError):
                    peer, name = self._listener.accept()
                    peer.setblocking(False)
                    return peer, name
                readable.clear()
                await readable.wait()
        finally:
            loop.remove_reader(self._listener)

    def _make_room(self, host: str) -> None:
        """Where there is none, the one that has been opening for longest gives way: a known peer is quick."""
        neighbours = [each for each, its_host in self._opening_now.items() if its_host == host]
        if len(neighbours) >= OPENING_PLACES_PER_HOST:
            self._give_way(neighbours[0])
        elif len(self._opening_now) >= OPENING_PLACES:
            self._give_way(next(iter(self._opening_now)))

    def _give_way(self, oldest: asyncio.Task[None]) -> None:
        _log.warning("dropped %s: too many connections are opening", self._opening_now.pop(oldest))
        oldest.cancel()

    async def _converse(self, peer: socket.socket, host: str) -> None:
        """One connection from beginning to end."""
        speaks, myself = False, cast("asyncio.Task[None]", asyncio.current_task())
        try:
            try:
                async with asyncio.timeout(self._opening):
                    speaks = await _speaks(peer)
                    session = await self._greet(peer) if speaks else None
            finally:
                if not speaks:
                    peer.close()
                self._opening_now.pop(myself, None)
        except TimeoutError:
            _log.warning("dropped %s: too slow to open", host)
            return
        except (AssayError, OSError) as error:
            _log.warning("dropped %s: %s", host, str(error) or "left while opening")
            return
        if session is None:
            _log.debug("%s left without a word", host)
            return
        _log.debug("%s connected from %s", session.peer, host)  # every few seconds, to ask after our health
        try:
            problem = await session.ended()
            level = logging.DEBUG if problem.code == "closed" else logging.WARNING
            _log.log(level, "%s at %s is gone: %s", session.peer, host, problem)
        finally:
            del self._sessions[session]
            await session.close()

    async def _greet(self, peer: socket.socket) -> Session:
        loop = asyncio.get_running_loop()
        keep_alive(peer)
        channel = Channel(MAX_HELLO)  # not the protocol that is returned: uvloop returns its own TLS layer
        await loop.connect_accepted_socket(
            lambda: channel,
            peer,
            ssl=self._tls.context,
            ssl_handshake_timeout=self._opening,
        )
        try:
            acceptor = Acceptor(self._identity, self._allowed, self._tls.binding, self._limits)
            key, limits = await accept_as(acceptor, channel, self._require_room)
        except AssayError:
            await channel.close()
            raise
        except BaseException:
            channel.transport.abort()
            raise
        session = Session(channel, key, limits, self._handler, asks=self._asks(key))
        self._sessions[session] = key
        return session

    def _require_room(self, key: PublicKey) -> None:
        if sum(held == key for held in self._sessions.values()) >= CONNECTIONS_PER_KEY:
            raise Unavailable(
                "too many connections with one key",
                code="too-many-connections",
                expected=f"at most {CONNECTIONS_PER_KEY}",
                got="one more",
            )


async def serve(
    host: str,
    port: int,
    identity: PrivateKey,
    allowed: Callable[[PublicKey], bool],
    handler: Handler,
    *,
    asks: Callable[[PublicKey], bool] | None = None,
    limits: Limits | None = None,
    opening: float = OPENING,
) -> Server:
    """Listens on `host`:`port` (0: any free one; see `Server.address`). Raises OSError if it cannot.

    `allowed` is asked of each key whose holder connects, and may answer otherwise as time goes on. `handler` is
    called with such a peer and each of its requests, many at a time; what it raises is told to the peer. Of one
    who `asks` for nothing and only attaches (None: there are none) no large frame is taken before it has.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return Server(
        listener,
        identity,
        allowed,
        handler,
        asks=asks or _everybody,
        limits=limits or Limits(),
        opening=opening,
    )


def _everybody(_: PublicKey) -> bool:
    return True


async def _speaks(peer: socket.socket) -> bool:
    """Waits for a first byte and leaves it there; False if none comes: somebody looked whether we listen."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(peer, readable.set)
    try:
        await readable.wait()
        return peer.recv(1, socket.MSG_PEEK) != b""
    except ConnectionError:
        return False
    finally:
        loop.remove_reader(peer)
