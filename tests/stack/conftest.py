"""What the tests of the process manager share: a report that can be waited for, and services made of one line."""

from __future__ import annotations

import asyncio
import os
import select
import sys

import pytest

from stack.process import NotReady, Service

DEADLINE = 30.0  # seconds after which something that should have happened has not


class Recorder:
    """A manager's Report that remembers what happened, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []
        self.deaths: list[tuple[str, list[str], float]] = []
        self.failure: tuple[str, str, list[str]] | None = None
        self._changed = asyncio.Event()

    def _record(self, *event: str) -> None:
        self.events.append(event)
        self._changed.set()

    def starting(self, name):
        self._record("starting", name)

    def ready(self, name, seconds):
        self._record("ready", name)

    def died(self, name, reason, tail, retry_in):
        self.deaths.append((reason, list(tail), retry_in))
        self._record("died", name)

    def failed(self, name, reason, tail):
        self.failure = (name, reason, list(tail))
        self._record("failed", name)

    def stopped(self, name):
        self._record("stopped", name)

    async def until(self, *event: str, times: int = 1) -> None:
        """Waits until `event` has happened `times` times."""
        async with asyncio.timeout(DEADLINE):
            while self.events.count(event) < times:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def recorder():
    return Recorder()


FOREVER = "import signal; print('up'); signal.pause()"
FAMILY = "import subprocess, signal; print(subprocess.Popen(['sleep', '600']).pid); signal.pause()"


async def always() -> None:
    """A probe that passes."""


def python(name: str, code: str, **kwargs) -> Service:
    """A service that runs `code`."""
    return Service(name, (sys.executable, "-u", "-c", code), **{"ready": always, **kwargs})


def wait_gone(pids: list[int]) -> None:
    """Returns when none of `pids` is alive. Their end is awaited, not polled for."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([handle], [], [], DEADLINE)[0], f"process {pid} is still alive"
        finally:
            os.close(handle)


def said(folder, name):
    """A probe that passes once the service's log is not empty."""

    async def probe():
        if not (folder / f"{name}.log").read_bytes():
            raise NotReady("silent")

    return probe
