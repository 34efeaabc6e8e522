"""Waking a worker: one Celery message while none is pending, however many predictions wait.

A wake-up says *look at the table now* and carries nothing; losing one costs at most a second, because the sweep
sends another. The mark in Redis means that somebody is going to look: whoever sets it sends the message, and the
worker removes it before its last look.
"""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from marketplace.broker import redis
from marketplace.celery import app

log = logging.getLogger(__name__)

PENDING = 2000  # ms after which a wake-up that nobody took no longer holds others back

TASKS = {"dispatch": "predictions.dispatch", "outbox": "predictions.carry_out"}


def request(queue: str) -> None:
    """Sees to it that a worker of `queue` looks at the table. Never fails: the sweep is the safety net."""
    try:
        if redis().set(_mark(queue), 1, nx=True, px=PENDING):
            app.send_task(TASKS[queue], queue=queue, ignore_result=True, expires=PENDING / 1000)
    except (RedisError, OperationalError) as error:
        log.warning("no wake-up for %s: %s", queue, error)


def taken(queue: str) -> None:
    """From now on a request sends a new wake-up. To be called before a worker's last look at the table."""
    try:
        redis().delete(_mark(queue))
    except RedisError as error:
        log.warning("cannot take the wake-up of %s: %s", queue, error)


def _mark(queue: str) -> str:
    return f"assay:wake:{queue}"
