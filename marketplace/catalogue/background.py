"""Runs a coroutine beside the database: network in a thread with an event loop, PostgreSQL in the caller's.

Django's connections belong to threads, and a task has one. What the coroutine tells comes out of an iterator in
the caller's thread, which may write it down, or walk away: then the coroutine is cancelled.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from queue import SimpleQueue
from typing import Any, TypeVar, cast

T = TypeVar("T")
_END = object()


def told_by(work: Callable[[Callable[[T], None]], Coroutine[Any, Any, None]]) -> Generator[T, None, None]:
    """What `work(tell)` tells, as it does; then raises what it raised."""
    told: SimpleQueue[object] = SimpleQueue()
    started: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = SimpleQueue()
    failure: list[BaseException] = []

    async def main() -> None:
        started.put((asyncio.get_running_loop(), cast("asyncio.Task[Any]", asyncio.current_task())))
        await work(told.put)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            failure.append(error)
        finally:
            told.put(_END)

    thread = threading.Thread(target=run, name="background", daemon=True)
    thread.start()
    loop, task = started.get()
    ended = False
    try:
        while (each := told.get()) is not _END:
            yield cast("T", each)
        ended = True
    finally:
        if not ended:
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
    if failure:
        raise failure[0]
