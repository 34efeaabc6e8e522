"""Sellers who raise their price while somebody looks at it; and what quotes promise while others come and go."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from assay.errors import Refused
from marketplace.billing import pricing, quoting
from marketplace.billing.models import FreeUse, Hold, Quote
from marketplace.billing.pricing import Asking
from marketplace.errors import Conflict, NotFound
from marketplace.groups import following
from tests.marketplace import answering
from tests.marketplace.billing import grouped
from tests.marketplace.billing.books import Books
from tests.marketplace.billing.grouped import PRICE
from tests.marketplace.groups import founded, succeeding
from tests.marketplace.groups.deciding import ABSTAINS, ERRS, WITHHOLDS
from tests.marketplace.people import person, problem

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


@pytest.fixture
def books(cast) -> Books:
    return Books()


def raised(cast, model, amount="0.9") -> None:
    pricing.set_for_model(cast.asha.actor, model, "direct", Asking(amount))


# --- between the look and the click -----------------------------------------------------------------------------


def test_a_price_raised_between_the_look_and_the_click_is_not_charged(client, cast, books, priced):
    raised(cast, priced.model)
    body = answering.request(most=500)
    answer = client.post("/api/v1/predictions", body, content_type="application/json", headers=cast.bela.headers)
    told = problem(answer)
    assert (told["status"], told["code"], told["pointer"]) == (409, "too-dear", "/most")
    assert (told["expected"], told["got"]) == ("USD 0.0005 at most", "USD 0.90")
    assert books.of(cast.bela) == {"free": WELCOME}


@pytest.mark.parametrize("most", [-1, 10**15 + 1, 0.5, "5"])
def test_odd_limits_are_refused(client, cast, priced, most):
    body = answering.request(most=most)
    answer = client.post("/api/v1/predictions", body, content_type="application/json", headers=cast.bela.headers)
    told = problem(answer)
    assert (told["status"], told["pointer"]) == (422, "/most")


def test_who_asks_again_after_free_rows_were_used_up_is_not_charged_more_than_was_said(cast, version, ask):
    pricing.set_for_model(cast.asha.actor, version.model, "direct", Asking("0.0005", 1))
    assert ask(most=0).hold is None
    with pytest.raises(Conflict):
        ask(most=0)
    assert FreeUse.objects.get().rows == 1
    assert ask(most=500).hold.amount == 500


def test_a_quote_is_charged_by_whatever_its_seller_asks_since(cast, books, priced, ask):
    quote = quoting.quote(cast.bela.actor, priced.model.published_version, "direct", 1, 30.0)
    raised(cast, priced.model)
    answering.end(cast.node_key, ask(quote=quote.pk))
    assert books.of(cast.bela) == {"free": WELCOME - 500}


def test_what_is_under_way_is_charged_by_the_prices_of_when_it_was_asked(cast, books, priced, ask):
    prediction = ask()
    raised(cast, priced.model)
    answering.end(cast.node_key, prediction)
    assert books.of(cast.bela) == {"free": WELCOME - 500}


# --- quotes of others, of something else, of before -------------------------------------------------------------


def test_quotes_of_others_of_another_version_or_mode_and_expired_ones_are_refused(cast, priced, ask):
    version = priced.model.published_version
    quote = quoting.quote(cast.bela.actor, version, "direct", 1, 30.0)
    with pytest.raises(NotFound):
        ask(cast.sam, quote=quote.pk)
    other = answering.digits(cast.sam, "others")
    with pytest.raises(Refused) as refused:
        quoting.terms(cast.bela.actor, quote.pk, other, "direct")
    assert refused.value.code == "quote-of-another"
    with pytest.raises(Refused):
        quoting.terms(cast.bela.actor, quote.pk, version, "agreement")
    Quote.objects.update(expires=timezone.now() - dt.timedelta(seconds=1))
    with pytest.raises(Conflict):
        ask(quote=quote.pk)
    assert not Hold.objects.exists()


def test_a_quote_of_a_group_is_none_of_a_model_with_the_same_number(cast):
    owners = founded.owners(cast)
    group = grouped.selling(owners)
    version = owners[0].deployment.version
    buyer = person("dora")
    quote = quoting.quote(buyer.actor, group, "direct", 1, 30.0)
    version.pk = group.pk
    with pytest.raises(Refused):
        quoting.terms(buyer.actor, quote.pk, version, "direct")


# --- members that come and go meanwhile -------------------------------------------------------------------------


@pytest.fixture
def owners(cast):
    return founded.owners(cast, 5)


@pytest.fixture
def group(owners):
    """The first four's; the fifth will come for the fourth."""
    return grouped.selling(owners[:4])


def exchanged(group, owners) -> None:
    """In the next epoch: without the fourth, with the fifth, who asks as much."""
    made = succeeding.proposed(group, owners[0], joining=[owners[4]], leaving=[owners[3]])
    pricing.set_for_member(owners[4].actor, owners[4].seat(group), "agreement", Asking("0.001"))
    succeeding.signed(made, owners)
    following.install(group, [succeeding.ordered(made, [each.key for each in owners[:4]])])


def earned(books, owners) -> list[int]:
    return [books.of(each.person).get("earned", 0) for each in owners]


def test_who_has_left_since_is_not_paid_though_it_was_quoted(books, owners, group):
    """What was asked before, and decided after: three of those who were quoted have answered."""
    buyer = person("dora")
    prediction = grouped.ask(buyer)
    exchanged(group, owners)
    present = [*owners[:3], owners[4]]
    grouped.decide(present, prediction)
    assert earned(books, owners) == [900, 900, 900, 0, 0]
    assert books.of(buyer) == {"free": WELCOME - 3 * PRICE}
    grouped.decide(present, grouped.ask(buyer))
    assert earned(books, owners) == [1800, 1800, 1800, 0, 900]


def test_who_has_left_is_in_no_price_and_who_has_not_come_yet_neither(owners, group):
    made = succeeding.proposed(group, owners[0], joining=[owners[4]], leaving=[owners[3]])
    pricing.set_for_member(owners[4].actor, owners[4].seat(group), "agreement", Asking("900"))
    assert [line.owner for line in pricing.of_group(group.pk, "agreement")] == [each.slug for each in owners[:4]]
    succeeding.signed(made, owners)
    following.install(group, [succeeding.ordered(made, [each.key for each in owners[:4]])])
    names = [owners[0], owners[1], owners[2], owners[4]]
    assert [line.owner for line in pricing.of_group(group.pk, "agreement")] == [each.slug for each in names]


def test_members_who_withhold_what_they_committed_to_are_not_paid(cast, books):
    owners = founded.owners(cast, 7)
    grouped.selling(owners, copy_resistant=True, size=7)
    buyer = person("dora")
    grouped.decide(owners, grouped.ask(buyer), {4: WITHHOLDS, 5: ABSTAINS})
    assert earned(books, owners) == [900] * 4 + [0, 0, 900]
    grouped.decide(owners, grouped.ask(buyer), {4: WITHHOLDS, 5: ERRS, 6: ABSTAINS})
    assert earned(books, owners) == [900] * 4 + [0, 0, 900]
    assert books.of(buyer) == {"free": WELCOME - 5 * PRICE}


# --- what is sent again -----------------------------------------------------------------------------------------


def test_an_offer_taken_back_does_not_hide_what_was_charged_from_who_asks_again(client, cast, books, priced):
    """The answer was lost, the owner offers the mode no more: the same request gives what it gave."""
    headers = {**cast.bela.headers, "idempotency-key": "lost"}
    sent = {"content_type": "application/json", "headers": headers}
    first = client.post("/api/v1/predictions", answering.request(), **sent)
    priced.model.offers.all().delete()
    again = client.post("/api/v1/predictions", answering.request(), **sent)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    other = client.post("/api/v1/predictions", answering.request(deadline=5), **sent)
    assert problem(other)["code"] == "idempotency-mismatch"
    assert books.of(cast.bela) == {"free": WELCOME - 500, "held": 500}
