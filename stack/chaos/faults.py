"""Killing (-9) and freezing (SIGSTOP) the services of a running site, and telling when one has healed.

A killed service loses its first process; what else belonged to it must be gone by the time it is back. A frozen
one stands still with all its processes, as on a machine that is paused, and then goes on as if nothing had been.
Nothing here restarts anything: that is the manager's.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import psutil

from stack.manager import Manager
from stack.process import NotReady, Service

PATIENCE = 120.0  # seconds for anything that is waited for
LOOK = 0.05  # seconds between looks
SHORT = (1.0, 6.0)  # seconds frozen, from and to
LONG = (16.0, 20.0)  # now and then: longer than any lease lasts, or a node may be silent
RARELY = 6  # one freeze in so many is long

T = TypeVar("T")


class Kind(StrEnum):
    """What befalls a service."""

    KILLED = "killed"
    FROZEN = "frozen"


@dataclass(frozen=True)
class Fault:
    """`seconds`: how long it stays frozen."""

    service: str
    kind: Kind
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.service} {self.kind}" + (f" for {self.seconds:.1f} s" if self.seconds else "")


def schedule(rng: random.Random, services: Sequence[str]) -> Iterator[Fault]:
    """Faults without end, in rounds: in each every service is killed once and frozen once, in random order."""
    while True:
        around = [Fault(name, Kind.KILLED) for name in services]
        around += [Fault(name, Kind.FROZEN, _seconds(rng)) for name in services]
        rng.shuffle(around)
        yield from around


def _seconds(rng: random.Random) -> float:
    return rng.uniform(*(SHORT if rng.randrange(RARELY) else LONG))


class Victim:
    """A service of a running site."""

    def __init__(self, manager: Manager, name: str) -> None:
        self.name = name
        self._manager = manager
        self._service: Service = manager.services[name]

    def processes(self) -> list[psutil.Process]:
        """Those it has now, the first one first; waits for it to have one."""
        return until(self._family, f"{self.name} runs")

    def kill(self) -> None:
        """Kills its first process, waits until the service is ready again and nothing of before is left."""
        family = self.strike()
        self.healed(family)

    def strike(self) -> list[psutil.Process]:
        """Kills its first process, and waits for nothing; what it consisted of."""
        family = self.processes()
        family[0].kill()
        return family

    def healed(self, family: Sequence[psutil.Process]) -> None:
        """Returns once a service that was struck is ready again and none of `family` is left."""
        until(lambda: self._manager.pid(self.name) not in (None, family[0].pid), f"{self.name} is started again")
        self.ready()
        until(lambda: not any(map(_alive, family)), f"{self.name} leaves no process of its last life")

    @contextmanager
    def down(self) -> Iterator[None]:
        """Killed as often as it is started inside the block; ready again after it."""
        over = threading.Event()

        def keep_down() -> None:
            while not over.wait(LOOK):
                pid = self._manager.pid(self.name)
                if pid is not None:
                    _signal(pid, signal.SIGKILL)

        family, thread = self.strike(), threading.Thread(target=keep_down, name="down")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.healed(family)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All its processes stand still inside the block."""
        stopped: list[int] = []
        try:
            while new := [each.pid for each in self.processes() if each.pid not in stopped]:
                for pid in new:  # parents first, so that the next look finds all their children
                    _signal(pid, signal.SIGSTOP)
                    stopped.append(pid)
            yield
        finally:
            for pid in reversed(stopped):
                _signal(pid, signal.SIGCONT)

    def ready(self) -> None:
        """Returns once its probe passes."""
        until(self._probe, f"{self.name} is ready")

    def _probe(self) -> bool:
        assert self._service.ready is not None, "a step cannot be a victim"
        try:
            asyncio.run(_awaited(self._service))
        except (NotReady, OSError):
            return False
        return True

    def _family(self) -> list[psutil.Process] | None:
        pid = self._manager.pid(self.name)
        if pid is None:
            return None
        try:
            first = psutil.Process(pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return None


def until(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """What `look` gives once it gives something true. Raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(LOOK)
    return found


async def _awaited(service: Service) -> None:
    assert service.ready is not None
    await service.ready()


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
