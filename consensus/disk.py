"""A storage as the event loop sees it: in a thread of its own, one call at a time, and writing goes on trying.

What nothing rests on may wait a little, and is written with what comes next: each write waits for the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from assay.errors import Unavailable
from consensus.durable import Durable, Standing, Storage
from consensus.messages import Record

FIRST_PAUSE = 0.5  # seconds before a write that failed is tried again
LONGEST_PAUSE = 10.0
IDLE = 0.5  # seconds for which something may wait to be written with what comes next

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Disk:
    """Belongs to one event loop."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")
        self._turn = asyncio.Lock()  # what was handed in first is written first, however often that fails
        self._waiting: list[Durable] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None
        self._failed: Exception | None = None

    def keep(self, what: Sequence[Durable]) -> None:
        """To be written before anything that is handed in later, and soon: nothing that is said rests on it."""
        self._waiting += what
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(IDLE, self._write_late)

    async def write(self, what: Sequence[Durable]) -> None:
        """Returns once all of it is safely written, however long the disk is full. Raises what else goes wrong."""
        async with self._turn:
            if self._failed is not None:
                raise self._failed  # for good, and nobody was there to be told
            waiting, self._waiting = self._waiting, []
            if waiting or what:
                await self._write([*waiting, *what])

    async def records(self, first: int, most: int) -> list[Record]:
        """As in `Storage`; none where the disk cannot be read: whoever asks will ask again."""
        return await self._read(partial(self._storage.records, first, most)) or []

    async def last(self) -> tuple[Record, Standing] | None:
        """As in `Storage`; None where the disk cannot be read."""
        return await self._read(self._storage.last)

    async def close(self) -> None:
        """Waits for what is being written; what waits is written if the disk takes it. The storage stays open."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._late is not None:
            self._late.cancel()
            await asyncio.gather(self._late, return_exceptions=True)
        if self._waiting and self._failed is None:
            waiting, self._waiting = self._waiting, []
            with suppress(Unavailable):
                await asyncio.to_thread(self._storage.write, waiting)
        await asyncio.to_thread(self._thread.shutdown)

    # --- within -------------------------------------------------------------------------------------------

    def _write_late(self) -> None:
        self._alarm = None
        loop = asyncio.get_running_loop()
        if self._late is not None and not self._late.done():
            self._alarm = loop.call_later(IDLE, self._write_late)
        elif self._waiting:
            self._late = loop.create_task(self.write([]))

    async def _write(self, what: list[Durable]) -> None:
        loop, pause, failed = asyncio.get_running_loop(), FIRST_PAUSE, False
        while True:
            try:
                await loop.run_in_executor(self._thread, self._storage.write, what)
            except Unavailable as error:
                _log.error("nothing is said until the disk takes it: %s", error)
                failed = True
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
            except Exception as error:
                self._failed = error
                raise
            else:
                if failed:
                    _log.warning("the disk takes what is written again")
                return

    async def _read(self, read: Callable[[], T]) -> T | None:
        """What waits is written first: it may be what is asked for."""
        if self._waiting:
            await self.write([])
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, read)
        except Unavailable as error:
            _log.warning("%s", error)
            return None
