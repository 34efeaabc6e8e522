"""The rows behind a change of predictions: locked, moved in memory by the table of states, written back together.

Five statements for a batch of any size: lock, certificates, predictions, events, notice.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection

from marketplace.certificates import actions as certificates
from marketplace.certificates.actions import Prepared
from marketplace.predictions import notices
from marketplace.predictions import stored as tensors
from marketplace.predictions.models import PredictionEvent, Status
from marketplace.predictions.notices import Notice
from marketplace.predictions.states import ENDS, may_follow

if TYPE_CHECKING:
    from marketplace.predictions.actions import Change

_LOCK = """
SELECT id, organisation_id, status, seq FROM predictions_prediction WHERE id = ANY(%s::uuid[])
ORDER BY id FOR UPDATE
"""  # in one order, so that two batches cannot lock each other out

_WRITE = """
UPDATE predictions_prediction AS p SET
    status = new.status, seq = new.seq, answered = coalesce(p.answered, new.answered), completed = new.completed,
    lease = CASE WHEN new.completed IS NULL THEN p.lease END,
    outputs = new.outputs, certificate_id = new.certificate, error = new.error
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::bytea[], %s::bigint[],
            %s::jsonb[]) AS new(id, status, seq, answered, completed, outputs, certificate, error)
WHERE p.id = new.id
"""


@dataclass
class Row:
    """A locked prediction, on its way to what it will be."""

    id: UUID
    organisation: int
    status: Status
    seq: int
    answered: dt.datetime | None = None
    completed: dt.datetime | None = None
    certificate: Prepared | None = None
    error: dict[str, str] | None = None
    events: list[PredictionEvent] = field(default_factory=list)

    def take(self, change: Change) -> None:
        """Moves on by one change, unless the table of states forbids it or nothing may follow any more."""
        if self.status in ENDS or (change.status is not None and not may_follow(self.status, change.status)):
            return
        self.status = change.status or self.status
        if change.certificate is not None or self.status == Status.ANSWERED:
            self.answered = self.answered or change.time
        if self.status in ENDS:
            self.completed, self.certificate = change.time, change.certificate
            self.error = change.error.fields() if change.error else None
        self.seq += 1
        self.events.append(
            PredictionEvent(
                prediction_id=self.id,
                seq=self.seq,
                stage=change.stage or str(change.status),
                detail=change.detail or self.error or {},
                time=change.time,
            )
        )


def lock(predictions: Collection[UUID]) -> dict[UUID, Row]:
    """The rows of those predictions that exist, locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[str(each) for each in predictions]])
        return {row[0]: Row(row[0], row[1], Status(row[2]), row[3]) for row in cursor.fetchall()}


def write(changed: Iterable[Row]) -> frozenset[UUID]:
    """Writes rows that have moved, with their certificates and events."""
    rows = list(changed)
    if not rows:
        return frozenset()
    stored = certificates.store([(row.organisation, row.certificate) for row in rows if row.certificate])
    columns = zip(*(_columns(row, stored) for row in rows), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [list(column) for column in columns])
    PredictionEvent.objects.bulk_create(event for row in rows for event in row.events)
    notices.send(Notice(row.id, row.seq, row.status in ENDS) for row in rows)
    return frozenset(row.id for row in rows)


def _columns(row: Row, stored: dict[bytes, int]) -> tuple[Any, ...]:
    certificate = row.certificate
    outputs = tensors.document(certificate.certificate.statement.outputs) if certificate else None
    return (
        str(row.id),
        str(row.status.value),
        row.seq,
        row.answered,
        row.completed,
        outputs,
        stored[certificate.sha256] if certificate else None,
        json.dumps(row.error) if row.error else None,
    )
