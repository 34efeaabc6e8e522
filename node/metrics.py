"""Figures in Prometheus' text format, on a port of the loopback interface. Counts and times, never content."""

from __future__ import annotations

import asyncio
import bisect
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from assay.errors import Refused
from wire import address

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
REQUEST = 4096  # bytes of an HTTP request that are read
PATIENCE = 5.0  # seconds for one to arrive
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """How many observations were at most so large."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str) -> Iterator[str]:
        total = 0
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum}"
        yield f"{name}_count {total}"


class Metrics:
    """What the node counts."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()  # of submitted requests, by `answered` or the error's code
        self.seconds = Histogram(SECONDS)  # from a submit's arrival to its answer
        self.batches = Histogram(SIZES)  # certificates under one signature

    def text(self, gauges: Mapping[str, float]) -> str:
        """These and `gauges`, https://prometheus.io/docs/instrumenting/exposition_formats/."""
        lines = ["# TYPE assay_node_requests_total counter"]
        lines += [f'assay_node_requests_total{{outcome="{code}"}} {n}' for code, n in self.outcomes.items()]
        lines += ["# TYPE assay_node_request_seconds histogram"]
        lines += self.seconds.lines("assay_node_request_seconds")
        lines += ["# TYPE assay_node_batch_size histogram", *self.batches.lines("assay_node_batch_size")]
        for name, value in gauges.items():
            lines += [f"# TYPE assay_node_{name} gauge", f"assay_node_{name} {value}"]
        return "\n".join(lines) + "\n"


def require_loopback(listen: str) -> tuple[str, int]:
    """Host and port. Raises Refused where others than this machine could look."""
    host, port = address.split(listen)
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Refused(
            "figures are served to this machine alone",
            code="invalid-config",
            pointer="/metrics/listen",
            expected="127.0.0.1:port or [::1]:port",
            got=listen,
        )
    return host, port


async def serve(text: Callable[[], str], listen: str) -> asyncio.Server:
    """Answers `GET /metrics` with `text`. Raises Refused or OSError where it cannot listen there."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(text, request))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, TimeoutError):
            pass
        finally:
            writer.close()

    host, port = require_loopback(listen)
    return await asyncio.start_server(converse, host, port, limit=REQUEST)


def _answer(text: Callable[[], str], request: bytes) -> bytes:
    if request.split(b" ")[:2] == [b"GET", b"/metrics"]:
        return _response("200 OK", text())
    return _response("404 Not Found", "Only GET /metrics is here.\n")


def _response(status: str, text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
