"""What is done regularly about money, and that it is done regularly."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from marketplace.billing import ledger, maturing, months, quoting, statement, tasks
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Quote, Transaction
from marketplace.billing.settling import AVAILABLE_AFTER
from marketplace.celery import SWEEPS, app
from tests.marketplace.billing.books import entries_read, large

pytestmark = pytest.mark.django_db


def earn(person, days: int, amount: int) -> None:
    """That became, or becomes, available so many days from now."""
    parts = Part(Where(Kind.GRANTED), -amount), Part(Where(Kind.EARNED, person.organisation.pk), amount)
    day = timezone.now().date() + dt.timedelta(days=days)
    ledger.post([Posting(f"earn {person.name} {days}", ledger.Kind.GRANTED, parts, available=day)])


def earned(person, day: dt.date) -> list[Posting]:
    """9 on this day, as predictions earn it."""
    parts = Part(Where(Kind.GRANTED), -9), Part(Where(Kind.EARNED, person.organisation.pk), 9)
    return [Posting(f"earn {day}", ledger.Kind.POSTED, parts, available=day + AVAILABLE_AFTER, day=day)]


def matured(person, day: dt.date) -> list[Posting]:
    """What was earned a week before."""
    mine = person.organisation.pk
    parts = Part(Where(Kind.EARNED, mine), -9), Part(Where(Kind.PAYABLE, mine), 9)
    kept = Posting(maturing.key(mine, day), ledger.Kind.MATURED, parts, available=day, day=day)
    return [kept] if Transaction.objects.filter(key=f"earn {day - AVAILABLE_AFTER}").exists() else []


def test_all_that_is_due_becomes_available_however_much(cast, books, monkeypatch):
    monkeypatch.setattr(maturing, "BATCH", 2)
    people = [cast.asha, cast.bela, cast.sam]
    for person in people:
        for days in range(-6, 1):
            earn(person, days, 100)
        earn(person, 1, 7)
    tasks.mature()
    tasks.mature()
    for person in people:
        assert books.of(person) == {"free": 1_000_000, "payable": 700, "earned": 7}


@pytest.fixture
def long_ago(cast):
    """Asha has sold every day for a year and a half."""
    today = timezone.now().date()
    for ago in range(500, 0, -1):
        day = today - dt.timedelta(days=ago)
        ledger.post([*earned(cast.asha, day), *matured(cast.asha, day)])
    large()


def test_what_has_matured_long_ago_is_not_read_again(cast, books, long_ago):
    mine, today = cast.asha.organisation.pk, timezone.now().date()
    before = entries_read()
    assert maturing.lots(mine) == [maturing.Lot(today + dt.timedelta(days=i), 9) for i in range(7)]
    assert entries_read() - before < 100
    assert maturing.mature(today + dt.timedelta(days=1)) == 2
    assert [each.day for each in maturing.lots(mine)] == [today + dt.timedelta(days=i) for i in range(2, 7)]
    assert (books.of(cast.asha)["payable"], books.of(cast.asha)["earned"]) == (495 * 9, 5 * 9)


def test_a_month_of_earnings_is_read_without_those_before_and_after(cast, long_ago):
    for month in (months.this_month(), (timezone.now().date() - dt.timedelta(days=200)).replace(day=1)):
        before = entries_read()
        assert statement.earned_by_day(cast.asha.organisation.pk, month) == [], "no predictions were asked for it"
        assert 0 < entries_read() - before < 100


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
