"""Strangers and teammates without rights, who want others' money, or to know of it; and keys that want more."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest

from marketplace.accounts import actions as accounts
from marketplace.accounts.models import ApiKey, User
from marketplace.billing import books as journal
from marketplace.billing import caps, credit, ledger, pricing
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Hold, Price
from marketplace.billing.pricing import Asking
from marketplace.errors import Forbidden
from marketplace.groups import actions
from tests.marketplace import answering
from tests.marketplace.billing import grouped
from tests.marketplace.groups import founded
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db
JSON = "application/json"


def token(person, *scopes) -> tuple[ApiKey, dict[str, str]]:
    key, secret = accounts.create_key(person.actor, "limited", scopes)
    return key, {"authorization": f"Bearer {secret}"}


def test_a_capped_key_does_not_make_itself_one_without(client, cast):
    key, headers = token(cast.bela, "keys", "predict")
    caps.set_cap(cast.bela.actor, key, 1000)
    answer = client.post(
        "/api/v1/keys", {"name": "more", "scopes": ["predict"]}, content_type=JSON, headers=headers
    )
    assert problem(answer)["status"] == 403
    assert not ApiKey.objects.filter(name="more").exists()


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("put", "/api/v1/cap", {"micros": 10**9}),
        ("delete", "/api/v1/cap", None),
        ("post", "/api/v1/earnings/spend", {"micros": 1}),
        ("post", "/api/v1/stakes/deposits", {"micros": 1}),
        ("post", "/api/v1/stakes/withdrawals", {"micros": 1}),
        ("put", "/api/v1/models/asha/digits/prices/direct", {"micros": 1}),
    ],
)
def test_a_teammate_who_buys_and_a_key_that_asks_move_and_set_nothing(client, cast, priced, method, address, body):
    """Tariq is a buyer in asha's organisation; asha's key may ask and look."""
    _, narrow = token(cast.asha, "predict", "read")
    for headers in (cast.tariq.headers, narrow):
        sent = {**headers, "idempotency-key": str(uuid.uuid4())}
        answer = getattr(client, method)(address, body, content_type=JSON, headers=sent)
        assert problem(answer)["status"] == 403
    assert Price.objects.get(until=None).micros == 500


def test_a_key_for_money_alone_sees_it_and_is_told_what_it_has_moved(client, cast):
    parts = Part(Where(Kind.GRANTED), -100), Part(Where(Kind.PAYABLE, cast.asha.organisation.pk), 100)
    ledger.post([Posting("tests", ledger.Kind.GRANTED, parts)])
    _, headers = token(cast.asha, "billing")
    for address in ("balance", "usage", "holds", "earnings", "stakes", "stakes/locks"):
        assert client.get(f"/api/v1/{address}", headers=headers).status_code == 200
    sent = {**headers, "idempotency-key": "x"}
    answer = client.post("/api/v1/earnings/spend", {"micros": 30}, content_type=JSON, headers=sent)
    assert (answer.status_code, answer.json()["credit"]["micros"]) == (201, 30)
    assert problem(client.get("/api/v1/predictions", headers=headers))["status"] == 403


@pytest.mark.parametrize("address", ["balance", "usage", "holds", "earnings", "stakes", "stakes/locks"])
def test_a_key_that_only_asks_sees_no_money(client, cast, address):
    _, headers = token(cast.asha, "predict")
    refused = problem(client.get(f"/api/v1/{address}", headers=headers))
    assert (refused["status"], refused["expected"]) == (403, "read | billing")


def test_what_others_hold_and_were_quoted_is_not_to_be_seen(client, cast, priced, ask):
    prediction = ask()
    quote = client.post(
        "/api/v1/quotes",
        {"model": "asha/digits", "verification": {"mode": "direct"}},
        content_type=JSON,
        headers=cast.bela.headers,
    ).json()["id"]
    for each in (cast.sam, cast.asha):
        for address in (f"quotes/{quote}", f"predictions/{prediction.pk}"):
            answer = client.get(f"/api/v1/{address}", headers=each.headers)
            assert problem(answer)["status"] == 404
        for address in ("holds", "usage", "balance"):
            shown = client.get(f"/api/v1/{address}", headers=each.headers)
            assert str(prediction.pk) not in shown.content.decode()
        body = answering.request(quote=quote)
        answer = client.post("/api/v1/predictions", body, content_type=JSON, headers=each.headers)
        assert problem(answer)["status"] == 404
    assert Hold.objects.count() == 1


@pytest.mark.parametrize("kind", ["private", "draft"])
def test_what_a_private_model_costs_is_not_to_be_seen(client, cast, priced, kind):
    model = priced.model
    if kind == "private":
        model.visibility = "private"
    else:
        model.published_version = None
        model.versions.update(state="ready")
    model.save()
    for headers in (cast.sam.headers, {}):
        answer = client.get("/api/v1/models/asha/digits/prices/direct", headers=headers)
        assert problem(answer)["status"] == 404
    body = {"model": "asha/digits", "verification": {"mode": "direct"}}
    answer = client.post("/api/v1/quotes", body, content_type=JSON, headers=cast.sam.headers)
    assert problem(answer)["status"] == 404


def test_what_votes_cost_in_a_group_that_does_not_serve_yet_is_its_members_to_see(client, cast):
    owners = founded.owners(cast)
    group = founded.complete(founded.found(owners[0]), owners)
    for each in owners:
        pricing.set_for_member(each.actor, each.seat(group), "agreement", Asking("0.001"))
    address = f"/api/v1/groups/{group.slug}/prices/agreement"
    stranger = founded.people.person("dora")
    assert problem(client.get(address, headers=stranger.headers))["status"] == 404
    assert problem(client.get(address))["status"] == 404
    body = {"group": group.slug, "verification": {"mode": "agreement"}}
    answer = client.post("/api/v1/quotes", body, content_type=JSON, headers=stranger.headers)
    assert problem(answer)["status"] == 404
    assert client.get(address, headers=owners[1].person.headers).status_code == 200


def test_who_has_left_sets_no_price_and_who_has_declined_is_not_paid_for(client, cast):
    owners = founded.owners(cast)
    group = founded.found(owners[0])
    for each in owners[1:]:
        actions.invite(owners[0].actor, group, each.slug)
    pricing.set_for_member(owners[3].actor, owners[3].seat(group), "agreement", Asking("900"))
    actions.decline(owners[3].actor, owners[3].seat(group))
    address = f"/api/v1/groups/{group.slug}/prices/agreement"
    answer = client.put(address, {"micros": 1}, content_type=JSON, headers=owners[3].person.headers)
    assert problem(answer)["status"] == 404
    assert pricing.of_group(group.pk, "agreement") == ()


ODD = [-1, 0.5, 1e3, 10**16, 2**63, 2**70, True, "5", "٥", None, [1], float("nan")]


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("address", ["stakes/deposits", "stakes/withdrawals", "earnings/spend"])
def test_odd_amounts_are_refused_and_move_nothing(client, cast, books, address, odd):
    credit.grant(cast.staff, cast.bela.organisation, 10_000, "tests", "for a test")
    headers = {**cast.bela.headers, "idempotency-key": "x"}
    body = json.dumps({"micros": odd})
    answer = client.post(f"/api/v1/{address}", body, content_type=JSON, headers=headers)
    assert answer.status_code in (400, 409, 422), answer.content
    assert books.of(cast.bela) == {"free": 1_000_000, "credit": 10_000}


@pytest.mark.parametrize("amount", ["-1", "٥", "1e3", "0x10", "1_000", "½", "+1", "1,5", "", "1" * 400, "NaN"])
def test_odd_amounts_in_forms_set_no_price(client, cast, priced, amount):
    client.force_login(cast.asha.user)
    answer = client.post("/dashboard/asha/digits/price", {"mode": "direct", "amount": amount, "free_rows": "0"})
    assert answer.status_code == 422, answer.status_code
    assert Price.objects.get(until=None).micros == 500


@pytest.mark.parametrize("before", ["-1", "0", "9" * 30, "٣", "x", "1.5", ""])
def test_odd_places_in_the_history_are_no_error_of_ours(client, cast, before):
    client.force_login(cast.bela.user)
    for address in ("billing", "owner/earnings", "billing/history.csv", "owner/earnings.csv"):
        for parameter in ("before", "month", "cursor"):
            assert client.get(f"/{address}", {parameter: before}).status_code < 500
    for name in ("holds", "usage", "earnings", "stakes/locks"):
        for parameter in ("cursor", "month"):
            answer = client.get(f"/api/v1/{name}", {parameter: before}, headers=cast.bela.headers)
            assert answer.status_code < 500


def test_one_key_for_two_purposes_and_two_organisations_is_two_keys(client, cast, books):
    """A stake's, a withdrawal's and a prediction's; bela's and sam's."""
    for each in (cast.bela, cast.sam):
        credit.grant(cast.staff, each.organisation, 10_000, each.name, "for a test")
        headers = {**each.headers, "idempotency-key": "1 2"}
        for address, micros in (("deposits", 500), ("withdrawals", 200)):
            answer = client.post(
                f"/api/v1/stakes/{address}", {"micros": micros}, content_type=JSON, headers=headers
            )
            assert answer.status_code == 201, answer.content
        assert books.of(each) == {"free": 1_000_000, "credit": 9_700, "staked": 300}


def test_whoever_is_a_member_and_asks_its_group_pays_the_others_alone(cast, books):
    owners = founded.owners(cast)
    grouped.selling(owners)
    grouped.decide(owners, grouped.ask(owners[0].person))
    assert books.of(owners[0].person) == {"free": 1_000_000 - 3 * grouped.PRICE}
    assert [books.of(each.person)["earned"] for each in owners[1:]] == [900] * 3


@pytest.mark.parametrize("who", ["owner", "staff without the right", "gone"])
def test_nobody_but_finance_staff_grants_or_closes_whatever_calls_it(cast, books, who):
    """The pages ask too; this is where it is done."""
    by = cast.asha.user
    if who != "owner":
        by = User.objects.create_user("other@example.org", is_staff=True, is_superuser=who == "gone")
        by.is_active = who != "gone"
    with pytest.raises(Forbidden, match="only finance staff"):
        credit.grant(by, cast.asha.organisation, 1, "tests", "for oneself")
    with pytest.raises(Forbidden, match="only finance staff"):
        journal.close(by, dt.date(2026, 1, 1))
    assert books.of(cast.asha) == {"free": 1_000_000}
