"""Ways to tell that a service is ready. Each is called again and again, cheaply, until it returns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from stack.process import NotReady

Probe = Callable[[], Awaitable[None]]


def tcp(port: int, host: str = "127.0.0.1") -> Probe:
    """Somebody accepts connections on `port`."""

    async def probe() -> None:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return probe


def http(url: str) -> Probe:
    """`url` answers 2xx."""

    async def probe() -> None:
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.get(url)
        except httpx.HTTPError as error:
            raise NotReady(f"{url}: {error!r}") from error
        if not answer.is_success:
            raise NotReady(f"{url} answers {answer.status_code}")

    return probe


def command(*argv: str) -> Probe:
    """The program `argv` exits 0."""

    async def probe() -> None:
        child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await child.communicate()
        if child.returncode:
            raise NotReady(
                output.decode("utf-8", "replace").strip() or f"{Path(argv[0]).name}: {child.returncode}"
            )

    return probe
