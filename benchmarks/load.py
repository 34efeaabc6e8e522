"""Closed-loop load: each client sends its next request when the last is answered; and a lean HTTP client.

The clients share the machine with what they measure, so they are as cheap as can be: one connection each, the
request's bytes made once, the answer read by its Content-Length.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

LIMIT = 16 * 2**20  # bytes of an answer's head or body

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Measured:
    """What `seconds` of load gave: each answered request's latency, in seconds."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


async def closed_loop(calls: list[Call], seconds: float) -> Measured:
    """Runs every call over and over for `seconds`; what is under way at the end is finished and not counted."""
    latencies: list[float] = []
    start = time.perf_counter()
    end = start + seconds

    async def client(call: Call) -> None:
        while (sent := time.perf_counter()) < end:
            await call()
            answered = time.perf_counter()
            if answered <= end:
                latencies.append(answered - sent)

    await asyncio.gather(*(client(call) for call in calls))
    return Measured(seconds, latencies)


class Connection:
    """One HTTP/1.1 connection, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port, limit=LIMIT))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        at = lower.index(b"content-length:") + len(b"content-length:")
        length = int(lower[at : lower.index(b"\r\n", at)])
        return int(head[9:12]), await self._reader.readexactly(length)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
