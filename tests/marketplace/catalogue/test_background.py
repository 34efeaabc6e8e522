"""A coroutine beside the database: what it tells arrives, what it raises is raised, walking away ends it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing

import pytest

from marketplace.catalogue.background import told_by


async def count(tell):
    for number in range(5):
        tell(number)
        await asyncio.sleep(0)


def test_what_is_told_arrives_in_order():
    assert list(told_by(count)) == [0, 1, 2, 3, 4]


def test_what_it_raises_is_raised_after_what_it_told():
    async def work(tell):
        await count(tell)
        raise ZeroDivisionError

    told = []
    with pytest.raises(ZeroDivisionError):
        told.extend(told_by(work))
    assert told == [0, 1, 2, 3, 4]


def test_whoever_walks_away_ends_it():
    cancelled = threading.Event()

    async def work(tell):
        tell(1)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with closing(told_by(work)) as told:
        assert next(told) == 1
    assert cancelled.is_set()


def test_its_thread_is_not_the_callers():
    async def work(tell):
        tell(threading.current_thread())

    [thread] = told_by(work)
    assert thread is not threading.current_thread()
    assert not thread.is_alive()
