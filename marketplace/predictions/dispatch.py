"""Carrying predictions out: a background event loop in each worker process, with lasting connections to the nodes.

It claims what waits, runs each claim's mode, and writes down what happens. It looks at the table when a Celery
task wakes it, every POLL while there is work, and every IDLE in any case. Nothing here is a promise: the promises
are the table's (leases, guarded ends) and the nodes' (one answer for a request id, for ever).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from assay.errors import Unavailable
from marketplace.db.threads import DatabaseThreads
from marketplace.predictions import claims, wakeups
from marketplace.predictions.carrying_out import REMEMBERED, FollowingGroups, Providers, Workshop, carry_out
from marketplace.predictions.claims import Claim
from marketplace.predictions.writing import Writer
from verification.mode import Nodes

log = logging.getLogger(__name__)

POLL = 0.005  # seconds between looks while there is work
LINGER = 0.1  # seconds without work after which it counts as idle
IDLE = 1.0  # seconds between looks when idle
RENEW = claims.LEASE / 3
FAREWELL = 5.0  # seconds for what is under way when the worker is told to stop


class ClosingNodes(Nodes, Protocol):
    async def close(self) -> None: ...


class ClosingGroups(FollowingGroups, Protocol):
    async def close(self) -> None: ...


Connect = Callable[[], tuple[ClosingNodes, ClosingGroups]]  # called in the event loop that they belong to


class Dispatcher:
    """One for a process. `start` returns at once; `stop` gives what is under way a moment to end."""

    def __init__(self, worker: str, connect: Connect, capacity: int) -> None:
        self.worker = worker
        self._connect = connect
        self._capacity = capacity
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._asked: Counter[int] = Counter()  # groups, by what is under way
        self._found = 0.0  # when there last was something to claim, monotonic
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="dispatch", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def wake(self) -> None:
        """From any thread: look at the table now."""
        self._loop.call_soon_threadsafe(self._awake.set)

    def stop(self) -> None:
        """Claims nothing more; what has not ended within FAREWELL is left to another worker."""
        self._loop.call_soon_threadsafe(self._stop_looking)
        self._thread.join()

    def _stop_looking(self) -> None:
        self._stopping.set()
        self._awake.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._awake, self._stopping = asyncio.Event(), asyncio.Event()
        self._database, (nodes, groups) = DatabaseThreads(), self._connect()
        writer, providers = Writer(self._database), Providers(self._database)
        self._workshop = Workshop(self.worker, nodes, groups, self._database, providers, writer)
        background = [
            asyncio.create_task(each) for each in (writer.run(), self._keep_leases(), self._follow_groups())
        ]
        self._ready.set()
        try:
            while not self._stopping.is_set():
                await self._look()
            if self._running:
                await asyncio.wait(self._running.values(), timeout=FAREWELL)
        finally:
            for task in (*background, *self._running.values()):
                task.cancel()
            await asyncio.gather(*background, *self._running.values(), return_exceptions=True)
            await nodes.close()
            await groups.close()
            self._database.close()

    # --- claiming -----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Claims what it can carry out, then waits until there may be more."""
        try:
            if await self._claim():
                return
            if self._running or time.monotonic() < self._found + LINGER:
                await self._sleep(POLL)
                return
            # From here on a request sends a wake-up again; what came before is found by the last look.
            await self._database.run(wakeups.taken, "dispatch")
            await self._sleep(wakeups.SETTLE)
            if not await self._claim():
                await self._sleep(IDLE)
        except Exception:
            log.exception("cannot look at the table")
            await self._sleep(IDLE)

    async def _claim(self) -> bool:
        """Whether there was something."""
        room = self._capacity - len(self._running)
        if room == 0:
            return False
        claimed = await self._database.run(claims.claim, self.worker, room)
        for each in claimed:
            self._running[each.id] = asyncio.create_task(self._carry_out(each))
        if claimed:
            self._found = time.monotonic()
        return bool(claimed)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._awake.wait(), seconds)
        except TimeoutError:
            return
        self._awake.clear()

    async def _carry_out(self, claim: Claim) -> None:
        of_group = () if claim.group is None else (claim.group,)
        self._asked.update(of_group)
        try:
            await carry_out(claim, self._workshop)
        finally:
            self._running.pop(claim.id, None)
            self._asked.subtract(of_group)

    async def _follow_groups(self) -> None:
        """A group in its next epoch answers there what it was asked before, once it is asked again."""
        while True:
            await asyncio.sleep(REMEMBERED)
            self._asked = +self._asked  # without those of which nothing is under way
            for group in list(self._asked):
                try:
                    self._workshop.groups.follow(await self._workshop.providers.of_group(group))
                except Unavailable:
                    continue  # it was withdrawn
                except Exception:
                    log.exception("cannot look after group %d", group)

    # --- leases -------------------------------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        """Renews what is under way; what is no longer ours (cancelled, expired, taken over) is dropped."""
        while True:
            await asyncio.sleep(RENEW)
            try:
                running = list(self._running)
                held = await self._database.run(claims.renew, self.worker, running) if running else set()
                for lost in set(running) - held:
                    if task := self._running.get(lost):
                        task.cancel()
            except Exception:
                log.exception("cannot renew leases")
