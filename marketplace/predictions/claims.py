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

from marketplace.db.statements import Statement

LEASE = 15.0  # seconds
MAX_ATTEMPTS = 5  # workers that may die over one prediction

_CLAIM = Statement(
    """
    WITH due AS (
        SELECT id FROM predictions_prediction
        WHERE completed IS NULL AND (lease IS NULL OR lease < now()) AND deadline > now()
        ORDER BY created LIMIT $1 FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE predictions_prediction AS p SET
            status = CASE WHEN status = 'received' THEN 'dispatched' ELSE status END,
            dispatched = coalesce(dispatched, now()), seq = seq + 1, attempts = attempts + 1,
            lease = now() + $2 * interval '1 second', worker = $3
        FROM due WHERE p.id = due.id
        RETURNING p.id, p.version_id, p.group_id, p.target, p.mode, p.params, p.inputs, p.source, p.source_type,
                  p.salt, p.deadline, p.attempts, p.saved, p.seq, p.created
    ), noted AS (
        INSERT INTO predictions_predictionevent (prediction_id, seq, stage, detail, time)
        SELECT id, seq, CASE WHEN attempts = 1 THEN 'dispatched' ELSE 'resumed' END, '{}', now() FROM claimed
    ), told AS (
        SELECT count(pg_notify('prediction', replace(id::text, '-', '') || ' ' || seq || ' open')) FROM claimed
    )
    SELECT id, version_id, group_id, target, mode, params, inputs, source, source_type, salt, deadline, attempts,
           saved
    FROM claimed, told ORDER BY created
    """,
    *("int", "float8", "text"),
)

_RENEW = Statement(
    """
    UPDATE predictions_prediction SET lease = now() + $1 * interval '1 second'
    WHERE id = ANY(ARRAY(SELECT unnest($2))) AND worker = $3 AND completed IS NULL RETURNING id
    """,
    *("float8", "uuid[]", "text"),
)

_SAVE = Statement(
    """
    UPDATE predictions_prediction SET saved = $1
    WHERE id = $2 AND worker = $3 AND completed IS NULL RETURNING id
    """,
    *("bytea", "uuid", "text"),
)


@dataclass(frozen=True)
class Claim:
    """A prediction that is this worker's to carry out."""

    id: UUID
    version: int | None  # one of the two
    group: int | None
    target: str
    mode: str
    params: dict[str, Any]
    inputs: bytes | None
    source: bytes | None
    source_type: str
    salt: bytes
    deadline: dt.datetime
    attempts: int
    saved: bytes  # empty if nothing was saved


def claim(worker: str, limit: int) -> list[Claim]:
    """At most `limit` predictions, now this worker's for LEASE seconds."""
    return [_claim(row) for row in _CLAIM.rows(limit, LEASE, worker)]


def renew(worker: str, predictions: Collection[UUID]) -> set[UUID]:
    """Those that are still this worker's, for another LEASE seconds."""
    return {row[0] for row in _RENEW.rows(LEASE, [str(each) for each in predictions], worker)}


def save(worker: str, prediction: UUID, state: bytes) -> bool:
    """Keeps what `Mode.resume` will need; False when the prediction is no longer this worker's."""
    return bool(_SAVE.rows(state, str(prediction), worker))


def _claim(row: tuple[Any, ...]) -> Claim:
    identifier, version, group, target, mode, params, inputs, source, *rest = row
    source_type, salt, deadline, attempts, saved = rest
    return Claim(
        id=identifier,
        version=version,
        group=group,
        target=target,
        mode=mode,
        params=json.loads(params),
        inputs=None if inputs is None else bytes(inputs),
        source=None if source is None else bytes(source),
        source_type=source_type,
        salt=bytes(salt),
        deadline=deadline,
        attempts=attempts,
        saved=bytes(saved or b""),
    )
