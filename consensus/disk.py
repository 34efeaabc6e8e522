"""A storage as the event loop sees it: in a thread of its own, one call at a time, and writing goes on trying."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from assay.errors import Unavailable
from consensus.durable import Durable, Standing, Storage
from consensus.messages import Record

FIRST_PAUSE = 0.5  # seconds before a write that failed is tried again
LONGEST_PAUSE = 10.0

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Disk:
    """Belongs to one event loop."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")

    async def write(self, what: list[Durable]) -> None:
        """Returns once all of it is safely written, however long the disk is full. Raises what else goes wrong."""
        loop, pause, failed = asyncio.get_running_loop(), FIRST_PAUSE, False
        while True:
            try:
                await loop.run_in_executor(self._thread, self._storage.write, what)
            except Unavailable as error:
                _log.error("nothing is said until the disk takes it: %s", error)
                failed = True
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
            else:
                if failed:
                    _log.warning("the disk takes what is written again")
                return

    async def records(self, first: int, most: int) -> list[Record]:
        """As in `Storage`; none where the disk cannot be read: whoever asks will ask again."""
        return await self._read(partial(self._storage.records, first, most)) or []

    async def last(self) -> tuple[Record, Standing] | None:
        """As in `Storage`; None where the disk cannot be read."""
        return await self._read(self._storage.last)

    async def _read(self, read: Callable[[], T]) -> T | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, read)
        except Unavailable as error:
            _log.warning("%s", error)
            return None

    async def close(self) -> None:
        """Waits for what is being written; the storage itself stays open."""
        await asyncio.to_thread(self._thread.shutdown)
