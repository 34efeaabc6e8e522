"""What an organisation is told of its money, and that telling it takes the same queries however much there is."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from marketplace.accounts import access
from marketplace.billing import credit, maturing, months, pricing, reversing, statement
from marketplace.billing.models import Spending
from marketplace.billing.settling import AVAILABLE_AFTER
from marketplace.predictions import actions
from tests.marketplace import answering
from verification.ends import CONTESTED, DISPUTE_LOST

WELCOME = 1_000_000


@pytest.fixture
def mature():
    """Makes available what will be in a week."""
    return lambda: maturing.mature(timezone.now().date() + AVAILABLE_AFTER)


def told(person) -> list[tuple[object, ...]]:
    """The history, newest first."""
    found = statement.history(person.organisation.pk)
    return [(each.kind, each.amount, each.quoted, each.charged, each.returned, each.ending) for each in found]


def test_balances_by_kind(cast, priced, ask, grant):
    grant(cast.bela, 2_000)
    answering.end(cast.node_key, ask())
    ask()
    of = {each.name: statement.balances(each.organisation.pk) for each in (cast.bela, cast.asha)}
    assert of["bela"] == statement.Balances(free=WELCOME - 1_000, credit=2_000, held=500)
    assert of["bela"].available == WELCOME + 1_000
    assert of["asha"] == statement.Balances(free=WELCOME, earned=450)
    assert statement.purse(cast.bela.user.pk) == statement.Purse(of["bela"].available, 0)


def test_every_hold_is_told_with_its_end(cast, priced, ask):
    answering.end(cast.node_key, ask())
    actions.cancel(ask())
    ask()
    assert told(cast.bela) == [
        ("held", -500, 500, None, None, ""),
        ("held", -500, 500, 0, 500, "cancelled"),
        ("held", -500, 500, 500, 0, "certified"),
        ("granted", WELCOME, None, None, None, ""),
    ]


def test_a_hold_names_its_prediction_and_certificate(cast, priced, ask):
    ended = answering.end(cast.node_key, ask())
    first = statement.history(cast.bela.organisation.pk)[0]
    assert (first.prediction, first.target, first.mode) == (ended.pk, "model:asha/digits@1", "direct")
    assert first.certificate == ended.certificate.hex
    assert first.ended is not None


def test_what_was_contested_comes_back(cast, priced, ask):
    answering.end(cast.node_key, ask(), CONTESTED)
    assert told(cast.bela)[0] == ("held", -500, 500, 0, 500, "contested")


def test_a_refund_is_told_of_the_hold_and_by_itself(cast, priced, ask):
    ended = answering.end(cast.node_key, ask())
    reversing.reverse(ended.hold_id, DISPUTE_LOST)
    refund, hold, _ = statement.history(cast.bela.organisation.pk)
    assert (refund.kind, refund.amount, refund.prediction) == ("reversed", 500, ended.pk)
    assert hold.refunded
    (day,) = statement.spent_by_day(cast.bela.organisation.pk, months.this_month())
    assert (day.amount, day.count) == (0, 1)


def test_a_movement_on_two_accounts_is_told_once(cast, priced, ask, grant):
    grant(cast.bela, 2_000_000)
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", pricing.Asking("1.5"))
    ask()
    assert told(cast.bela)[0] == ("held", -1_500_000, 1_500_000, None, None, "")
    assert len(told(cast.bela)) == 3


def test_pages_tell_everything_once(cast, priced, ask, grant):
    for i in range(7):
        grant(cast.bela, 1, key=str(i))
        ask()
    mine = cast.bela.organisation.pk
    whole = [each.id for each in statement.history(mine, limit=1000)]
    paged, before = [], statement.NEWEST
    while page := statement.history(mine, before, limit=4):
        paged += [each.id for each in page]
        before = page[-1].id
    assert paged == whole == sorted(set(whole), reverse=True)
    assert len(whole) == 15


def test_what_others_do_is_not_told(cast, priced, ask):
    answering.end(cast.node_key, ask())
    assert told(cast.sam) == [("granted", WELCOME, None, None, None, "")]
    assert statement.spent_by_day(cast.sam.organisation.pk, months.this_month()) == []
    assert statement.earned_by_day(cast.sam.organisation.pk, months.this_month()) == []


def test_spending_by_day_adds_up_to_what_counts_against_the_cap(cast, priced, ask):
    answering.end(cast.node_key, ask())
    actions.cancel(ask())
    ask()
    mine = cast.bela.organisation.pk
    (day,) = statement.spent_by_day(mine, months.this_month())
    assert (day.day, day.by, day.amount, day.count) == (timezone.now().date(), "direct", 1_000, 3)
    assert Spending.objects.get(organisation=mine).amount == 1_000
    assert statement.spent_by_day(mine, dt.date(2020, 1, 1)) == []


def test_what_was_free_is_told_with_what_was_paid(cast, version, ask):
    ask()
    answering.end(cast.node_key, ask())
    pricing.set_for_model(cast.asha.actor, version.model, "direct", pricing.Asking("0.0005"))
    ask()
    today = timezone.now().date()
    assert statement.spent_by_day(cast.bela.organisation.pk, months.this_month()) == [
        statement.Daily(today, "direct", 500, 3, free=2)
    ]


def test_earnings_by_day_and_when_they_are_available(cast, priced, ask, mature):
    answering.end(cast.node_key, ask())
    reversed_ = answering.end(cast.node_key, ask())
    answering.end(cast.node_key, ask())
    reversing.reverse(reversed_.hold_id, DISPUTE_LOST)
    asha, today = cast.asha.organisation.pk, timezone.now().date()
    assert statement.earned_by_day(asha, months.this_month()) == [
        statement.Daily(today, "model:asha/digits", 900, 2)
    ]
    assert maturing.lots(asha) == [(today + AVAILABLE_AFTER, 900)]
    mature()
    assert maturing.lots(asha) == []
    credit.spend_earnings(access.for_user(cast.asha.user), 300, "tests")
    moved = statement.history(asha, kinds=statement.EARNED)
    assert [(each.kind, each.amount) for each in moved] == [("spent", -300), ("matured", 900)]
    assert told(cast.asha)[0][:2] == ("spent", 300)


def test_one_query_each_however_much_there_is(cast, priced, ask):
    mine, month = cast.bela.organisation.pk, months.this_month()
    for _ in range(3):
        answering.end(cast.node_key, ask())
        for read in (
            lambda: statement.balances(mine),
            lambda: statement.purse(cast.bela.user.pk),
            lambda: statement.history(mine),
            lambda: statement.spent_by_day(mine, month),
            lambda: statement.earned_by_day(cast.asha.organisation.pk, month),
            lambda: maturing.lots(cast.asha.organisation.pk),
        ):
            read()  # prepares its statement
            with CaptureQueriesContext(connection) as captured:
                read()
            assert len(captured) == 1
