"""What has to happen elsewhere because a transaction committed: written with it, carried out at least once.

A row is claimed by moving its due time ahead, and kept by moving it again while the work goes on; a worker that
dies stops doing so, and the row is due once more. Handlers are therefore written to be done twice. What fails for
a reason that may pass is tried again, later each time, and given up after MAX_ATTEMPTS with its reason on record.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from assay.errors import AssayError
from marketplace.predictions import wakeups
from marketplace.predictions.models import Outbox

MAX_ATTEMPTS = 6
MAX_DEATHS = 2 * MAX_ATTEMPTS  # attempts after which it is not even begun: no worker lived to give it up
LEASE = 15.0  # seconds after which the work of a worker that fell silent is anybody's
RENEW = LEASE / 3
FIRST_PAUSE = 1.0  # seconds before the second attempt, doubled each time
LONGEST_PAUSE = 60.0
KEPT = timedelta(days=30)  # for staff to look at

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """One row, claimed. `last`: whether it will be given up if it fails now."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int

    @property
    def last(self) -> bool:
        return self.attempts >= MAX_ATTEMPTS


Handler = Callable[[Errand], None]
_handlers: dict[str, Handler] = {}


def handler(kind: str, carry_out: Handler) -> None:
    """Names what carries out errands of this kind; it may raise an AssayError to be called again later."""
    _handlers[kind] = carry_out


def add(kind: str, **payload: Any) -> None:
    """To be called inside the transaction that is the reason for it."""
    assert kind in _handlers, kind
    Outbox.objects.create(kind=kind, payload=payload)
    transaction.on_commit(lambda: wakeups.request("outbox"))


def carry_out() -> int:
    """Carries out, one after the other, whatever is due now; how many. Any number of workers may do so at once."""
    done = 0
    while (errand := _claim()) is not None:
        _carry_out(errand)
        done += 1
    return done


def forget_done() -> int:
    """Removes what was done or given up long ago; how many."""
    return Outbox.objects.filter(done__lt=timezone.now() - KEPT).delete()[0]


def _carry_out(errand: Errand) -> None:
    if errand.attempts > MAX_DEATHS:
        _failed(errand, "every worker that began this died over it")
        return
    try:
        with _kept(errand):
            _handlers[errand.kind](errand)
    except AssayError as error:
        _failed(errand, str(error))
    except Exception as error:
        log.exception("%s %s", errand.kind, errand.payload)
        _failed(errand, f"{type(error).__name__}: {error}")
    else:
        Outbox.objects.filter(pk=errand.id).update(done=timezone.now(), error="")


def _failed(errand: Errand, reason: str) -> None:
    now = timezone.now()
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (errand.attempts - 1))
    log.warning("%s %s, attempt %d: %s", errand.kind, errand.payload, errand.attempts, reason)
    Outbox.objects.filter(pk=errand.id, attempts=errand.attempts).update(
        due=now + timedelta(seconds=pause), done=now if errand.last else None, error=reason[:300]
    )


_CLAIM = """
UPDATE predictions_outbox SET due = clock_timestamp() + %s * interval '1 second', attempts = attempts + 1
WHERE id = (
    SELECT id FROM predictions_outbox WHERE done IS NULL AND due <= clock_timestamp() AND kind = ANY(%s)
    ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


def _claim() -> Errand | None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [LEASE, list(_handlers)])
        claimed = cursor.fetchone()
    if claimed is None:
        return None
    row = Outbox.objects.get(pk=claimed[0])
    return Errand(row.pk, row.kind, row.payload, row.attempts)


@contextmanager
def _kept(errand: Errand) -> Iterator[None]:
    """Keeps the claim while the block runs."""
    over = threading.Event()

    def renew() -> None:
        try:
            while not over.wait(RENEW):
                due = timezone.now() + timedelta(seconds=LEASE)
                Outbox.objects.filter(pk=errand.id, attempts=errand.attempts).update(due=due)
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="outbox-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
