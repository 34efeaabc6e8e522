"""What changes between a hold and its end; and amounts, prices and dates at their edges."""

from __future__ import annotations

import dataclasses
import datetime as dt
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone

from marketplace.billing import holding, pricing, quoting, reversing, settling
from marketplace.billing.models import Hold, HoldEnd, Period, Spending
from marketplace.billing.pricing import MOST, Asked, Asking, Line
from marketplace.billing.settling import Ended
from tests.marketplace import answering, people
from tests.marketplace.billing import grouped
from tests.marketplace.billing.market import audited
from tests.marketplace.billing.proving import Proof, Proving
from tests.marketplace.groups import founded, succeeding
from verification.ends import CERTIFIED, DISPUTE_LOST, FAILED
from verification.registry import MODES

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


def with_fee(settings, fee: int) -> None:
    settings.ENV = dataclasses.replace(settings.ENV, fee=fee)


def test_a_fee_and_a_price_that_change_meanwhile_do_not_touch_what_is_held(cast, books, priced, ask, settings):
    prediction = ask()
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("0.7"))
    with_fee(settings, 5_000)
    answering.end(cast.node_key, prediction)
    assert books.of(cast.asha)["earned"] == 450
    answering.end(cast.node_key, ask())
    assert (books.of(cast.asha)["earned"], books.platform["fees"]) == (450 + 350_000, 50 + 350_000)
    audited()


def test_a_quote_keeps_its_price_and_its_fee(cast, books, version, priced, ask, settings):
    quoted = quoting.quote(cast.bela.actor, version, "direct", 1, 30.0)
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("0.7"))
    with_fee(settings, 5_000)
    answering.end(cast.node_key, ask(quote=quoted.pk))
    assert (books.of(cast.asha)["earned"], books.platform["fees"]) == (450, 50)


@pytest.mark.parametrize(("fee", "earned", "fees"), [(0, 500, 0), (1, 500, 0), (9_999, 0, 500), (10_000, 0, 500)])
def test_fees_at_their_edges(cast, books, priced, ask, settings, fee, earned, fees):
    with_fee(settings, fee)
    answering.end(cast.node_key, ask())
    assert (books.of(cast.asha).get("earned", 0), books.platform.get("fees", 0)) == (earned, fees)
    audited()


def test_a_fee_that_leaves_too_little_for_who_verifies_ends_the_hold_all_the_same(cast, settings, monkeypatch):
    monkeypatch.setitem(MODES, "proof", Proving())
    with_fee(settings, 9_000)
    line = Line(cast.asha.organisation.pk, "asha", None, 1, "proof", "second", 10, 0)
    hold = set_aside(cast, [line], Asked(MODES["proof"], 1, 10.0))
    settling.settle([Ended(hold.pk, CERTIFIED, Proof(10, frozenset({"asha"})))])
    assert HoldEnd.objects.get().posted == 100
    assert audited()["verification"] == 10


def set_aside(cast, lines, asked) -> Hold:
    with transaction.atomic():
        return Hold.objects.get(pk=holding.hold(cast.bela.actor, holding.standing(lines), asked))


def test_a_thousand_rows_of_sixteen_votes_at_the_highest_price(cast, grant):
    """Sixteen million units of the currency, to the last micro-unit."""
    grant(cast.bela, 16 * 1_000 * MOST)
    seller = cast.asha.organisation.pk
    lines = [Line(seller, f"owner{i}", None, i, "agreement", "row", MOST, 0) for i in range(16)]
    hold = set_aside(cast, lines, Asked(MODES["agreement"], 1_000, 30.0))
    assert (hold.amount, hold.free) == (16 * 10**12, WELCOME)
    settling.settle([Ended(hold.pk, FAILED)])
    assert audited()["credit"] == 16 * 10**12


def test_a_group_whose_members_all_ask_nothing_is_free(cast, books):
    owners = founded.owners(cast)
    group = grouped.selling(owners)
    for each in owners:
        pricing.set_for_member(each.actor, each.seat(group), "agreement", Asking("0"))
    prediction = grouped.ask(cast.tariq)
    grouped.decide(owners, prediction)
    assert (prediction.status, prediction.hold, Hold.objects.count()) == ("certified", None, 0)
    assert books.of(cast.tariq) == {"free": WELCOME}


def test_who_has_left_is_not_paid_for_what_it_no_longer_answers_nor_who_came_for_what_was_not_quoted(cast, books):
    """What was set aside for four is answered by the next epoch: asha has gone, and eve was in no quote."""
    owners = founded.owners(cast)
    group = grouped.selling(owners)
    prediction = grouped.ask(cast.tariq)
    asha, bela, sam, dana = owners
    eve = founded.owner(people.person("eve"), 9)
    keys = [None, bela.key, sam.key, dana.key]
    succeeding.succeeded(group, bela, [bela, sam, dana, eve], keys, joining=[eve], leaving=[asha])
    grouped.decide([bela, sam, dana, eve], prediction)
    assert prediction.status == "certified"
    assert [books.of(each.person).get("earned", 0) for each in (*owners, eve)] == [0, 900, 900, 900, 0]
    assert books.of(cast.tariq) == {"free": WELCOME - 3_000}
    audited()


def test_a_hold_of_one_month_that_ends_in_the_next_counts_in_the_first(cast, books, priced, ask):
    late, early = dt.datetime(2027, 1, 31, 23, 59, 59, tzinfo=dt.UTC), dt.datetime(2027, 2, 1, tzinfo=dt.UTC)
    with mock.patch("django.utils.timezone.now", return_value=late):
        kept, returned = ask(), ask()
    with mock.patch("django.utils.timezone.now", return_value=early):
        answering.end(cast.node_key, kept)
        answering.end(cast.node_key, returned, FAILED)
        assert [(each.month, each.amount) for each in Spending.objects.all()] == [(dt.date(2027, 1, 1), 500)]
        reversing.reverse(kept.hold_id, DISPUTE_LOST)
        assert [each.amount for each in Spending.objects.all()] == [0]
    assert books.of(cast.bela) == {"free": WELCOME}


def test_what_was_held_in_a_period_that_was_closed_since_ends_today(cast, books, priced, ask):
    yesterday = timezone.now() - dt.timedelta(days=1)
    with mock.patch("django.utils.timezone.now", return_value=yesterday):
        prediction = ask()
    Period.objects.create(last_day=yesterday.date(), trial_balance=[], sha256=bytes(32), closed_by=cast.staff)
    answering.end(cast.node_key, prediction)
    assert HoldEnd.objects.get().transaction.day == timezone.now().date()
    audited()
