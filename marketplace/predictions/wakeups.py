"""Waking a worker: one Celery message while none is pending, however many predictions wait.

A wake-up says *look at the table now* and carries nothing; losing one costs at most a second, because the sweep
sends another. The mark in Redis means that somebody is going to look: whoever sets it sends the message. The
worker removes it, waits for SETTLE, and looks once more; therefore a process that has just tried to set the mark
need not try again for a MOMENT.
"""

from __future__ import annotations

import logging
import time

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from marketplace.broker import redis
from marketplace.celery import app

log = logging.getLogger(__name__)

MOMENT = 0.02  # seconds
SETTLE = 0.05  # seconds, longer than MOMENT
PENDING = 2000  # ms after which a wake-up that nobody took no longer holds others back

_tried: dict[str, float] = {}  # when this process last tried to set a queue's mark

TASKS = {"dispatch": "predictions.dispatch", "outbox": "predictions.carry_out"}


def request(queue: str) -> None:
    """Sees to it that a worker of `queue` looks at the table. Never fails: the sweep is the safety net."""
    now = time.monotonic()
    if now < _tried.get(queue, 0.0) + MOMENT:
        return
    try:
        _tried[queue] = now
        if redis().set(_mark(queue), 1, nx=True, px=PENDING):
            app.send_task(TASKS[queue], queue=queue, ignore_result=True, expires=PENDING / 1000)
    except (RedisError, OperationalError) as error:
        log.warning("no wake-up for %s: %s", queue, error)


def taken(queue: str) -> None:
    """From now on a request sends a new wake-up. A worker's last look comes SETTLE later."""
    try:
        redis().delete(_mark(queue))
    except RedisError as error:
        log.warning("cannot take the wake-up of %s: %s", queue, error)


def _mark(queue: str) -> str:
    return f"assay:wake:{queue}"
