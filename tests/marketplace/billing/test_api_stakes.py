"""Stakes over the API."""

from __future__ import annotations

import pytest

from marketplace.billing import credit, stakes
from marketplace.billing.accounts import Kind
from tests.marketplace.groups import founded
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def funded(cast):
    credit.grant(cast.staff, cast.asha.organisation, 5_000_000, "tests", "for a test")
    return cast.asha


@pytest.fixture
def move(client, funded):
    def move(what, person=funded, key="once", **body):
        headers = person.headers | ({"idempotency-key": key} if key else {})
        return client.post(f"/api/v1/stakes/{what}", body, content_type="application/json", headers=headers)

    return move


def usd(micros):
    return {"micros": micros, "currency": "USD"}


def test_deposit_and_take_back(client, funded, move):
    made = move("deposits", micros=2_000_000)
    assert (made.status_code, made.json()) == (201, {"staked": usd(2_000_000), "locked": usd(0)})
    assert move("deposits", micros=2_000_000).json() == made.json()  # the same key
    assert move("withdrawals", micros=500_000).json() == {"staked": usd(1_500_000), "locked": usd(0)}
    assert client.get("/api/v1/stakes", headers=funded.headers).json()["staked"] == usd(1_500_000)


def test_a_key_is_needed(move):
    refused = move("deposits", key="", micros=1)
    assert (refused.status_code, problem(refused)["pointer"]) == (400, "Idempotency-Key")


def test_the_same_key_for_another_amount_is_refused(move):
    move("deposits", micros=2_000_000)
    refused = move("deposits", micros=1_000_000)
    assert (refused.status_code, problem(refused)["code"]) == (409, "key-of-another")


def test_more_than_there_is_is_refused(move):
    refused = move("deposits", micros=6_000_000)
    assert (refused.status_code, problem(refused)["code"]) == (409, "too-little-to-stake")


def test_a_key_without_the_scope_moves_nothing(client, funded):
    headers = {"authorization": f"Bearer {funded.key('read', 'predict')}", "idempotency-key": "once"}
    refused = client.post(
        "/api/v1/stakes/deposits", {"micros": 1}, content_type="application/json", headers=headers
    )
    assert (refused.status_code, problem(refused)["code"]) == (403, "scope-missing")
    assert client.get("/api/v1/stakes", headers=headers).status_code == 200


def test_locks_are_listed_with_what_became_of_them(client, cast):
    owners = founded.owners(cast)
    for each in owners:
        credit.grant(cast.staff, each.person.organisation, 1_000_000, f"tests {each.slug}", "for a test")
        stakes.deposit(each.actor, 1_000_000, Kind.CREDIT, "first")
    group = founded.complete(founded.found(owners[0], stake=1_000_000), owners)
    [lock] = client.get("/api/v1/stakes/locks", headers=cast.asha.headers).json()["results"]
    assert (lock["group"], lock["amount"], lock["ended"]) == (str(group), usd(1_000_000), None)
    stakes.slash([owners[0].seat(group)], "a double vote")
    [lock] = client.get("/api/v1/stakes/locks", headers=cast.asha.headers).json()["results"]
    assert (lock["ending"], lock["reason"]) == ("slashed", "a double vote")
    shown = client.get(f"/api/v1/groups/{group}", headers=cast.asha.headers).json()
    assert shown["stake"] == usd(1_000_000)


def test_a_group_is_not_joined_without_its_stake(client, cast, move):
    owners = founded.owners(cast)
    body = {"name": "staked", "title": "Staked", "model": str(owners[0].version), "aggregator": "plurality"}
    asking = {"content_type": "application/json", "headers": cast.asha.headers}
    refused = client.post("/api/v1/groups", body | {"stake": 1_000_000}, **asking)
    assert (refused.status_code, problem(refused)["code"]) == (402, "stake-missing")
    assert problem(refused)["missing"] == usd(1_000_000)
    move("deposits", micros=1_000_000)
    assert client.post("/api/v1/groups", body | {"stake": 1_000_000}, **asking).status_code == 201
