"""The table of states: the same in Python and in PostgreSQL, and kept by every sequence of changes."""

from __future__ import annotations

import uuid
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError
from marketplace.certificates.actions import prepare
from marketplace.certificates.models import Certificate
from marketplace.predictions import actions, states
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, PredictionEvent, Status
from tests.marketplace import answering

pytestmark = pytest.mark.django_db

SOME = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def certificate_for(cast, prediction):
    from marketplace.predictions.stored import tensors
    from verification.mode import Job, Target

    job = Job(
        request=prediction.pk.bytes,
        target=Target(prediction.target, ()),
        params=None,
        inputs=tensors(bytes(prediction.inputs)),
        salt=bytes(prediction.salt),
        deadline=0,
    )
    return prepare(answering.certificate(cast.node_key, job))


def change_to(cast, prediction, status):
    """A change such as the worker, a deadline or the buyer would make."""
    match status:
        case Status.CERTIFIED | Status.CONTESTED:
            return Change(prediction.pk, status, certificate=certificate_for(cast, prediction))
        case Status.FAILED | Status.EXPIRED:
            return Change(prediction.pk, status, error=AssayError("because"))
        case None:
            return Change(prediction.pk, stage="retrying", detail={"node": "x:1"})
        case _:
            return Change(prediction.pk, status)


def test_ends_are_for_ever_and_everything_else_leads_to_one():
    for status in Status:
        assert (status in states.ENDS) == (not states.FOLLOWS[status])
        reached, todo = set(), {status}
        while todo:
            reached |= todo
            todo = {after for each in todo for after in states.FOLLOWS[each]} - reached
        assert reached & states.ENDS


def test_postgresql_keeps_the_same_table(cast, ask):
    """Every pair of statuses, tried on a row."""
    prediction = ask()
    document = certificate_for(cast, prediction)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO certificates_certificate (sha256, document, mode, outcome, anchor_kind, anchor, caveats,"
            " organisation_id, created) VALUES (%s, %s, 'direct', 'x', 'x', 'x', '[]', %s, now()) RETURNING id",
            [document.sha256, document.document, prediction.organisation_id],
        )
        certificate = cursor.fetchone()[0]
    for before in Status:
        for after in set(Status) - {before}:
            with transaction.atomic():
                put(prediction, before, certificate)
                allowed = moves(prediction, after, certificate)
                transaction.set_rollback(True)
            assert allowed == states.may_follow(before, after), (before, after)


def moves(prediction, status, certificate) -> bool:
    """Whether PostgreSQL lets it."""
    try:
        with transaction.atomic():
            move(prediction, status, certificate)
    except IntegrityError as error:
        if "cannot become" not in str(error):
            raise
        return False
    return True


def put(prediction, status, certificate) -> None:
    """Sets a status with the trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE predictions_prediction DISABLE TRIGGER prediction_transition")
        move(prediction, status, certificate)
        cursor.execute("ALTER TABLE predictions_prediction ENABLE TRIGGER prediction_transition")


def move(prediction, status, certificate) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE predictions_prediction SET status = %s, completed = CASE WHEN %s THEN now() END,"
            " certificate_id = coalesce(certificate_id, CASE WHEN %s THEN %s::bigint END) WHERE id = %s",
            [
                status,
                status in states.ENDS,
                status in (Status.CERTIFIED, Status.CONTESTED),
                certificate,
                prediction.pk,
            ],
        )


@SOME
@given(batches=st.lists(st.lists(st.sampled_from([*Status, None]), max_size=4), max_size=5))
def test_whatever_happens_in_whatever_order_the_story_is_one_that_the_table_allows(cast, version, ask, batches):
    prediction = ask()
    for batch in batches:
        actions.apply([change_to(cast, prediction, status) for status in batch])
    prediction.refresh_from_db()
    events = list(PredictionEvent.objects.filter(prediction=prediction).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert prediction.seq == len(events)
    story = [Status(event.stage) for event in events if event.stage in Status.values]
    assert all(states.may_follow(a, b) for a, b in pairwise(story)), story
    assert story[-1] == prediction.status
    ended = prediction.status in states.ENDS
    assert (prediction.completed is not None) == ended
    assert sum(status in states.ENDS for status in story) == int(ended)
    certified = prediction.status in (Status.CERTIFIED, Status.CONTESTED)
    assert (prediction.certificate is not None) == certified == (prediction.outputs is not None)
    assert Certificate.objects.filter(prediction=prediction).count() == int(certified)


@SOME
@given(data=st.data())
def test_a_batch_moves_each_prediction_as_if_it_were_alone(cast, version, ask, data):
    predictions = [ask() for _ in range(3)]
    plan = data.draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(list(Status))), max_size=9))
    actions.apply([change_to(cast, predictions[i], status) for i, status in plan])
    for i, prediction in enumerate(predictions):
        alone = ask()
        actions.apply([change_to(cast, alone, status) for j, status in plan if j == i])
        alone.refresh_from_db()
        prediction.refresh_from_db()
        assert (prediction.status, prediction.seq) == (alone.status, alone.seq)


def test_a_change_of_something_unknown_is_dropped(db):
    assert actions.apply([Change(uuid.uuid4(), Status.FAILED, error=AssayError("x"))]) == frozenset()


# --- what the database refuses, whoever asks --------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "target = 'model:x/y@1'",
        "mode = 'other'",
        "rows = 9",
        "deadline = now()",
        "salt = '\\x00'",
        "params = '{}'::jsonb || '{\"a\": 1}'",
    ],
)
def test_what_was_asked_never_changes(ask, column):
    prediction = ask()
    with pytest.raises(IntegrityError, match="cannot change"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE predictions_prediction SET {column} WHERE id = %s", [prediction.pk])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE predictions_predictionevent SET stage = 'other'", "DELETE FROM predictions_predictionevent"],
)
def test_what_happened_is_never_rewritten(ask, statement):
    ask()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("status", [Status.CERTIFIED, Status.CONTESTED])
def test_nothing_is_certified_without_a_certificate(ask, status):
    prediction = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.apply([Change(prediction.pk, Status.DISPATCHED), Change(prediction.pk, status)])
    prediction.refresh_from_db()
    assert prediction.status == Status.RECEIVED
    assert Prediction.objects.get(pk=prediction.pk).events.count() == 1


def test_the_docs_show_the_table():
    """To print it: python manage.py shell -c "from marketplace.predictions.states import *; print(diagram())" """
    docs = Path(__file__).resolve().parents[3] / "docs" / "predictions.md"
    assert states.diagram() in docs.read_text("utf-8")
