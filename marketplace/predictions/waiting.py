"""Waiting for a prediction without polling: one listening connection for a whole process.

A waiter watches one prediction and holds no database connection meanwhile. It starts to watch *before* it reads
the state, so nothing falls between the two. Should the listening connection break, every waiter is woken, reads
again, and a new connection is made. Used by `Prefer: wait` (threads) and by event streams (tasks of a loop).
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from uuid import UUID

import psycopg2
from django.conf import settings
from django.db import connections
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from assay.errors import Unavailable
from marketplace.predictions.notices import CHANNEL, Notice, parse

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds before listening anew

Tell = Callable[[Notice | None], None]  # None: something may have been missed


class Hub:
    """The process's listening connection and who is told what it hears."""

    def __init__(self, connect: Callable[[], connection], limit: int) -> None:
        self._connect = connect
        self._limit = limit
        self._watching: defaultdict[UUID, set[Tell]] = defaultdict(set)
        self._count = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._close_asked, self._close_seen = socket.socketpair()

    @contextmanager
    def watch(self, prediction: UUID, tell: Tell) -> Iterator[None]:
        """`tell` is called, from another thread, for each notice of this prediction. Never blocks.

        Raises Unavailable when too many watch already.
        """
        with self._lock:
            if self._count >= self._limit:
                raise Unavailable(
                    "too many requests are waiting here", code="too-many-waiting", hint="Ask again in a moment."
                )
            self._count += 1
            self._watching[prediction].add(tell)
            self._start()
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                self._watching[prediction].discard(tell)
                if not self._watching[prediction]:
                    del self._watching[prediction]

    def close(self) -> None:
        """Listens no more. For tests and for the end of a process."""
        self._closed.set()
        self._close_asked.send(b"x")
        if self._thread is not None:
            self._thread.join()
        self._close_asked.close()
        self._close_seen.close()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen_for_ever, name="listen", daemon=True)
            self._thread.start()

    def _listen_for_ever(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            try:
                for notice in self._notices():
                    pause = FIRST_PAUSE
                    self._tell(notice)
            except psycopg2.Error as error:
                log.warning("the listening connection broke: %s", error)
            self._tell_everybody()
            self._closed.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _notices(self) -> Iterator[Notice]:
        listening = self._connect()
        try:
            listening.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with listening.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._tell_everybody()  # something may have happened while nobody listened
            while not self._closed.is_set():
                select.select([listening.fileno(), self._close_seen.fileno()], [], [])
                listening.poll()
                while listening.notifies:
                    yield from parse(listening.notifies.pop(0).payload)
        finally:
            listening.close()

    def _tell(self, notice: Notice) -> None:
        with self._lock:
            watching = list(self._watching.get(notice.prediction, ()))
        for tell in watching:
            tell(notice)

    def _tell_everybody(self) -> None:
        with self._lock:
            watching = [tell for each in self._watching.values() for tell in each]
        for tell in watching:
            tell(None)


@cache
def hub() -> Hub:
    """This process's hub; it begins to listen with the first waiter."""

    def connect() -> connection:
        params = connections["default"].get_connection_params()
        params.pop("cursor_factory", None)
        connected: connection = psycopg2.connect(**params)
        return connected

    return Hub(connect, settings.WAITERS)


class Ended:
    """For a thread: `wait` returns once the prediction has ended or something may have been missed."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def tell(self, notice: Notice | None) -> None:
        if notice is None or notice.ended:
            self._event.set()

    def wait(self, seconds: float) -> bool:
        """Whether there is a reason to read again."""
        told = self._event.wait(seconds)
        self._event.clear()
        return told


class Changed:
    """For a task: `wait` returns once there is something new."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def tell(self, notice: Notice | None) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Whether there is a reason to read again."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        self._event.clear()
        return True
