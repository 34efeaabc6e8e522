"""What Celery's messages stand for: look at the table."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from functools import partial

from celery import shared_task
from celery.signals import worker_shutdown
from django.conf import settings

from assay.errors import Unavailable
from assay.keys import PrivateKey
from marketplace.catalogue import addresses
from marketplace.predictions import actions, idempotency, outbox, wakeups
from marketplace.predictions.dispatch import Dispatcher
from verification.groups import PeerGroups
from verification.nodes import PeerNodes

_starting = threading.Lock()
_dispatcher: Dispatcher | None = None


@shared_task(name="predictions.dispatch")
def dispatch() -> None:
    """Predictions are waiting."""
    dispatcher().wake()


@shared_task(name="predictions.expire_due")
def expire_due() -> None:
    actions.expire_due()


@shared_task(name="predictions.carry_out")
def carry_out() -> None:
    """Something is in the outbox."""
    wakeups.taken("outbox")
    time.sleep(wakeups.SETTLE)  # as the wake-ups ask of whoever takes one
    outbox.carry_out()


@shared_task(name="predictions.tidy_up")
def tidy_up() -> None:
    """Deletes what has had its time."""
    idempotency.forget_old()
    outbox.forget_done()


def dispatcher() -> Dispatcher:
    """This process's dispatcher, started by its first wake-up."""
    global _dispatcher  # noqa: PLW0603 - one for each process
    with _starting:
        if _dispatcher is None:
            identity = _identity()
            name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
            connect = partial(_connect, identity)
            _dispatcher = Dispatcher(name, connect, settings.ENV.dispatch_concurrency)
            _dispatcher.start()
        return _dispatcher


@worker_shutdown.connect
def _stop(**_: object) -> None:
    global _dispatcher  # noqa: PLW0603
    with _starting:
        if _dispatcher is not None:
            _dispatcher.stop()
            _dispatcher = None


def _connect(identity: PrivateKey) -> tuple[PeerNodes, PeerGroups]:
    return PeerNodes(identity, addresses.resolved), PeerGroups(identity, addresses.resolved)


def _identity() -> PrivateKey:
    if settings.ENV.identity is None:
        raise Unavailable(
            "a dispatch worker needs the marketplace's key",
            pointer="ASSAY_DISPATCH_KEY_FILE",
            expected="the path of a key file",
            got="nothing",
        )
    return PrivateKey.load(settings.ENV.identity)
