"""The rows behind a change of predictions: locked, moved in memory by the table of states, written back together.

Two statements for a batch of any size: one locks, one writes certificates, predictions, events and notices.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marketplace.billing.settling import Ended
from marketplace.certificates.actions import Prepared
from marketplace.certificates.actions import columns as certificate_columns
from marketplace.db.statements import Statement
from marketplace.groups.settling import Settled
from marketplace.predictions import stored as tensors
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Status
from marketplace.predictions.notices import Notice, payloads
from marketplace.predictions.states import ENDS, may_follow
from verification.ends import ENDINGS, Ending

ANSWERED = frozenset({Status.ANSWERED, Status.CERTIFIED, Status.CONTESTED})

_LOCK = Statement(
    """
    SELECT id, organisation_id, group_id, hold_id, status, seq, hold_id IS NULL AND EXISTS (
        SELECT FROM billing_freetaken WHERE prediction = id)
    FROM predictions_prediction WHERE id = ANY(ARRAY(SELECT unnest($1))) ORDER BY id FOR UPDATE
    """,  # in one order, so that two batches cannot lock each other out
    "uuid[]",
)

_WRITE = Statement(
    """
    WITH stored AS (
        INSERT INTO certificates_certificate
            (sha256, document, mode, outcome, anchor_kind, anchor, caveats, organisation_id, created)
        SELECT sha256, document, mode, outcome, anchor_kind, anchor, caveats, organisation, now()
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
            AS new(sha256, document, mode, outcome, anchor_kind, anchor, caveats, organisation)
        RETURNING id, sha256
    ), moved AS (
        UPDATE predictions_prediction AS p SET
            status = new.status, seq = new.seq, answered = coalesce(p.answered, new.answered),
            completed = new.completed, lease = CASE WHEN new.completed IS NULL THEN p.lease END,
            outputs = new.outputs, error = new.error, certificate_id = stored.id
        FROM unnest($9, $10, $11, $12, $13, $14, $15, $16)
            AS new(id, status, seq, answered, completed, outputs, error, certificate)
        LEFT JOIN stored ON stored.sha256 = new.certificate
        WHERE p.id = new.id
    ), noted AS (
        INSERT INTO predictions_predictionevent (prediction_id, seq, stage, detail, time)
        SELECT * FROM unnest($17, $18, $19, $20, $21)
    )
    SELECT pg_notify('prediction', payload) FROM unnest($22) AS payload
    """,
    *("bytea[]", "bytea[]", "text[]", "text[]", "text[]", "text[]", "jsonb[]", "bigint[]"),
    *("uuid[]", "text[]", "int[]", "timestamptz[]", "timestamptz[]", "bytea[]", "jsonb[]", "bytea[]"),
    *("uuid[]", "int[]", "text[]", "jsonb[]", "timestamptz[]"),
    "text[]",
)


@dataclass(frozen=True)
class Event:
    """A row of PredictionEvent to be."""

    seq: int
    stage: str
    detail: dict[str, Any]
    time: dt.datetime


@dataclass
class Row:
    """A locked prediction, on its way from what is stored to what it will be."""

    id: UUID
    organisation: int
    group: int | None
    hold: int | None
    stored: Status
    seq: int
    took_free: bool  # rows, and costs nothing
    status: Status = field(init=False)
    answered: dt.datetime | None = None
    completed: dt.datetime | None = None
    certificate: Prepared | None = None
    error: dict[str, str] | None = None
    ending: Ending | None = None
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.status = self.stored

    def is_ahead_of(self, change: Change) -> bool:
        """Whether it must be written before it can take this change: the table of states knows no such leap."""
        after = change.status
        return (
            after is not None
            and may_follow(self.status, after)
            and self.status != self.stored
            and not may_follow(self.stored, after)
        )

    def take(self, change: Change) -> None:
        """Moves on by one change, unless the table of states forbids it or nothing may follow any more."""
        if self.status in ENDS or (change.status is not None and not may_follow(self.status, change.status)):
            return
        self.status = change.status or self.status
        if self.status in ANSWERED:
            self.answered = self.answered or change.time
        if self.status in ENDS:
            self.completed, self.certificate = change.time, change.certificate
            self.ending = change.ending or ENDINGS[self.status.value]
            self.error = change.error.fields() if change.error else None
        self.seq += 1
        detail = change.detail or self.error or {}
        self.events.append(Event(self.seq, change.stage or str(change.status), detail, change.time))


def lock(predictions: Collection[UUID]) -> dict[UUID, Row]:
    """The rows of those predictions that exist, locked until the transaction ends."""
    found = _LOCK.rows([str(each) for each in predictions])
    return {row[0]: Row(row[0], row[1], row[2], row[3], Status(row[4]), *row[5:]) for row in found}


def settled(locked: Iterable[Row]) -> list[Settled]:
    """Those of groups that have been certified since they were locked."""
    return [
        (row.group, row.completed, row.certificate)
        for row in locked
        if row.group is not None and row.completed is not None and row.certificate is not None
    ]


def ended(locked: Iterable[Row]) -> list[Ended]:
    """Those with money set aside, or free rows taken, that have ended since they were locked."""
    return [
        Ended(row.hold, row.ending, row.certificate.certificate if row.certificate else None, row.id)
        for row in locked
        if row.ending is not None and (row.hold is not None or row.took_free)
    ]


def write(locked: Iterable[Row]) -> frozenset[UUID]:
    """Writes what has moved or happened, with certificates and events; tells the listeners. Which rows it was."""
    rows = [row for row in locked if row.events]
    if rows:
        certificates = [certificate_columns(row.organisation, row.certificate) for row in rows if row.certificate]
        events = [(str(row.id), *_event_columns(event)) for row in rows for event in row.events]
        told = payloads(Notice(row.id, row.seq, row.status in ENDS) for row in rows)
        _WRITE.rows(
            *_transposed(certificates, 8),
            *_transposed([_columns(row) for row in rows], 8),
            *_transposed(events, 5),
            told,
        )
    for row in rows:
        row.stored, row.events = row.status, []
    return frozenset(row.id for row in rows)


def _columns(row: Row) -> tuple[Any, ...]:
    certificate = row.certificate
    outputs = certificate.certificate.statement.outputs if certificate else ()  # none where a group failed
    return (
        str(row.id),
        str(row.status.value),
        row.seq,
        row.answered,
        row.completed,
        tensors.document(outputs) if outputs else None,
        json.dumps(row.error) if row.error else None,
        certificate.sha256 if certificate else None,
    )


def _event_columns(event: Event) -> tuple[Any, ...]:
    return event.seq, event.stage, json.dumps(event.detail), event.time


def _transposed(rows: Sequence[tuple[Any, ...]], columns: int) -> list[list[Any]]:
    """Rows as columns, for unnest."""
    return [[row[i] for row in rows] for i in range(columns)]
