"""/quotes: what it costs before it is asked, promised for a while; 402 with what is missing."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from marketplace.billing import pricing
from marketplace.billing.models import Hold, Quote
from marketplace.billing.pricing import Asking
from marketplace.predictions.models import Prediction
from tests.marketplace import answering, people
from tests.marketplace.answering import request
from tests.marketplace.api.conftest import api  # noqa: F401 - a fixture
from tests.marketplace.groups import founded
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db

WANTED = {"model": "asha/digits", "verification": {"mode": "direct"}}


def usd(micros: int) -> dict[str, object]:
    return {"micros": micros, "currency": "USD"}


@pytest.fixture
def quoted(api, cast, priced):  # noqa: F811
    """What bela, or somebody, is quoted."""

    def quoted(person=cast.bela, **changes):
        response = api("POST", "quotes", person, WANTED | changes)
        assert response.status_code == 201, response.content
        return response.json()

    return quoted


@pytest.fixture
def four(cast):
    """A group of four, asha's among them, each of whose members asks something else for its vote."""
    persons = [cast.asha, *(people.person(f"owner{i}") for i in range(3))]
    owners = [founded.owner(person, i, slug="four", name="four") for i, person in enumerate(persons)]
    group = founded.formed(founded.signed(founded.complete(founded.found(owners[0]), owners), owners))
    for i, each in enumerate(owners):
        pricing.set_for_member(each.actor, each.seat(group), "agreement", Asking(f"0.0{i}", free_rows=i))
    return group


def test_a_quote_says_what_it_costs_and_what_it_is_worth(quoted):
    told = quoted(rows=10, deadline=5)
    assert (told["target"], told["mode"], told["rows"], told["deadline"]) == (
        "model:asha/digits@1",
        "direct",
        10,
        5,
    )
    assert told["total"] == usd(5000)
    assert told["fee"] == usd(500)
    price = {"amount": usd(500), "unit": "row", "free_rows": 0}
    assert told["lines"] == [{"owner": "asha", "price": price, "free": 0, "most": usd(5000)}]
    assert "can be held to it" in told["guarantee"]
    assert told["caveats"]
    assert told["inferences"] == 1
    lasts = dt.datetime.fromisoformat(told["expires"]) - dt.datetime.fromisoformat(told["created"])
    assert lasts.total_seconds() == pytest.approx(600, abs=1)


def test_a_quote_can_be_looked_at_again_by_who_was_given_it(api, cast, quoted):  # noqa: F811
    told = quoted(rows=3)
    assert api("GET", f"quotes/{told['id']}", cast.bela).json() == told
    assert api("GET", f"quotes/{told['id']}", cast.sam).status_code == 404


def test_its_prices_are_charged_whatever_they_are_meanwhile(api, cast, priced, quoted):  # noqa: F811
    told = quoted()
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("0.9"))
    dear = api("POST", "predictions", cast.bela, request())
    cheap = api("POST", "predictions", cast.bela, request(quote=told["id"]))
    assert dear.json()["cost"]["quoted"] == usd(900_000)
    assert cheap.json()["cost"]["quoted"] == told["total"]


def test_free_rows_that_are_left_are_in_the_total(api, cast, priced, quoted):  # noqa: F811
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("0.0005", free_rows=4))
    assert (quoted(rows=3)["total"], quoted(rows=6)["total"]) == (usd(0), usd(1000))
    assert api("POST", "predictions", cast.bela, request()).json()["cost"] is None
    told = quoted(rows=6)
    assert (told["total"], told["lines"][0]["free"]) == (usd(1500), 3)


def test_what_is_free_costs_nothing_and_nobody_pays_oneself(cast, quoted, version):
    assert quoted(cast.asha)["total"] == usd(0)
    assert quoted(cast.asha)["lines"] == []


def test_a_group_costs_what_its_members_ask_together(cast, four, quoted):
    told = quoted(model=None, group=four.slug, verification={"mode": "agreement"}, rows=2, deadline=5)
    assert told["total"] == usd(2 * (10_000 + 20_000 + 30_000) - 10_000 - 2 * 20_000 - 2 * 30_000)
    assert [(line["owner"], line["free"]) for line in told["lines"]] == [
        ("owner0", 1),
        ("owner1", 2),
        ("owner2", 2),
    ]
    assert told["guarantee"].startswith("4 owners' models vote")
    assert told["inferences"] == 4


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"rows": 0}, 422, "invalid", "/rows"),
        ({"rows": 1001}, 422, "invalid", "/rows"),
        ({"model": "asha/nothing"}, 404, "not-found", "/model"),
        ({"verification": {"mode": "telepathy"}}, 422, "unknown-mode", "/verification/mode"),
        ({"verification": {"mode": "agreement"}}, 422, "wrong-target", "/verification/mode"),
        ({"inputs": []}, 422, "invalid", ""),
        ({"group": "digits"}, 422, "invalid", "/group"),
    ],
)
def test_what_cannot_be_quoted_is_named(api, cast, version, change, status, code, pointer):  # noqa: F811
    response = api("POST", "quotes", cast.bela, WANTED | change)
    told = problem(response)
    assert (response.status_code, told["code"], told.get("pointer", "")) == (status, code, pointer)
    assert not Quote.objects.exists()


# --- asking by it ---------------------------------------------------------------------------------------------


def refused(response, status: int, code: str):
    told = problem(response)
    assert (response.status_code, told["code"]) == (status, code)
    assert not Hold.objects.exists()
    return told


def test_an_expired_quote_is_refused(api, cast, quoted):  # noqa: F811
    told = quoted()
    Quote.objects.update(expires=timezone.now() - dt.timedelta(seconds=1))
    refused(api("POST", "predictions", cast.bela, request(quote=told["id"])), 409, "quote-expired")


def test_anothers_quote_is_not_there(api, cast, quoted):  # noqa: F811
    refused(api("POST", "predictions", cast.sam, request(quote=quoted()["id"])), 404, "not-found")


def test_a_quote_for_something_else_is_refused(api, cast, quoted, version):  # noqa: F811
    other = answering.digits(cast.sam)
    assert other.pk != version.pk
    asked = request(model="sam/digits", quote=quoted()["id"])
    refused(api("POST", "predictions", cast.bela, asked), 422, "quote-of-another")


@pytest.mark.parametrize("quote", ["", "x", 7, "01890000-0000-7000-8000-000000000000"])
def test_what_is_no_quote_is_named(api, cast, version, quote):  # noqa: F811
    response = api("POST", "predictions", cast.bela, request(quote=quote))
    assert problem(response)["pointer"] == "/quote"


def test_402_says_how_much_is_missing(api, cast, priced):  # noqa: F811
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("1.25"))
    told = refused(api("POST", "predictions", cast.bela, request()), 402, "insufficient-credit")
    assert told["missing"] == usd(250_000)
    assert told["detail"] == "there is too little credit: USD 0.25 is missing"
    assert not Prediction.objects.exists()


# --- and retrying ---------------------------------------------------------------------------------------------


def test_a_retry_after_a_lost_answer_is_not_charged_twice(api, cast, priced, books):  # noqa: F811
    first = api("POST", "predictions", cast.bela, request(), idempotency_key="k")
    again = api("POST", "predictions", cast.bela, request(), idempotency_key="k")
    assert again["Idempotent-Replayed"] == "true"
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["cost"] == again.json()["cost"]
    assert Hold.objects.count() == 1
    assert books.of(cast.bela) == {"free": 1_000_000 - 500, "held": 500}


def test_a_retry_is_answered_though_its_quote_has_expired_since(api, cast, quoted):  # noqa: F811
    asked = request(quote=quoted()["id"])
    first = api("POST", "predictions", cast.bela, asked, idempotency_key="k")
    Quote.objects.update(expires=timezone.now() - dt.timedelta(seconds=1))
    again = api("POST", "predictions", cast.bela, asked, idempotency_key="k")
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    refused_now = api("POST", "predictions", cast.bela, asked, idempotency_key="another")
    assert problem(refused_now)["code"] == "quote-expired"


def test_a_refusal_for_too_little_credit_keeps_no_key(api, cast, priced, grant):  # noqa: F811
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("1.25"))
    assert api("POST", "predictions", cast.bela, request(), idempotency_key="k").status_code == 402
    grant(cast.bela, 250_000)
    assert api("POST", "predictions", cast.bela, request(), idempotency_key="k").status_code == 201
