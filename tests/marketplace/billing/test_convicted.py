"""Who of a group is paid; and what evidence costs: a wrong outcome is paid back to who asked."""

from __future__ import annotations

import pytest
from django.utils import timezone

from marketplace.billing import maturing, settling
from marketplace.billing.models import Transaction
from marketplace.groups import evidence
from marketplace.predictions.models import Prediction
from tests.marketplace.billing import grouped
from tests.marketplace.groups.deciding import SILENT

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


@pytest.fixture
def group(owners):
    """One that serves; every member asks 1,000 micro-units for a vote."""
    return grouped.selling(owners)


@pytest.fixture
def buyer(cast):
    """Somebody who is no member."""
    return cast.tariq


def test_every_member_that_answered_is_paid_its_own_price(books, owners, group, buyer):
    grouped.decide(owners, grouped.ask(buyer))
    assert books.of(buyer) == {"free": WELCOME - 4000}
    assert [books.of(each.person)["earned"] for each in owners] == [900] * 4
    assert books.platform["fees"] == 400


def test_who_does_not_answer_is_not_paid(books, owners, group, buyer):
    grouped.decide(owners, grouped.ask(buyer), {3: SILENT})
    assert books.of(buyer) == {"free": WELCOME - 3000}
    assert [books.of(each.person).get("earned", 0) for each in owners] == [900, 900, 900, 0]


def test_who_dissents_is_paid_for_having_answered(books, owners, group, buyer):
    grouped.decide(owners, grouped.ask(buyer), {3: 8})
    assert [books.of(each.person)["earned"] for each in owners] == [900] * 4


def test_nothing_is_paid_for_what_is_contested(books, owners, group, buyer):
    grouped.decide(owners, grouped.ask(buyer), {0: 1, 1: 2, 2: 4})
    assert books.of(buyer) == {"free": WELCOME}


def test_an_outcome_proven_wrong_is_paid_back(books, owners, group, buyer):
    prediction = grouped.ask(buyer)
    given = grouped.decide(owners, prediction).certificate
    (made,) = grouped.miscounted(owners, given.evidence)
    evidence.submit(None, group, made.to_cbor())
    assert books.of(buyer) == {"free": WELCOME}
    assert all("earned" not in books.of(each.person) for each in owners)
    assert "fees" not in books.platform
    reversal = Transaction.objects.get(kind="reversed")
    assert reversal.reverses == Prediction.objects.get(pk=prediction.pk).hold.end.transaction
    assert reversal.detail.startswith("dispute-lost digits-four: outcome")


def test_what_is_available_to_its_earners_stays_theirs(books, owners, group, buyer, monkeypatch):
    given = grouped.decide(owners, grouped.ask(buyer)).certificate
    day = Transaction.objects.get(kind="posted").available
    maturing.mature(day)
    assert [books.of(each.person).get("payable") for each in owners] == [900] * 4
    too_late = timezone.now() + settling.AVAILABLE_AFTER
    monkeypatch.setattr("marketplace.billing.reversing.timezone.now", lambda: too_late)
    (made,) = grouped.miscounted(owners, given.evidence)
    evidence.submit(None, group, made.to_cbor())
    assert books.of(buyer) == {"free": WELCOME - 4000}
