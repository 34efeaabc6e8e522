"""A network that misbehaves on demand: between any two parties each direction can be slowed, held up or cut.

Every connection goes through a listener of its own for (who opens, to whom). Nothing in it is read or changed:
what is inside is TLS. A direction that is held keeps its bytes and hands them on later, in their order, as TCP
does when a cable is put back; one whose bytes were swallowed can only be cut when it heals, for TCP loses nothing
in the middle.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations
from typing import cast

CHUNK = 64 * 1024  # bytes that are read at once
UNDER_WAY = 64  # chunks of one direction of one connection; then its sender has to wait
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed with a RST, nothing flushed

CLIENT = -1  # the party that is no member


@dataclass(frozen=True)
class Way:
    """How bytes get from one party to another."""

    delay: float = 0.0  # seconds
    jitter: float = 0.0  # seconds more, at most
    rate: float = 0.0  # bytes a second; 0: as fast as may be
    held: bool = False  # nothing arrives; connections stay up
    swallowed: bool = False  # likewise, and what was sent meanwhile is gone
    cut: bool = False  # connections are reset, new ones too

    @property
    def passes(self) -> bool:
        return not (self.held or self.swallowed or self.cut)


FREE = Way()
HELD = Way(held=True)
SWALLOWED = Way(swallowed=True)
CUT = Way(cut=True)


class Network:
    """Listeners on the loopback for each member that is dialled, by each who dials it."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # nosec B311 - to be repeated, not to be secret
        self._ways: dict[tuple[int, int], Way] = {}
        self._changed: dict[tuple[int, int], asyncio.Event] = defaultdict(asyncio.Event)
        self._servers: dict[tuple[int, int], asyncio.Server] = {}
        self._pipes: set[_Pipe] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def listen(self, source: int, target: int, port: int) -> int:
        """The port at which `source` finds `target`, who listens on `port`."""

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            pipe = _Pipe(self, source, target, reader, writer)
            serving = cast("asyncio.Task[None]", asyncio.current_task())
            self._pipes.add(pipe)
            self._serving.add(serving)
            try:
                await pipe.run(port)
            finally:
                self._pipes.discard(pipe)
                self._serving.discard(serving)

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        self._servers[source, target] = server
        found: int = server.sockets[0].getsockname()[1]
        return found

    def way(self, source: int, target: int) -> Way:
        return self._ways.get((source, target), FREE)

    def set(self, way: Way, *directions: tuple[int, int]) -> None:
        """From now on; what is under way is treated so too."""
        for direction in directions:
            before = self.way(*direction)
            self._ways[direction] = way
            self._changed.pop(direction, asyncio.Event()).set()
            if way.cut or before.swallowed:
                self.reset(direction)

    def between(self, way: Way, some: Iterable[int], others: Iterable[int]) -> None:
        """Both directions between these and those."""
        pairs = [(a, b) for a in some for b in others if a != b]
        self.set(way, *pairs, *((b, a) for a, b in pairs))

    def apart(self, way: Way, *sides: Iterable[int]) -> None:
        """Sides reach their own members only."""
        for some, others in permutations([list(side) for side in sides], 2):
            self.between(way, some, others)

    def heal(self) -> None:
        self.set(FREE, *(direction for direction, way in self._ways.items() if way != FREE))

    def reset(self, *directions: tuple[int, int]) -> None:
        """Every connection in use by these."""
        for pipe in tuple(self._pipes):
            if pipe.ends & set(directions):
                pipe.reset()

    def half_open(self, side: int, other: int) -> None:
        """The connections between two are gone for `side`; `other` hears nothing of that, nor anything else."""
        for pipe in tuple(self._pipes):
            if (side, other) in pipe.ends:
                pipe.leave(side)

    async def wait_for_change(self, direction: tuple[int, int]) -> None:
        await self._changed[direction].wait()

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        for pipe in tuple(self._pipes):
            pipe.reset()
        await asyncio.gather(*(server.wait_closed() for server in self._servers.values()))
        await asyncio.gather(*self._serving, return_exceptions=True)


class _Pipe:
    """One connection."""

    def __init__(
        self,
        network: Network,
        source: int,
        target: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.ends = {(source, target), (target, source)}
        self._network = network
        self._source, self._target = source, target
        self._reader, self._writers = reader, {source: writer}
        self._gone: set[int] = set()
        self._work: list[asyncio.Task[None]] = []
        self._reset = False

    async def run(self, port: int) -> None:
        """Until either side closes."""
        source, target = self._source, self._target
        if any(self._network.way(*direction).cut for direction in self.ends):
            self.reset()
        try:
            if self._reset:
                return
            reader, self._writers[target] = await asyncio.open_connection("127.0.0.1", port)
            self._work = [
                asyncio.create_task(self._carry(source, target, self._reader)),
                asyncio.create_task(self._carry(target, source, reader)),
            ]
            if self._reset:
                return
            await asyncio.wait(self._work, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            self.reset()  # nobody listens there
        finally:
            for task in self._work:
                task.cancel()
            await asyncio.gather(*self._work, return_exceptions=True)
            for writer in self._writers.values():
                writer.close()

    def reset(self) -> None:
        self._reset = True
        for task in self._work:
            task.cancel()
        for writer in self._writers.values():
            _abort(writer)

    def leave(self, side: int) -> None:
        self._gone.add(side)
        _abort(self._writers[side])

    async def _carry(self, source: int, target: int, reader: asyncio.StreamReader) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(UNDER_WAY)
        delivering = asyncio.create_task(self._deliver(source, target, queue))
        loop, network = asyncio.get_running_loop(), self._network
        arrives = loop.time()
        try:
            with suppress(OSError):
                while data := await reader.read(CHUNK):
                    way = network.way(source, target)
                    arrives = max(arrives, loop.time() + way.delay + network.chance.uniform(0, way.jitter))
                    if way.rate:
                        arrives += len(data) / way.rate
                    await queue.put((arrives, data))
                await queue.join()
            if self._gone:  # whoever is left behind must not see it
                await asyncio.Event().wait()
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    async def _deliver(self, source: int, target: int, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        network, loop = self._network, asyncio.get_running_loop()
        while True:
            arrives, data = await queue.get()
            await asyncio.sleep(max(0.0, arrives - loop.time()))
            while network.way(source, target).held:
                await network.wait_for_change((source, target))
            if not network.way(source, target).swallowed and target not in self._gone:
                with suppress(OSError):
                    self._writers[target].write(data)
                    await self._writers[target].drain()
            queue.task_done()


def _abort(writer: asyncio.StreamWriter) -> None:
    """With a RST."""
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None:
        with suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
