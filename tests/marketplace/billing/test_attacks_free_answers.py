"""Buyers who want a group's answers for nothing."""

from __future__ import annotations

import pytest

from marketplace.billing import pricing
from marketplace.billing.models import FreeTaken, FreeUse, HoldEnd
from marketplace.billing.pricing import Asking
from tests.marketplace import answering
from tests.marketplace.billing import grouped
from tests.marketplace.billing.grouped import PRICE
from tests.marketplace.groups.deciding import SILENT
from verification.ends import CANCELLED, EXPIRED, FAILED

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


@pytest.fixture
def buyer(cast):
    """Somebody who is no member."""
    return cast.tariq


def earned(books, owners) -> list[int]:
    return [books.of(each.person).get("earned", 0) for each in owners]


def test_one_row_on_which_nobody_agrees_does_not_make_the_others_free(books, owners, buyer):
    """Nine digits, and noise: every answer but that to the noise is in the certificate."""
    grouped.selling(owners)
    noise = [grouped.votes(each, *range(9), i) for i, each in enumerate(owners)]
    end = grouped.decide(owners, grouped.ask(buyer, rows=10), dict(enumerate(noise)))
    assert end.certificate.statement.outcome == "contested"
    assert books.of(buyer) == {"free": WELCOME - 4 * 9 * PRICE}
    assert earned(books, owners) == [9 * PRICE * 9 // 10] * 4


def test_asking_for_more_votes_than_there_are_does_not_make_the_answer_free(books, owners, buyer):
    """One member is silent, as is known beforehand; the certificate shows what the three others say."""
    grouped.selling(owners)
    end = grouped.decide(owners, grouped.ask(buyer, votes=4), {3: SILENT})
    assert end.certificate.statement.outcome == "contested"
    assert books.of(buyer) == {"free": WELCOME - 3 * PRICE}
    assert earned(books, owners) == [PRICE * 9 // 10] * 3 + [0]


def test_what_nobody_agrees_on_at_all_costs_nothing(books, owners, buyer):
    grouped.selling(owners)
    grouped.decide(owners, grouped.ask(buyer), {0: 1, 1: 2, 2: 4})
    assert books.of(buyer) == {"free": WELCOME}
    assert HoldEnd.objects.get().ending == "contested"


def test_free_rows_are_the_first_of_those_that_were_answered(books, owners, buyer):
    """Of ten rows four are free and nine are answered: five are paid for."""
    grouped.selling(owners, free_rows={0: 4})
    noise = [grouped.votes(each, *range(9), i) for i, each in enumerate(owners)]
    grouped.decide(owners, grouped.ask(buyer, rows=10), dict(enumerate(noise)))
    assert books.of(buyer) == {"free": WELCOME - (5 + 3 * 9) * PRICE}


def test_a_silent_friend_in_the_group_does_not_make_free_rows_come_back(books, owners, buyer):
    """Three members give a free row a month, the friend none: its vote is all that is set aside, and not given."""
    grouped.selling(owners, free_rows={0: 1, 1: 1, 2: 1})
    grouped.decide(owners, grouped.ask(buyer), {3: SILENT})
    assert books.of(buyer) == {"free": WELCOME}
    assert [each.rows for each in FreeUse.objects.order_by("member")] == [1, 1, 1]
    grouped.decide(owners, grouped.ask(buyer), {3: SILENT})
    assert books.of(buyer) == {"free": WELCOME - 3 * PRICE}


def test_free_rows_that_were_not_answered_are_there_again(cast, version, ask):
    """A seller who gives rows away, and answers none of them, does not use them up."""
    pricing.set_for_model(cast.asha.actor, version.model, "direct", Asking("0.0005", 1))
    for ending in (FAILED, CANCELLED, EXPIRED):
        prediction = ask()
        assert (prediction.hold, FreeUse.objects.get().rows) == (None, 1)
        answering.end(cast.node_key, prediction, ending)
        assert FreeUse.objects.get().rows == 0
    assert answering.end(cast.node_key, ask()).hold is None
    assert ask().hold.amount == 500


def test_of_a_group_the_free_rows_of_who_did_not_answer_are_there_again(owners, buyer):
    grouped.selling(owners, free_rows=dict.fromkeys(range(4), 1))
    grouped.decide(owners, grouped.ask(buyer), {3: SILENT})
    assert [each.rows for each in FreeUse.objects.order_by("member")] == [1, 1, 1, 0]
    assert not FreeTaken.objects.exists()


def test_what_was_asked_while_it_cost_nothing_brings_no_free_rows(cast, version, ask):
    prediction = ask()
    pricing.set_for_model(cast.asha.actor, version.model, "direct", Asking("0.0005", 1))
    ask()
    answering.end(cast.node_key, prediction, FAILED)
    assert FreeUse.objects.get().rows == 1
