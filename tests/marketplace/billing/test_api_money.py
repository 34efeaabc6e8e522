"""/balance, /usage, /holds, caps, /earnings, and what a prediction cost."""

from __future__ import annotations

import datetime as dt

import pytest

from marketplace.accounts import actions as accounts
from marketplace.billing import maturing, reversing
from marketplace.billing.models import Entry, Hold
from marketplace.predictions import actions
from tests.marketplace import answering
from tests.marketplace.answering import request
from tests.marketplace.api.conftest import api  # noqa: F401 - a fixture
from tests.marketplace.people import problem
from verification.ends import DISPUTE_LOST

pytestmark = pytest.mark.django_db

WELCOME = 1_000_000
PRICE = 500


def usd(micros: int) -> dict[str, object]:
    return {"micros": micros, "currency": "USD"}


@pytest.fixture
def get(api, cast):  # noqa: F811
    def get(path: str, person=cast.bela):
        response = api("GET", path, person)
        assert response.status_code == 200, response.content
        return response.json()

    return get


# --- what a prediction cost -----------------------------------------------------------------------------------


def test_an_open_predictions_cost_is_what_was_quoted(get, priced, ask):
    shown = get(f"predictions/{ask().pk}")
    assert shown["cost"] == {"quoted": usd(PRICE), "charged": None, "returned": None, "ending": None}


def test_what_is_certified_is_charged(cast, get, priced, ask):
    prediction = answering.end(cast.node_key, ask())
    cost = {"quoted": usd(PRICE), "charged": usd(PRICE), "returned": usd(0), "ending": "certified"}
    assert get(f"predictions/{prediction.pk}")["cost"] == cost
    assert get("predictions")["results"][0]["cost"] == cost


def test_what_is_withdrawn_comes_back(api, cast, priced, ask):  # noqa: F811
    shown = api("POST", f"predictions/{ask().pk}/cancel", cast.bela).json()
    assert shown["cost"] == {
        "quoted": usd(PRICE),
        "charged": usd(0),
        "returned": usd(PRICE),
        "ending": "cancelled",
    }


def test_what_was_taken_back_cost_nothing(cast, get, priced, ask):
    prediction = answering.end(cast.node_key, ask())
    reversing.reverse(prediction.hold_id, DISPUTE_LOST, "by evidence")
    cost = {"quoted": usd(PRICE), "charged": usd(0), "returned": usd(PRICE), "ending": "dispute-lost"}
    assert get(f"predictions/{prediction.pk}")["cost"] == cost
    (held,) = get("holds")["results"]
    assert (held["charged"], held["ending"]) == (usd(0), "dispute-lost")
    assert held["refunded"] is not None


def test_what_is_free_has_no_cost(api, cast, version):  # noqa: F811
    assert api("POST", "predictions", cast.bela, request()).json()["cost"] is None
    assert api("POST", "predictions", cast.bela, request(), prefer="wait=0").json()["cost"] is None


def test_a_list_tells_costs_without_a_query_for_each(api, cast, priced, ask, django_assert_max_num_queries):  # noqa: F811
    for _ in range(5):
        answering.end(cast.node_key, ask())
        ask()
    api("GET", "predictions", cast.bela)
    with django_assert_max_num_queries(4):
        shown = api("GET", "predictions", cast.bela).json()["results"]
    assert len([each for each in shown if each["cost"]["charged"]]) == 5


# --- the balance ----------------------------------------------------------------------------------------------


def test_the_balance(cast, get, priced, ask, grant):
    grant(cast.bela, 7)
    answering.end(cast.node_key, ask())
    ask()
    assert get("balance") == {
        "available": usd(WELCOME - 2 * PRICE + 7),
        "credit": usd(7),
        "free": usd(WELCOME - 2 * PRICE),
        "held": usd(PRICE),
        "spent": usd(2 * PRICE),
        "caps": [],
    }


def test_usage_is_by_day_and_mode(cast, get, priced, ask):
    answering.end(cast.node_key, ask())
    ask()
    actions.cancel(ask())
    today = dt.datetime.now(dt.UTC).date()
    assert get("usage") == {
        "month": f"{today:%Y-%m}",
        "total": usd(2 * PRICE),
        "days": [{"day": f"{today}", "mode": "direct", "amount": usd(2 * PRICE), "predictions": 3, "free": 0}],
    }
    assert get("usage?month=2020-02") == {"month": "2020-02", "total": usd(0), "days": []}


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-00", "1999-01", "9999-12", "2026-1", "x", "%00"])
@pytest.mark.parametrize("path", ["usage", "earnings"])
def test_what_is_no_month_is_refused(api, cast, path, month):  # noqa: F811
    response = api("GET", f"{path}?month={month}", cast.bela)
    assert (response.status_code, problem(response)["pointer"]) == (422, "month")


def test_holds_are_listed_with_their_ends(cast, get, priced, ask):
    prediction, still = answering.end(cast.node_key, ask()), ask()
    newest, oldest = get("holds")["results"]
    assert (newest["prediction"], newest["charged"], newest["ended"], newest["certificate"]) == (
        *(str(still.pk), None, None, None),
    )
    assert oldest == {
        "id": prediction.hold_id,
        "created": oldest["created"],
        "prediction": str(prediction.pk),
        "target": "model:asha/digits@1",
        "mode": "direct",
        "rows": 1,
        "quoted": usd(PRICE),
        "free": usd(PRICE),
        "charged": usd(PRICE),
        "returned": usd(0),
        "ending": "certified",
        "ended": oldest["ended"],
        "refunded": None,
        "certificate": prediction.certificate.hex,
    }
    assert oldest["ended"] is not None


def test_holds_come_by_pages_that_neither_repeat_nor_leave_out(get, priced, ask):
    made = [ask().hold_id for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = get(f"holds?limit=2&cursor={cursor}")
        seen += [each["id"] for each in page["results"]]
        cursor = page["next"]
        ask()  # what comes meanwhile is on no later page
    assert seen == made[::-1]


def test_holds_take_the_same_number_of_queries_however_many(api, cast, priced, ask, django_assert_max_num_queries):  # noqa: F811
    for _ in range(6):
        answering.end(cast.node_key, ask())
    api("GET", "holds", cast.bela)
    with django_assert_max_num_queries(2):
        assert len(api("GET", "holds", cast.bela).json()["results"]) == 6


def test_a_stranger_sees_nothing_of_it(cast, get, priced, ask):
    answering.end(cast.node_key, ask())
    assert get("holds", cast.sam)["results"] == []
    assert get("balance", cast.sam)["available"] == usd(WELCOME)
    assert get("usage", cast.sam)["days"] == []


# --- caps -----------------------------------------------------------------------------------------------------


def test_a_cap_is_set_and_told_with_the_balance(api, cast, get, priced, ask):  # noqa: F811
    ask()
    told = api("PUT", "cap", cast.bela, {"micros": 600})
    assert told.status_code == 200
    assert told.json() == {"key": None, "amount": usd(600), "used": usd(500), "left": usd(100), "alerts": []}
    refused = problem(api("POST", "predictions", cast.bela, request()))
    assert (refused["status"], refused["code"], refused["missing"]) == (402, "cap-reached", usd(400))
    (shown,) = get("balance")["caps"]
    assert [each["percent"] for each in shown["alerts"]] == [100]
    assert api("DELETE", "cap", cast.bela).json()["amount"] is None
    assert api("POST", "predictions", cast.bela, request()).status_code == 201


def test_a_keys_cap_holds_for_that_key(api, cast, get, priced):  # noqa: F811
    key, token = accounts.create_key(cast.bela.actor, "capped")
    told = api("PUT", f"keys/{key.pk}/cap", cast.bela, {"micros": PRICE}).json()
    assert (told["key"], told["left"]) == (key.pk, usd(PRICE))
    with_it = {"authorization": f"Bearer {token}"}
    statuses = [api("POST", "predictions", None, request(), **with_it).status_code for _ in range(2)]
    assert statuses == [201, 402]
    assert api("POST", "predictions", cast.bela, request()).status_code == 201
    assert [each["key"] for each in get("balance")["caps"]] == [key.pk]
    assert api("DELETE", f"keys/{key.pk}/cap", cast.bela).json()["amount"] is None


@pytest.mark.parametrize("body", [{}, {"micros": -1}, {"micros": 1.5}, {"micros": 10**16}, {"micros": None}, []])
def test_what_is_no_cap_is_refused(api, cast, body):  # noqa: F811
    response = api("PUT", "cap", cast.bela, body)
    assert response.status_code == 422
    assert problem(response).get("pointer", "") in ("/micros", "")


# --- earnings -------------------------------------------------------------------------------------------------


def test_earnings_say_when_they_are_available(cast, get, priced, ask):
    answering.end(cast.node_key, ask())
    told = get("earnings", cast.asha)
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=7)
    assert told["earned"] == usd(450)
    assert told["available"] == usd(0)
    assert told["lots"] == [{"available_on": f"{day}", "amount": usd(450)}]
    assert told["sources"] == [{"source": "model:asha/digits", "amount": usd(450), "answers": 1}]
    maturing.mature(day)
    told = get("earnings", cast.asha)
    assert (told["earned"], told["available"], told["lots"]) == (usd(0), usd(450), [])


@pytest.fixture
def earned(cast, priced, ask):
    """Asha has 450 available."""
    answering.end(cast.node_key, ask())
    maturing.mature(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=7))


def test_earnings_are_turned_into_credit_once(api, cast, get, earned):  # noqa: F811
    for _ in range(2):
        response = api("POST", "earnings/spend", cast.asha, {"micros": 400}, idempotency_key="k")
        assert response.status_code == 201
        assert response.json()["credit"] == usd(400)
    assert get("earnings", cast.asha)["available"] == usd(50)


def test_the_key_of_another_move_is_refused(api, cast, earned):  # noqa: F811
    api("POST", "earnings/spend", cast.asha, {"micros": 100}, idempotency_key="k")
    response = api("POST", "earnings/spend", cast.asha, {"micros": 200}, idempotency_key="k")
    assert (response.status_code, problem(response)["code"]) == (409, "key-of-another")


def test_more_than_is_available_is_refused(api, cast, earned):  # noqa: F811
    before = Entry.objects.count()
    response = api("POST", "earnings/spend", cast.asha, {"micros": 451}, idempotency_key="k")
    assert (response.status_code, problem(response)["code"]) == (409, "too-little-earned")
    assert Entry.objects.count() == before


@pytest.mark.parametrize(
    ("body", "headers", "status", "pointer"),
    [
        ({"micros": 1}, {}, 400, "Idempotency-Key"),
        ({"micros": 1}, {"idempotency_key": "k" * 101}, 400, "Idempotency-Key"),
        ({"micros": 0}, {"idempotency_key": "k"}, 422, "/micros"),
        ({"micros": -450}, {"idempotency_key": "k"}, 422, "/micros"),
        ({"micros": 2**63}, {"idempotency_key": "k"}, 422, "/micros"),
        ({}, {"idempotency_key": "k"}, 422, ""),
    ],
)
def test_a_malformed_move_moves_nothing(api, cast, earned, body, headers, status, pointer):  # noqa: F811
    before = Entry.objects.count()
    response = api("POST", "earnings/spend", cast.asha, body, **headers)
    assert (response.status_code, problem(response).get("pointer", "")) == (status, pointer)
    assert Entry.objects.count() == before


def test_a_key_that_may_read_moves_nothing(api, cast, earned):  # noqa: F811
    cast.asha.token = cast.asha.key("read", "predict", "models")
    assert api("GET", "earnings", cast.asha).status_code == 200
    moves = [("POST", "earnings/spend"), ("PUT", "cap"), ("DELETE", "cap")]
    for method, path in moves:
        response = api(method, path, cast.asha, {"micros": 1}, idempotency_key="k")
        assert (response.status_code, problem(response)["code"]) == (403, "scope-missing")
    assert not Hold.objects.filter(organisation=cast.asha.organisation).exists()
