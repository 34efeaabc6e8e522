"""A bounded pool of psycopg2 connections, shared by the threads of one process.

Under ASGI Django gives every request a thread of its own, and with it a connection of its own; without a pool
each request would connect anew (a process forked in PostgreSQL, several milliseconds). Django's own pool needs
psycopg 3, `psycopg2.pool` refuses instead of waiting when it is empty, and django-db-connection-pool brings
SQLAlchemy: hence these few lines.

A connection goes back only if it is healthy and outside a transaction, and comes out only if the server has not
hung up meanwhile. Nothing is shared over a fork.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from psycopg2 import OperationalError
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_UNKNOWN, connection

WAIT = 10.0  # seconds a thread waits for a connection before it gives up


class Pool:
    """At most `size` connections, idle ones last in, first out."""

    def __init__(self, connect: Callable[[], connection], size: int) -> None:
        self._connect = connect
        self._idle: list[connection] = []
        self._free = threading.BoundedSemaphore(size)
        self.size = size

    def take(self) -> connection:
        """A connection outside any transaction. Raises OperationalError if none gets free in time."""
        if not self._free.acquire(timeout=WAIT):
            raise OperationalError(f"no database connection became free within {WAIT:.0f} s (pool of {self.size})")
        try:
            while self._idle:
                candidate = self._idle.pop()
                if not _hung_up(candidate):
                    return candidate
                candidate.close()
            return self._connect()
        except BaseException:
            self._free.release()
            raise

    def give(self, used: connection) -> None:
        """Takes a connection back, or closes it when it is of no more use."""
        try:
            if _clean(used):
                self._idle.append(used)
            else:
                used.close()
        finally:
            self._free.release()

    def close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _clean(used: connection) -> bool:
    if used.closed:
        return False
    status = used.info.transaction_status
    if status == TRANSACTION_STATUS_UNKNOWN:
        return False
    if status != TRANSACTION_STATUS_IDLE:
        try:
            used.rollback()
        except Exception:  # noqa: BLE001 - whatever it was, the connection is not reused
            return False
    return True


def _hung_up(idle: connection) -> bool:
    """An idle connection is readable only when the server closed it (or said something nobody asked for)."""
    if idle.closed:
        return True
    poll = select.poll()
    poll.register(idle.fileno(), select.POLLIN)
    return bool(poll.poll(0))


_pools: dict[tuple[object, ...], Pool] = {}
_lock = threading.Lock()


def pool_for(key: tuple[object, ...], connect: Callable[[], connection], size: int) -> Pool:
    """The process's pool for these connection parameters."""
    with _lock:
        if key not in _pools:
            _pools[key] = Pool(connect, size)
        return _pools[key]


os.register_at_fork(after_in_child=_pools.clear)  # psycopg2 leaves a parent's connections alone when collected
