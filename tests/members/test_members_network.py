"""The network does to connections what it is told, and nothing else."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from stack.members.proxy import CUT, FREE, HELD, SWALLOWED, Network, Way

HERE, THERE = 0, 1


class Ends:
    """Both ends of connections from HERE to THERE."""

    def __init__(self) -> None:
        self.network = Network()
        self.accepted: asyncio.Queue = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = await self.network.listen(HERE, THERE, self.server.sockets[0].getsockname()[1])

    async def _take(self, reader, writer) -> None:
        self.writers.append(writer)
        self.accepted.put_nowait((reader, writer))

    async def connect(self):
        """(reader, writer) here, (reader, writer) there."""
        here = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(here[1])
        return (*here, *await self.accepted.get())

    async def close(self) -> None:
        await self.network.close()
        for writer in self.writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self.server.close()
        await self.server.wait_closed()


@pytest.fixture
async def ends():
    ends = Ends()
    await ends.start()
    yield ends
    await ends.close()


async def nothing_comes(reader) -> bool:
    try:
        async with asyncio.timeout(0.1):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_bytes_go_both_ways(ends):
    reader, writer, its_reader, its_writer = await ends.connect()
    writer.write(b"there" * 100_000)
    assert await its_reader.readexactly(500_000) == b"there" * 100_000
    its_writer.write(b"and back")
    assert await reader.readexactly(8) == b"and back"
    writer.close()
    assert await its_reader.read() == b""


async def test_what_is_held_in_one_direction_comes_later_and_the_other_goes_on(ends):
    reader, writer, its_reader, its_writer = await ends.connect()
    ends.network.set(HELD, (HERE, THERE))
    writer.write(b"late")
    its_writer.write(b"now")
    assert await reader.readexactly(3) == b"now"
    assert await nothing_comes(its_reader)
    ends.network.heal()
    assert await its_reader.readexactly(4) == b"late"


async def test_what_is_swallowed_is_gone_and_the_connection_with_it_once_healed(ends):
    _, writer, its_reader, _ = await ends.connect()
    ends.network.set(SWALLOWED, (HERE, THERE))
    writer.write(b"gone")
    assert await nothing_comes(its_reader)
    ends.network.heal()
    with pytest.raises(ConnectionError):
        await its_reader.read(1)


async def test_what_is_cut_is_reset_and_so_is_whoever_tries_again(ends):
    reader, _, its_reader, _ = await ends.connect()
    ends.network.set(CUT, (THERE, HERE))
    for each in (reader, its_reader):
        with pytest.raises(ConnectionError):
            await each.read(1)
    again, writer = await asyncio.open_connection("127.0.0.1", ends.port)
    ends.writers.append(writer)
    with pytest.raises(ConnectionError):
        await again.read(1)


async def test_of_a_half_open_connection_one_side_hears_nothing(ends):
    reader, _, its_reader, its_writer = await ends.connect()
    ends.network.half_open(HERE, THERE)
    with pytest.raises(ConnectionError):
        await reader.read(1)
    its_writer.write(b"anybody?")
    assert await nothing_comes(its_reader)


async def test_delay_and_rate_cost_their_time(ends):
    _, writer, its_reader, _ = await ends.connect()
    for way, least in ((Way(delay=0.2), 0.2), (Way(rate=100_000), 0.5)):
        ends.network.set(way, (HERE, THERE))
        begun = time.monotonic()
        writer.write(bytes(50_000))
        await its_reader.readexactly(50_000)
        assert time.monotonic() - begun >= least
    ends.network.set(FREE, (HERE, THERE))
