"""Starts services in the order of their dependencies, as probes pass; restarts what dies; stops in reverse.

At the start a service that keeps dying, or is not ready in time, ends the whole start with its last lines. Once
it has been ready, it is restarted for as long as the manager lives, at growing intervals, each time with the
reason. Whatever kills the manager, nothing it started is left (launch.py, guard.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Protocol, Self

from stack.process import Log, NotReady, Process, Service

GUARD = Path(__file__).with_name("guard.py")
POLL = 0.05  # seconds between two probes
STABLE = 30.0  # seconds up after which earlier deaths are forgotten
START_ATTEMPTS = 3


@dataclass(frozen=True)
class Backoff:
    """Seconds before the n-th restart in a row: `first`, doubled each time, up to `most`."""

    first: float = 0.5
    most: float = 30.0

    def before(self, restart: int) -> float:
        return float(min(self.most, self.first * 2 ** min(restart, 16)))


class Report(Protocol):
    """What the manager tells whoever watches."""

    def starting(self, name: str) -> None: ...
    def ready(self, name: str, seconds: float) -> None: ...
    def died(self, name: str, reason: str, tail: Sequence[str], retry_in: float) -> None: ...
    def failed(self, name: str, reason: str, tail: Sequence[str]) -> None: ...
    def stopped(self, name: str) -> None: ...


class StartFailed(Exception):
    """A service could not be brought up; nothing is left running once the manager has stopped."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        super().__init__(f"{name} did not start: {reason}")
        self.name, self.reason, self.log = name, reason, log


class Guard:
    """The line to guard.py."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    @classmethod
    async def start(cls) -> Guard:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARD)),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(child)

    async def tell(self, sign: str, group: int) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._child.stdin.write(f"{sign}{group}\n".encode())
            await self._child.stdin.drain()

    async def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()


class Unit:
    """One service under supervision."""

    def __init__(self, service: Service, log: Log, guard: Guard, report: Report, backoff: Backoff) -> None:
        self.service, self.log = service, log
        self.ready = asyncio.Event()
        self.process: Process | None = None
        self._guard, self._report, self._backoff = guard, report, backoff

    async def run(self, depends_on: Iterable[Unit]) -> None:
        """Runs until cancelled, then stops the process; a step ends by itself. Raises StartFailed."""
        for unit in depends_on:
            await unit.ready.wait()
        loop = asyncio.get_running_loop()
        self._report.starting(self.service.name)
        restarts = 0
        while True:
            begun = loop.time()
            reason = await self._live()
            if self.service.ready is None and self.ready.is_set():
                return
            lived = loop.time() - begun
            tries = START_ATTEMPTS if self.service.ready else 1
            too_late = restarts + 1 >= tries or lived >= self.service.ready_within
            if too_late and not self.ready.is_set():
                self._report.failed(self.service.name, reason, self.log.tail())
                raise StartFailed(self.service.name, reason, self.log.path)
            restarts = 0 if lived > STABLE else restarts
            pause = self._backoff.before(restarts)
            self._report.died(self.service.name, reason, self.log.tail(), pause)
            await asyncio.sleep(pause)
            restarts += 1

    async def _live(self) -> str:
        """One life, from start to end; why it ended."""
        try:
            if self.service.prepare:
                await asyncio.to_thread(self.service.prepare)
            self.process = process = await Process.start(self.service, self.log)
        except OSError as error:
            return str(error)
        try:
            await self._guard.tell("+", process.pid)
            begun = asyncio.get_running_loop().time()
            failure = await self._until_ready(process)
            if failure:
                return failure
            self._report.ready(self.service.name, asyncio.get_running_loop().time() - begun)
            self.ready.set()
            return str(await asyncio.shield(process.exited))
        finally:
            await process.stop()
            await self._guard.tell("-", process.pid)
            self.process = None

    async def _until_ready(self, process: Process) -> str | None:
        """None once the probe passes or the step has succeeded, else why it did not in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.service.ready_within
        missing = "it did not end" if self.service.ready is None else "its probe did not return"
        while loop.time() < end:
            probe = asyncio.ensure_future(self.service.ready() if self.service.ready else asyncio.Event().wait())
            try:
                await _first({probe, process.exited}, end - loop.time())
                if process.exited.done():
                    how = process.exited.result()
                    return None if self.service.ready is None and how.status == 0 else str(how)
                if probe.done():
                    probe.result()
                    return None
            except (NotReady, OSError) as error:
                missing = str(error) or type(error).__name__
            finally:
                probe.cancel()
            await _first({process.exited}, POLL)
        return f"not ready within {self.service.ready_within:g} s: {missing}"


async def _first(tasks: set[asyncio.Future[Any]], seconds: float) -> None:
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


class Manager:
    """`async with Manager(…)` has every service ready inside, and none left after."""

    def __init__(
        self, services: Sequence[Service], logs: Path, report: Report, backoff: Backoff | None = None
    ) -> None:
        self.services = {service.name: service for service in services}
        self._levels = _levels(self.services.values())
        self._logs, self._report, self._backoff = logs, report, backoff or Backoff()
        self._units: dict[str, Unit] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._guard: Guard | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when every service is ready. Raises StartFailed."""
        self._guard = await Guard.start()
        for name, service in self.services.items():
            log = Log(self._logs / f"{name}.log")
            self._units[name] = Unit(service, log, self._guard, self._report, self._backoff)
        for name, unit in self._units.items():
            needed = [self._units[other] for other in unit.service.depends_on]
            self._tasks[name] = asyncio.create_task(unit.run(needed), name=name)
        ready = asyncio.create_task(self._all_ready())
        failed = asyncio.create_task(self.failed())
        try:
            await asyncio.wait({ready, failed}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result()
        finally:
            ready.cancel()
            failed.cancel()

    async def _all_ready(self) -> None:
        for unit in self._units.values():
            await unit.ready.wait()

    async def failed(self) -> None:
        """Waits for as long as supervision works (for steps alone: until they are done); raises what broke it."""
        tasks = set(self._tasks.values())
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    def pid(self, name: str) -> int | None:
        """The process that runs `name` now; None between two lives."""
        process = self._units[name].process
        return process.pid if process else None

    async def stop(self) -> None:
        """Stops every service, dependants first."""
        for level in reversed(self._levels):
            await asyncio.gather(*(self._stop_one(name) for name in level))
        if self._guard:
            await self._guard.close()
            self._guard = None

    async def _stop_one(self, name: str) -> None:
        task, unit = self._tasks.pop(name, None), self._units.pop(name, None)
        if task is None or unit is None:
            return
        running = unit.process is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        unit.log.close()
        if running:
            self._report.stopped(name)


def _levels(services: Iterable[Service]) -> list[tuple[str, ...]]:
    """Names in groups; each depends only on names in earlier groups. Raises graphlib.CycleError."""
    order = TopologicalSorter({service.name: service.depends_on for service in services})
    order.prepare()
    levels = []
    while order.is_active():
        levels.append(order.get_ready())
        order.done(*levels[-1])
    return levels
