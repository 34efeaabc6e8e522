"""A worker's claims: which predictions it carries out, and for how long nobody else will.

One statement takes what waits, oldest first, passing over what other workers are taking at the same moment. A
lease that was not renewed has run out: its worker is dead or frozen, and whoever looks next goes on in its place.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

LEASE = 15.0  # seconds
MAX_ATTEMPTS = 5  # workers that may die over one prediction

_CLAIM = """
WITH due AS (
    SELECT id FROM predictions_prediction
    WHERE completed IS NULL AND (lease IS NULL OR lease < now()) AND deadline > now()
    ORDER BY created LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE predictions_prediction AS p SET
        status = CASE WHEN status = 'received' THEN 'dispatched' ELSE status END,
        dispatched = coalesce(dispatched, now()), seq = seq + 1, attempts = attempts + 1,
        lease = now() + %(lease)s * interval '1 second', worker = %(worker)s
    FROM due WHERE p.id = due.id
    RETURNING p.id, p.version_id, p.target, p.mode, p.params, p.inputs, p.salt, p.deadline, p.attempts, p.saved,
              p.seq, p.created
), noted AS (
    INSERT INTO predictions_predictionevent (prediction_id, seq, stage, detail, time)
    SELECT id, seq, CASE WHEN attempts = 1 THEN 'dispatched' ELSE 'resumed' END, '{}', now() FROM claimed
), told AS (
    SELECT count(pg_notify('prediction', replace(id::text, '-', '') || ' ' || seq || ' open')) FROM claimed
)
SELECT id, version_id, target, mode, params, inputs, salt, deadline, attempts, saved FROM claimed, told
ORDER BY created
"""

_RENEW = """
UPDATE predictions_prediction SET lease = now() + %s * interval '1 second'
WHERE id = ANY(%s::uuid[]) AND worker = %s AND completed IS NULL RETURNING id
"""

_SAVE = "UPDATE predictions_prediction SET saved = %s WHERE id = %s AND worker = %s AND completed IS NULL"


@dataclass(frozen=True)
class Claim:
    """A prediction that is this worker's to carry out."""

    id: UUID
    version: int
    target: str
    mode: str
    params: dict[str, Any]
    inputs: bytes
    salt: bytes
    deadline: dt.datetime
    attempts: int
    saved: bytes  # empty if nothing was saved


def claim(worker: str, limit: int) -> list[Claim]:
    """At most `limit` predictions, now this worker's for LEASE seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"limit": limit, "lease": LEASE, "worker": worker})
        return [_claim(row) for row in cursor.fetchall()]


def renew(worker: str, predictions: Collection[UUID]) -> set[UUID]:
    """Those that are still this worker's, for another LEASE seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [LEASE, [str(each) for each in predictions], worker])
        return {row[0] for row in cursor.fetchall()}


def save(worker: str, prediction: UUID, state: bytes) -> bool:
    """Keeps what `Mode.resume` will need; False when the prediction is no longer this worker's."""
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [state, prediction, worker])
        return bool(cursor.rowcount)


def _claim(row: tuple[Any, ...]) -> Claim:
    identifier, version, target, mode, params, inputs, salt, deadline, attempts, saved = row
    return Claim(
        id=identifier,
        version=version,
        target=target,
        mode=mode,
        params=json.loads(params),
        inputs=bytes(inputs),
        salt=bytes(salt),
        deadline=deadline,
        attempts=attempts,
        saved=bytes(saved or b""),
    )
