"""Database work from an event loop: in a few threads, each call with a connection from the pool and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connection

THREADS = 3  # claims, writes, and the rest

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

    def close(self) -> None:
        self._threads.shutdown()
