"""`Idempotency-Key`: a client's promise that two POSTs are one, kept for 24 hours.

The key and the prediction are written in one transaction, under a lock that PostgreSQL drops with it: a process
that dies half-way leaves neither, and the key is free again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable

from django.db import connection, transaction
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts.models import Organisation
from marketplace.errors import Conflict
from marketplace.predictions.models import IdempotencyKey, Prediction

KEPT = dt.timedelta(hours=24)
MAX_KEY = 255


def once(
    organisation: Organisation, key: str, body: bytes, make: Callable[[], Prediction]
) -> tuple[Prediction, bool]:
    """What `make` makes or, where this key has been used, what it made then; and whether it is the latter.

    Raises Refused for another body under the same key or a malformed one, Conflict while the first is at it.
    """
    if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Refused(
            "not an idempotency key",
            code="invalid-header",
            pointer="Idempotency-Key",
            expected=f"1 to {MAX_KEY} printable ASCII characters",
            got=f"{len(key)} characters",
        )
    digest = hashlib.sha256(body).digest()
    with transaction.atomic():
        _lock(f"{organisation.pk} {key}")
        used = IdempotencyKey.objects.filter(organisation=organisation, key=key).first()
        if used is not None and used.created > timezone.now() - KEPT:
            return _replayed(used, digest), True
        if used is not None:
            used.delete()
        prediction = make()
        IdempotencyKey(organisation=organisation, key=key, body_sha256=digest, prediction=prediction).save(
            force_insert=True
        )
        return prediction, False


def made_before(organisation: Organisation, key: str, body: bytes) -> Prediction | None:
    """What was made under this key, for a request that would be refused by now: the first answer may be lost.

    Raises Refused for another body under the same key.
    """
    kept = IdempotencyKey.objects.filter(created__gt=timezone.now() - KEPT)
    for used in kept.filter(organisation=organisation, key=key[:MAX_KEY]):
        return _replayed(used, hashlib.sha256(body).digest())
    return None


def forget_old() -> int:
    """Deletes keys whose time is over; how many."""
    return IdempotencyKey.objects.filter(created__lt=timezone.now() - KEPT).delete()[0]


def _replayed(used: IdempotencyKey, digest: bytes) -> Prediction:
    if bytes(used.body_sha256) != digest:
        raise Refused(
            "this idempotency key was used with another body",
            code="idempotency-mismatch",
            pointer="Idempotency-Key",
            hint="Use a new key for a new request.",
        )
    return used.prediction


def _lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"idempotency {name}"])
        (locked,) = cursor.fetchone()
    if not locked:
        raise Conflict(
            "a request with this idempotency key is being carried out",
            code="idempotency-in-flight",
            pointer="Idempotency-Key",
            hint="Wait a moment and send the same request again.",
        )
