"""/keys: made once, shown once, listed without their secret, revoked for good."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from marketplace.accounts.models import ApiKey
from tests.marketplace.people import problem
from tests.marketplace.pinned import pinned

pytestmark = pytest.mark.django_db


def test_a_key_works_from_when_it_is_made_until_it_is_revoked(api, cast):
    made = api("POST", "keys", cast.bela, {"name": "laptop", "scopes": ["read"]})
    assert made.status_code == 201
    pinned("key-made", made.json())
    new = {"authorization": f"Bearer {made.json()['token']}"}
    assert api("GET", "predictions", None, **new).status_code == 200
    revoked = api("DELETE", f"keys/{made.json()['key']['id']}", cast.bela)
    assert revoked.json()["revoked"] is not None
    refused = api("GET", "predictions", None, **new)
    assert (refused.status_code, problem(refused)["code"]) == (401, "revoked-key")


def test_a_list_shows_no_secret(api, cast):
    token = api("POST", "keys", cast.bela, {"name": "laptop"}).json()["token"]
    listed = api("GET", "keys", cast.bela)
    assert token.split("_")[2] not in listed.content.decode()
    assert [each["name"] for each in listed.json()["results"]] == ["laptop", "tests"]


def test_a_key_makes_no_mightier_one(api, cast):
    cast.bela.token = cast.bela.key("keys", "read")
    response = api("POST", "keys", cast.bela, {"name": "mighty", "scopes": ["models"]})
    assert (response.status_code, problem(response)["code"]) == (403, "scope-missing")
    assert not ApiKey.objects.filter(name="mighty").exists()


def test_a_stranger_can_neither_see_nor_revoke_a_key(api, cast):
    identifier = api("POST", "keys", cast.bela, {"name": "laptop"}).json()["key"]["id"]
    assert api("DELETE", f"keys/{identifier}", cast.sam).status_code == 404
    assert "laptop" not in api("GET", "keys", cast.sam).content.decode()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a" * 81}, "/name"),
        ({"name": "x", "scopes": ["fly"]}, "/scopes"),
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "expires": "tomorrow"}, "/expires"),
        ({"name": "x", "expires": "2030-01-01T00:00:00"}, "/expires"),
        ({"name": "x", "expires": "2020-01-01T00:00:00Z"}, "/expires"),
        ({"name": "x", "expires": "9999-12-31T23:59:59.999999-23:59"}, "/expires"),  # in UTC: beyond the calendar
        ({"name": "x\u0000y"}, "/name"),
    ],
)
def test_a_bad_wish_is_named(api, cast, body, pointer):
    response = api("POST", "keys", cast.bela, body)
    assert response.status_code == 422
    assert problem(response)["pointer"] == pointer


def test_a_key_may_expire(api, cast):
    expires = timezone.now() + dt.timedelta(days=1)
    made = api("POST", "keys", cast.bela, {"name": "day", "expires": expires.isoformat()}).json()
    assert dt.datetime.fromisoformat(made["key"]["expires"]) == expires
