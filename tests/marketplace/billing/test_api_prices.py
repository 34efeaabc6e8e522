"""Prices: an owner's for its model, each member's for its vote; on the cards and before the click."""

from __future__ import annotations

import pytest

from marketplace.accounts.models import AuditEntry
from marketplace.billing.models import Price
from tests.marketplace import people
from tests.marketplace.api.conftest import api  # noqa: F401 - a fixture
from tests.marketplace.groups import founded
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db

DIRECT = "models/asha/digits/prices/direct"


def usd(micros: int) -> dict[str, object]:
    return {"micros": micros, "currency": "USD"}


def asked(micros: int, free_rows: int = 0) -> dict[str, object]:
    return {"amount": usd(micros), "unit": "row", "free_rows": free_rows}


@pytest.fixture
def four(cast):
    """A group of four that serves: asha and three others."""
    persons = [cast.asha, *(people.person(f"owner{i}") for i in range(3))]
    owners = [founded.owner(person, i, slug="four", name="four") for i, person in enumerate(persons)]
    founded.formed(founded.signed(founded.complete(founded.found(owners[0]), owners), owners))
    return persons


def test_a_price_is_set_shown_and_changed(api, cast, version):  # noqa: F811
    assert api("GET", DIRECT).json() == {"mode": "direct", "price": asked(0), "since": None}
    told = api("PUT", DIRECT, cast.asha, {"micros": 1500, "free_rows": 10}).json()
    assert told["price"] == asked(1500, 10)
    assert told["since"] is not None
    assert api("GET", DIRECT).json() == told
    assert api("PUT", DIRECT, cast.asha, {"micros": 1500, "free_rows": 10}).json() == told  # nothing changes
    api("PUT", DIRECT, cast.asha, {"micros": 0})
    assert api("GET", DIRECT).json()["price"] == asked(0)
    assert Price.objects.count() == 2
    assert list(
        AuditEntry.objects.filter(action="price.set").order_by("pk").values_list("subject", flat=True)
    ) == [
        "asha/digits in direct: USD 0.0015 per row, 10 rows a month free",
        "asha/digits in direct: USD 0.00 per row, 0 rows a month free",
    ]


def test_cards_say_what_each_mode_costs(api, cast, version):  # noqa: F811
    api("PUT", DIRECT, cast.asha, {"micros": 1500, "free_rows": 10})
    (listed,) = api("GET", "models").json()["results"]
    assert listed["modes"][0]["price"] == asked(1500, 10)
    assert api("GET", "models/asha/digits").json()["modes"][0]["price"] == asked(1500, 10)


def test_each_member_sets_its_own_price_and_the_group_costs_the_sum(api, four):  # noqa: F811
    path = f"groups/{founded.SLUG}/prices/agreement"
    for i, person in enumerate(four):
        told = api("PUT", path, person, {"micros": 100 * i, "free_rows": 5 * i})
        assert told.status_code == 200
    assert api("GET", path).json() == told.json()
    assert told.json()["price"] == asked(600, 5)
    members = [(each["organisation"], each["price"]) for each in told.json()["members"]]
    assert members == [
        ("asha", asked(0)),
        ("owner0", asked(100, 5)),
        ("owner1", asked(200, 10)),
        ("owner2", asked(300, 15)),
    ]
    assert api("GET", f"groups/{founded.SLUG}").json()["modes"][0]["price"] == asked(600, 5)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"micros": -1}, "/micros"),
        ({"micros": 10**9 + 1}, "/micros"),
        ({"micros": 1.5}, "/micros"),
        ({"micros": 1, "free_rows": -1}, "/free_rows"),
        ({"micros": 1, "free_rows": 10**6 + 1}, "/free_rows"),
        ({"micros": 1, "currency": "USD"}, ""),
        ({}, ""),
    ],
)
def test_what_is_no_price_is_refused(api, cast, version, body, pointer):  # noqa: F811
    response = api("PUT", DIRECT, cast.asha, body)
    assert (response.status_code, problem(response).get("pointer", "")) == (422, pointer)
    assert not Price.objects.exists()


@pytest.mark.parametrize(("mode", "code"), [("agreement", "wrong-target"), ("telepathy", "unknown-mode")])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_mode_that_is_not_asked_of_models_has_no_price(api, cast, version, method, mode, code):  # noqa: F811
    response = api(method, f"models/asha/digits/prices/{mode}", cast.asha, {"micros": 1})
    assert (response.status_code, problem(response)["code"]) == (422, code)


def test_nobody_sets_anothers_price(api, cast, version, four):  # noqa: F811
    assert api("PUT", DIRECT, cast.sam, {"micros": 1}).status_code == 404
    assert api("PUT", DIRECT, cast.tariq, {"micros": 1}).status_code == 403
    assert api("PUT", f"groups/{founded.SLUG}/prices/agreement", cast.sam, {"micros": 1}).status_code == 404
    assert not Price.objects.exists()
