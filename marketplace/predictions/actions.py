"""Everything that is ever done to a prediction: create, change, cancel, expire.

A change is: the row moves if the table of states allows it, an event with the next number is written, listeners
are told on commit; one transaction, for one prediction or for many. A change that comes too late, because the
prediction has ended meanwhile, is dropped and no error: whoever was first was first.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from assay.errors import DeadlineExceeded
from assay.preprocessing import PNG
from marketplace.accounts.access import Actor
from marketplace.billing import holding
from marketplace.billing import settling as billing
from marketplace.catalogue.models import ModelVersion
from marketplace.db.statements import Statement
from marketplace.errors import Conflict
from marketplace.groups import settling, withheld
from marketplace.groups.models import Group
from marketplace.predictions import rows, stored, wakeups
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Question
from marketplace.predictions.states import ENDS

GRACE = dt.timedelta(seconds=1)  # after the deadline, for an answer that is just being written
SWEEP = 1000  # predictions expired in one transaction


_CREATE = Statement(
    """
    WITH created AS (
        INSERT INTO predictions_prediction (
            id, organisation_id, user_id, api_key_id, version_id, group_id, hold_id, target, mode, params, rows,
            inputs, source, source_type, salt, status, deadline, created, seq, worker, attempts
        ) VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'received', $16, $17, 1, '', 0
        ) RETURNING id, created
    )
    INSERT INTO predictions_predictionevent (prediction_id, seq, stage, detail, time)
    SELECT id, 1, 'received', '{}', created FROM created RETURNING id
    """,
    *(
        "uuid",
        "bigint",
        "bigint",
        "bigint",
        "bigint",
        "bigint",
        "bigint",
        "text",
        "text",
        "jsonb",
        "int",
        "bytea",
        "bytea",
        "text",
    ),
    *("bytea", "timestamptz", "timestamptz"),
)


@transaction.atomic
def create(actor: Actor, question: Question) -> Prediction:
    """Sets aside what it may cost, stores what is asked and wakes a worker, all or nothing.

    `questions.read` has judged whether the actor may ask it. Raises PaymentRequired, Conflict.
    """
    now = timezone.now()
    prediction = Prediction(
        pk=question.id,
        organisation=actor.organisation,
        user=actor.user,
        api_key=actor.key,
        version=question.asked if isinstance(question.asked, ModelVersion) else None,
        group=question.asked if isinstance(question.asked, Group) else None,
        target=question.target,
        mode=question.mode,
        params=question.params,
        rows=question.rows,
        inputs=None if question.source_type == PNG else stored.document(question.inputs),
        source=question.source,
        source_type=question.source_type,
        salt=question.salt,
        hold_id=holding.hold(actor, question.terms, question.to_be_priced, question.id),
        deadline=now + question.time,
        created=now,
        seq=1,
    )
    _CREATE.rows(
        *(prediction.pk, actor.organisation.pk, actor.user.pk, actor.key.pk if actor.key else None),
        *(prediction.version_id, prediction.group_id, prediction.hold_id),
        *(prediction.target, prediction.mode, json.dumps(prediction.params), prediction.rows),
        *(prediction.inputs, prediction.source, prediction.source_type, prediction.salt, prediction.deadline, now),
    )
    transaction.on_commit(lambda: wakeups.request("dispatch"))
    return prediction


@transaction.atomic
def apply(changes: Sequence[Change]) -> frozenset[UUID]:
    """Applies changes in their order; the predictions that any of them reached.

    A certificate is stored with the change that ends its prediction, or not at all; with a group's, it is counted,
    and members are struck for what they withheld. What was set aside is posted or returned with the same change.
    """
    locked = rows.lock({change.prediction for change in changes})
    reached: frozenset[UUID] = frozenset()
    for change in changes:
        if (row := locked.get(change.prediction)) is not None:
            if row.is_ahead_of(change):
                reached |= rows.write(locked.values())
            row.take(change)
    reached |= rows.write(locked.values())
    settled = rows.settled(locked.values())
    settling.add(settled)
    withheld.strike(settled)
    billing.settle(rows.ended(locked.values()))
    return reached


def cancel(prediction: Prediction) -> None:
    """Withdraws it. A worker that carries it out finds out when it renews its lease, and throws the answer away.

    Raises Conflict when it has ended otherwise; to cancel again is no error.
    """
    if not apply([Change(prediction.pk, Status.CANCELLED)]):
        prediction.refresh_from_db()
        if prediction.status != Status.CANCELLED:
            raise Conflict("the prediction has already ended", code="already-ended", got=prediction.status)


def expire_due() -> int:
    """Ends what is past its deadline, whoever should have done it and died; how many."""
    return expire(
        Prediction.objects.filter(completed__isnull=True, deadline__lt=timezone.now() - GRACE)
        .order_by("created")
        .values_list("pk", flat=True)[:SWEEP]
    )


def expire(predictions: Iterable[UUID]) -> int:
    """Ends these, whose time is up. How many were still open."""
    error = DeadlineExceeded("no answer before the deadline", hint="Allow more time, or ask another model.")
    return len(apply([Change(each, Status.EXPIRED, error=error) for each in predictions]))


def overdue(prediction: Prediction) -> bool:
    """Whether it should have ended by now. Whoever reads such a one ends it first (`access`)."""
    return prediction.status not in ENDS and prediction.deadline < timezone.now() - GRACE
