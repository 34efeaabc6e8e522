"""One Triton for all tests that leave it as it was; one of its own for a test that kills it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inference.triton import Triton
from tests.inference.server import Server

STARTING = 60.0  # seconds


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(tmp_path_factory.mktemp("triton"))


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may do anything to."""
    yield from _running(tmp_path)


def _running(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    server.start()
    try:
        asyncio.run(_live(server))
        yield server
    finally:
        server.kill()


async def _live(server: Server) -> None:
    client = Triton(server.address)
    try:
        await client.wait_live(time.monotonic() + STARTING)
    finally:
        await client.close()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Triton]:
    triton = Triton(server.address)
    yield triton
    await triton.close()
