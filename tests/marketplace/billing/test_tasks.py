"""What is done regularly about money, and that it is done regularly."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from marketplace.billing import ledger, maturing, quoting, tasks
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Quote
from marketplace.celery import SWEEPS, app

pytestmark = pytest.mark.django_db


def earn(person, days: int, amount: int) -> None:
    """That became, or becomes, available so many days from now."""
    parts = Part(Where(Kind.GRANTED), -amount), Part(Where(Kind.EARNED, person.organisation.pk), amount)
    day = timezone.now().date() + dt.timedelta(days=days)
    ledger.post([Posting(f"earn {person.name} {days}", ledger.Kind.GRANTED, parts, available=day)])


def test_all_that_is_due_becomes_available_however_much(cast, books, monkeypatch):
    monkeypatch.setattr(maturing, "MOST", 2)
    for days in range(-6, 1):
        earn(cast.asha, days, 100)
    earn(cast.asha, 1, 7)
    tasks.mature()
    tasks.mature()
    assert books.of(cast.asha) == {"free": 1_000_000, "payable": 700, "earned": 7}


def test_quotes_that_nobody_will_ask_about_are_deleted(cast, version, priced):
    old, new = (quoting.quote(cast.bela.actor, version, "direct", 1, 30.0) for _ in range(2))
    Quote.objects.filter(pk=old.pk).update(expires=timezone.now() - quoting.KEPT - dt.timedelta(minutes=1))
    tasks.tidy_up()
    assert list(Quote.objects.all()) == [new]


def test_stakes_of_places_that_were_given_up_are_released(monkeypatch):
    swept = []
    monkeypatch.setattr("marketplace.billing.stakes.sweep", lambda: swept.append(1))
    tasks.release_stakes()
    assert swept


def test_every_task_of_money_is_done_regularly():
    ours = {name for name in app.tasks if name.startswith("billing.")}
    assert ours == {"billing.mature", "billing.release_stakes", "billing.tidy_up"}
    assert ours <= set(SWEEPS)
