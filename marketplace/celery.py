"""Celery: the queues, who is woken through them, and what is done regularly.

A task here is a wake-up or a sweep: it carries no work of its own and may be lost or doubled without harm
(docs/adr/0005-dispatch.md). Hence no results, no redelivery, and a sweep that was not taken in time is dropped.
"""

from __future__ import annotations

import gc
import os
from typing import Any

from celery import Celery, signals
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

from marketplace.settings import ENV

SECOND, HOUR = 1.0, 3600.0

# `dispatch` wakes those who carry predictions out and must never be kept waiting; `outbox` is for all the rest
QUEUES = ("dispatch", "outbox")

# what is done every so many seconds, and in which queue
SWEEPS: dict[str, tuple[float, str]] = {
    "predictions.dispatch": (SECOND, "dispatch"),
    "predictions.expire_due": (SECOND, "dispatch"),
    "predictions.carry_out": (SECOND, "outbox"),
    "predictions.tidy_up": (HOUR, "outbox"),
    "catalogue.check_nodes": (5 * SECOND, "outbox"),
    "catalogue.advance_evaluations": (2 * SECOND, "outbox"),
    "catalogue.tidy_up": (HOUR, "outbox"),
    "groups.tell_again": (10 * SECOND, "outbox"),
    "billing.release_stakes": (60 * SECOND, "outbox"),
    "billing.mature": (HOUR, "outbox"),
    "billing.tidy_up": (HOUR, "outbox"),
}


def _entry(task: str, every: float, queue: str) -> dict[str, Any]:
    return {"task": task, "schedule": every, "options": {"queue": queue, "expires": max(every, 2 * SECOND)}}


app = Celery("assay")
app.conf.update(
    broker_url=ENV.broker,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_keepalive": True, "socket_timeout": 10.0},
    task_queues=[Queue(name) for name in QUEUES],
    task_default_queue="outbox",
    task_create_missing_queues=False,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_serializer="json",
    accept_content=["json"],
    enable_utc=True,
    beat_schedule={task: _entry(task, *sweep) for task, sweep in SWEEPS.items()},
    beat_schedule_filename=str(ENV.var / "beat"),
)
app.autodiscover_tasks(
    [
        f"marketplace.{name}"
        for name in ("accounts", "billing", "catalogue", "certificates", "groups", "predictions")
    ]
)


@signals.worker_ready.connect  # by then everything is imported
def leave_what_stays_out_of_collections(**_: Any) -> None:
    """Walking it in search of garbage would hold all predictions of the process up, every now and then."""
    gc.collect()
    gc.freeze()
