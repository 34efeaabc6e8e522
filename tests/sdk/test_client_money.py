"""What the client and the command say of money: what it costs, what is missing, what there is."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from assay import AsyncClient, Balance, Cost, Money, PaymentRequired, Quote
from assay.errors import Refused, Unavailable
from tests.sdk.test_cli_server import http, run  # noqa: F401 - fixtures
from tests.sdk.test_client import KEY, Server, ask, client, problem

ID = "01890000-0000-7000-8000-000000000000"


def usd(micros):
    return {"micros": micros, "currency": "USD"}


COST = {"quoted": usd(500), "charged": usd(400), "returned": usd(100), "ending": "certified"}
QUOTE = {
    "id": ID,
    "target": "model:demo/digits@1",
    "mode": "direct",
    "rows": 3,
    "deadline": 30.0,
    "total": usd(1000),
    "lines": [
        {
            "owner": "demo",
            "price": {"amount": usd(500), "unit": "row", "free_rows": 1},
            "free": 1,
            "most": usd(1000),
        }
    ],
    "fee": usd(100),
    "guarantee": "The provider signs its answer.",
    "caveats": ["That it is right."],
    "inferences": 1,
    "created": "2026-09-21T14:13:20Z",
    "expires": "2026-09-21T16:23:20+02:00",
}
CAP = {
    "key": None,
    "amount": usd(5000),
    "used": usd(4500),
    "left": usd(500),
    "alerts": [{"percent": 80, "time": "2026-09-21T14:13:20Z"}],
}
BALANCE = {
    "available": usd(1_500_000),
    "credit": usd(1_000_000),
    "free": usd(500_000),
    "held": usd(500),
    "spent": usd(4500),
    "caps": [CAP, CAP | {"key": 7, "alerts": []}],
}


def test_amounts_are_written_without_rounding():
    written = [str(Money(each, "USD")) for each in (0, 1, 500, 1_234_567, 1_500_000, -2_500_000)]
    assert written == ["USD 0.00", "USD 0.000001", "USD 0.0005", "USD 1.234567", "USD 1.50", "USD -2.50"]


# --- what it cost -----------------------------------------------------------------------------------------


def test_an_answer_says_what_it_cost(sample):
    server = Server(sample)
    server.changes = {"cost": COST}
    cost = Cost(Money(500, "USD"), Money(400, "USD"), Money(100, "USD"), "certified")
    assert ask(server).cost == cost


@pytest.mark.parametrize("changes", [{}, {"cost": None}])
def test_what_is_free_has_no_cost(sample, changes):
    server = Server(sample)
    server.changes = changes
    assert ask(server).cost is None


@pytest.mark.parametrize("cost", [7, {}, {"quoted": usd(0.5)}, {"quoted": usd(2**63)}, COST | {"charged": 400}])
def test_a_cost_that_is_none_is_no_answer(sample, cost):
    server = Server(sample)
    server.changes = {"cost": cost}
    with pytest.raises(Unavailable, match="not a prediction"):
        ask(server)


# --- what is missing --------------------------------------------------------------------------------------


def test_too_little_credit_says_how_much_is_missing(sample):
    refusal = {"code": "insufficient-credit", "detail": "there is too little credit", "missing": usd(250_000)}
    server = Server(sample, problem(402, **refusal))
    with pytest.raises(PaymentRequired) as refused:
        ask(server)
    assert refused.value.missing == Money(250_000, "USD")
    assert refused.value.code == "insufficient-credit"
    assert len(server.requests) == 1  # nobody pays by asking again


@pytest.mark.parametrize("missing", [None, 7, {}, {"micros": "x", "currency": "USD"}])
def test_a_402_that_does_not_say_it_is_one_all_the_same(sample, missing):
    with pytest.raises(PaymentRequired) as refused:
        ask(Server(sample, problem(402, code="cap-reached", detail="no", missing=missing)))
    assert (refused.value.missing, refused.value.code) == (None, "cap-reached")


def test_a_conflict_other_than_a_call_in_flight_is_said_at_once(sample):
    server = Server(sample, problem(409, code="quote-expired", detail="the quote has expired"))
    with pytest.raises(Refused, match="expired"):
        ask(server)
    assert len(server.requests) == 1


# --- asking before ----------------------------------------------------------------------------------------


def test_a_quote_is_asked_for_and_asked_by(sample):
    server = Server(sample, httpx.Response(201, json=QUOTE))
    with client(server) as assay:
        quote = assay.quote("demo/digits", rows=3, deadline=5)
        assay.predict("demo/digits", image=sample.content, quote=quote)
    assert isinstance(quote, Quote)
    assert (quote.total, quote.lines[0].owner, quote.expires.minute) == (Money(1000, "USD"), "demo", 23)
    asked, posted, *_ = server.requests
    assert asked.url.path == "/api/v1/quotes"
    assert json.loads(asked.content) == {
        "model": "demo/digits",
        "verification": {"mode": "direct"},
        "rows": 3,
        "deadline": 5,
    }
    assert json.loads(posted.content)["quote"] == ID


def test_a_group_is_quoted_in_its_mode(sample):
    server = Server(sample, httpx.Response(201, json=QUOTE))
    with client(server) as assay:
        assay.quote(group="digits", params={"votes": 4})
    assert json.loads(server.requests[0].content) == {
        "group": "digits",
        "verification": {"mode": "agreement", "votes": 4},
        "rows": 1,
    }


def test_the_balance_says_what_may_be_spent(sample):
    with client(Server(sample, httpx.Response(200, json=BALANCE))) as assay:
        balance = assay.balance()
    assert isinstance(balance, Balance)
    assert balance.available == Money(1_500_000, "USD")
    assert [(cap.key, len(cap.alerts)) for cap in balance.caps] == [(None, 1), (7, 0)]


def test_the_asynchronous_client_does_the_same(sample):
    async def both():
        server = Server(sample, httpx.Response(201, json=QUOTE), httpx.Response(200, json=BALANCE))
        async with AsyncClient("http://assay.test", KEY, transport=httpx.MockTransport(server)) as assay:
            return await assay.quote("demo/digits"), await assay.balance()

    quote, balance = asyncio.run(both())
    assert (quote.total.micros, balance.held.micros) == (1000, 500)


@pytest.mark.parametrize("reply", [{}, {"available": 7}, {"available": usd(1)}])
def test_a_balance_that_is_none_is_refused(sample, reply):
    with client(Server(sample, httpx.Response(200, json=reply))) as assay, pytest.raises(Unavailable):
        assay.balance()


# --- the command ------------------------------------------------------------------------------------------


def test_predict_shows_the_cost(run, http):  # noqa: F811
    http.api.changes = {"cost": COST}
    result = run("predict", "demo/digits", "--input", "digit.png")
    assert "cost USD 0.0004, USD 0.0001 came back" in result.stdout
    http.api.changes = {}
    assert "cost nothing: it is free" in run("predict", "demo/digits", "--input", "digit.png").stdout


def test_quote_shows_what_it_costs_and_what_it_is_worth(run, http):  # noqa: F811
    http.api.script = [httpx.Response(201, json=QUOTE)] * 2
    shown = run("quote", "demo/digits", "--rows", "3").stdout
    for words in (
        *("at most USD 0.001 for 3 rows of model:demo/digits@1", "demo: USD 0.0005 per row, 1 of the rows free"),
        *("The provider signs", "not promised: That it is right.", f"2026-09-21 14:23:20 UTC, as quote {ID}"),
    ):
        assert words in shown
    assert json.loads(run("quote", "demo/digits", "--json").stdout)["total"] == usd(1000)
    assert run("quote").exit_code == 2
    assert run("quote", "demo/digits", "--group", "digits").exit_code == 2


def test_predict_pays_by_a_quote(run, http):  # noqa: F811
    assert run("predict", "demo/digits", "--input", "digit.png", "--quote", ID).exit_code == 0
    assert json.loads(http.api.requests[0].content)["quote"] == ID
    assert run("predict", "demo/digits", "--input", "digit.png", "--quote", "x").exit_code == 2


def test_predict_pays_no_more_than_it_may(run, http):  # noqa: F811
    assert run("predict", "demo/digits", "--input", "digit.png", "--most", "0.05").exit_code == 0
    assert json.loads(http.api.requests[0].content)["most"] == 50_000
    for odd in ("-1", "a lot", "0.0000001", "1e3", ""):
        result = run("predict", "demo/digits", "--input", "digit.png", "--most", odd)
        assert (result.exit_code, "not an amount" in result.stderr) == (2, True)


def test_balance_shows_what_may_be_spent(run, http):  # noqa: F811
    http.api.script = [httpx.Response(200, json=BALANCE)] * 2
    shown = run("balance").stdout
    for words in (
        *("available  USD 1.50, of it USD 0.50 free credit", "held       USD 0.0005", "spent      USD 0.0045"),
        *("cap        USD 0.005 a month, USD 0.0005 left; 80 % reached", "cap of key 7: USD 0.005 a month"),
    ):
        assert words in shown
    assert json.loads(run("balance", "--json").stdout)["held"] == usd(500)


def test_what_is_missing_is_shown(run, http):  # noqa: F811
    refusal = {"code": "insufficient-credit", "detail": "there is too little credit", "missing": usd(250_000)}
    http.api.script = [problem(402, **refusal)]
    result = run("predict", "demo/digits", "--input", "digit.png")
    assert result.exit_code == 1
    assert "missing   USD 0.25" in result.stderr
