"""The API from the site's own pages: a session and its CSRF token; and how often anybody may ask."""

from __future__ import annotations

import dataclasses
import json

import pytest
from django.test import Client

from tests.marketplace.answering import request
from tests.marketplace.people import PASSWORD, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(cast):
    client = Client(enforce_csrf_checks=True)
    assert client.login(email=cast.bela.user.email, password=PASSWORD)
    return client


def post(browser, **headers):
    return browser.post(
        "/api/v1/predictions", json.dumps(request()), content_type="application/json", headers=headers
    )


def test_a_session_reads(browser):
    assert browser.get("/api/v1/predictions").status_code == 200


def test_a_session_writes_with_its_token(browser, version):
    browser.cookies["csrftoken"] = token = "a" * 32
    assert post(browser, **{"x-csrftoken": token}).status_code == 201


@pytest.mark.parametrize("token", ["", "b" * 32])
def test_a_session_writes_nothing_without_its_token(browser, version, token):
    browser.cookies["csrftoken"] = "a" * 32
    response = post(browser, **{"x-csrftoken": token})
    assert (response.status_code, problem(response)["code"]) == (403, "csrf-failed")


def test_a_person_who_was_switched_off_is_nobody(browser, cast):
    cast.bela.user.is_active = False
    cast.bela.user.save()
    assert browser.get("/api/v1/predictions").status_code == 401


def test_a_key_needs_no_token_whatever_cookies_come_along(browser, cast, version):
    assert post(browser, **cast.bela.headers).status_code == 201


# --- how often --------------------------------------------------------------------------------------------


@pytest.fixture
def strict(settings):
    settings.ENV = dataclasses.replace(settings.ENV, rate_limit=20)


def test_every_answer_tells_how_many_requests_are_left(api, cast, strict):
    response = api("GET", "predictions", cast.bela)
    assert response["RateLimit-Policy"] == '"default";q=20;w=60'
    assert response["RateLimit"].startswith('"default";r=19;t=')


def test_who_asks_too_often_is_told_when_to_go_on(api, cast, strict, monkeypatch):
    monkeypatch.setattr("marketplace.api.throttling.time.time", lambda: 6000.0)
    answers = [api("GET", "predictions", cast.bela) for _ in range(21)]
    assert [each.status_code for each in answers] == [200] * 20 + [429]
    assert answers[-1]["Retry-After"] == "60"
    assert problem(answers[-1])["code"] == "throttled"
    assert api("GET", "predictions", cast.sam).status_code == 200


def test_strangers_share_a_smaller_allowance(api, strict, db, monkeypatch):
    monkeypatch.setattr("marketplace.api.throttling.time.time", lambda: 6000.0)
    answers = [api("POST", "certificates/verify", None, {"certificate": {}}) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]


def test_without_redis_nobody_is_held_back(api, cast, monkeypatch):
    from redis import Redis

    nowhere = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    monkeypatch.setattr("marketplace.api.throttling.redis", lambda: nowhere)
    response = api("GET", "predictions", cast.bela)
    assert response.status_code == 200
    assert "RateLimit" not in response
