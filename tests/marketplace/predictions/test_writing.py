"""Writing many changes at a time: none is lost to a database that was away, none suffers for another."""

from __future__ import annotations

import asyncio

import pytest
from django.db import OperationalError

from marketplace.db import threads
from marketplace.db.threads import DatabaseThreads
from marketplace.predictions import actions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.writing import Writer

pytestmark = pytest.mark.django_db(transaction=True)


def written(*changes: Change) -> list[bool]:
    """What the writer says about each change."""

    async def main():
        database = DatabaseThreads()
        writer = Writer(database)
        futures = [writer.note(change) for change in changes]
        running = asyncio.create_task(writer.run())
        try:
            return await asyncio.wait_for(asyncio.gather(*futures), 30)
        finally:
            running.cancel()
            database.close()

    return asyncio.run(main())


def test_changes_are_written_together_and_each_learns_whether_it_counted(ask, monkeypatch):
    batches, apply = [], actions.apply
    monkeypatch.setattr(actions, "apply", lambda changes: batches.append(len(changes)) or apply(changes))
    one, two = ask(), ask()
    actions.cancel(two)
    batches.clear()
    assert written(Change(one.pk, Status.CANCELLED), Change(two.pk, Status.CANCELLED)) == [True, False]
    assert batches == [2]


def test_a_database_that_was_away_is_waited_for(ask, monkeypatch):
    monkeypatch.setattr(threads, "FIRST_PAUSE", 0.001)
    apply, failures = actions.apply, [OperationalError("gone"), OperationalError("still gone")]

    def sometimes(changes):
        if failures:
            raise failures.pop()
        return apply(changes)

    monkeypatch.setattr(actions, "apply", sometimes)
    asked = ask()
    assert written(Change(asked.pk, Status.CANCELLED)) == [True]
    assert not failures


def test_one_change_that_cannot_be_written_does_not_take_the_others_along(ask, caplog):
    good, bad, also_good = ask(), ask(), ask()
    changes = [
        Change(good.pk, Status.CANCELLED),
        Change(bad.pk, stage="x" * 1000),  # longer than its column
        Change(also_good.pk, Status.CANCELLED),
    ]
    assert written(*changes) == [True, False, True]
    assert Prediction.objects.filter(status=Status.CANCELLED).count() == 2
    assert str(bad.pk) in caplog.text
