"""Database work from an event loop: in a few threads, each call with a connection from the pool and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)

THREADS = 3  # claims, writes, and the rest
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds before a database that is away is tried again

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads:
    """`await threads.run(function, …)` calls it where blocking does no harm."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "database")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def call() -> T:
            try:
                return function(*args, **kwargs)
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def insist(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for what may be done twice: waits out a database that is away, as long as the caller lives."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self.run(function, *args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                log.warning("the database is away: %s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def close(self) -> None:
        self._threads.shutdown()
