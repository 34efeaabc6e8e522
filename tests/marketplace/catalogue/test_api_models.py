"""GET and POST /models, GET and PATCH /models/{owner}/{name}, POST …/unpublish."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from assay.keys import PublicKey
from marketplace.catalogue import actions
from marketplace.catalogue.models import Model
from marketplace.certificates.models import Certificate
from marketplace.predictions.models import Prediction
from tests.marketplace.people import problem
from verification.registry import MODES

pytestmark = pytest.mark.django_db
MODELS = "/api/v1/models"
ONE = f"{MODELS}/asha/levels"
NEW = {"name": "levels", "title": "Levels", "task": "classification"}

OF_MODELS = [mode.name for mode in MODES.values() if mode.asks == "model"]


def post(client, path, body=None, person=None):
    return client.post(
        path, body or {}, content_type="application/json", headers=person.headers if person else None
    )


def patch(client, path, body, person):
    return client.patch(path, body, content_type="application/json", headers=person.headers)


# --- reading ----------------------------------------------------------------------------------------------


def test_a_published_model_is_shown_to_anybody_with_what_a_buyer_needs(client, cast, published, ready):
    shown = client.get(ONE).json()
    assert (shown["slug"], shown["owner"], shown["name"]) == ("asha/levels", "asha", "levels")
    assert [mode["name"] for mode in shown["modes"]] == OF_MODELS
    assert all(mode["guarantee"] and mode["caveats"] for mode in shown["modes"])
    assert shown["serving"] is True
    key = PublicKey(cast.node_key.public.raw)
    assert shown["providers"] == [{"name": "cellar", "key": str(key), "serving": True}]
    version = shown["version"]
    assert version["commitment"] == bytes(ready.commitment).hex()
    assert version["interface"]["labels"] == ["low", "middle", "high"]
    assert version["interface"]["preprocessing"] == {"kind": "none"}
    assert version["interface"]["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]


def test_what_only_owners_may_know_is_not_shown_to_others(client, cast, published, ready):
    ready.report["findings"].append({"level": "info", "code": "secret-finding", "detail": ""})
    ready.save()
    for headers in (None, cast.sam.headers):
        for path in (ONE, MODELS, f"{ONE}/versions", f"{ONE}/versions/1"):
            content = client.get(path, headers=headers).content
            assert b"127.0.0.1:7001" not in content, path
            assert b"secret-finding" not in content, path
    assert b"secret-finding" in client.get(f"{ONE}/versions/1", headers=cast.tariq.headers).content


def test_a_private_model_is_not_there_for_strangers(client, cast, model):
    for headers in (None, cast.bela.headers, cast.sam.headers):
        response = client.get(ONE, headers=headers)
        assert response.status_code == 404
        assert client.get(MODELS, headers=headers).json()["results"] == []
        there, nowhere = problem(response), problem(client.get(f"{MODELS}/asha/nothing", headers=headers))
        assert {**there, "pointer": "", "request_id": ""} == {**nowhere, "pointer": "", "request_id": ""}
    for person in (cast.asha, cast.tariq):
        assert client.get(ONE, headers=person.headers).status_code == 200


def test_a_list_is_searched_filtered_and_paged(client, many):
    many(30)
    first = client.get(MODELS, {"q": "model", "task": "regression", "limit": 6, "order": "title"}).json()
    assert (first["total"], len(first["results"])) == (10, 6)
    assert first["facets"]["task"] == {"classification": 10, "other": 10, "regression": 10}
    second = client.get(
        MODELS, {"q": "model", "task": "regression", "limit": 6, "order": "title", "cursor": first["next"]}
    ).json()
    assert len(second["results"]) == 4
    assert second["next"] is None
    slugs = [model["slug"] for model in first["results"] + second["results"]]
    assert len(set(slugs)) == 10


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"order": "price"}, "/order"),
        ({"cursor": "nonsense"}, "/cursor"),
        ({"q": "a\0b"}, "/q"),
        ({"task": "\0"}, "/q"),
    ],
)
def test_a_query_that_is_none_is_refused(client, db, query, pointer):
    response = client.get(MODELS, query)
    assert response.status_code == 422
    assert problem(response)["pointer"] == pointer


@pytest.mark.parametrize("count", [2, 40])
def test_the_number_of_queries_does_not_grow(client, many, django_assert_max_num_queries, count):
    many(count)
    with django_assert_max_num_queries(10):
        assert len(client.get(MODELS, {"limit": 100, "q": "model"}).json()["results"]) == count


def test_a_wrong_key_is_refused_even_where_none_is_needed(client, published):
    response = client.get(ONE, headers={"authorization": "Bearer assay_nonsense"})
    assert (response.status_code, problem(response)["code"]) == (401, "invalid-key")


# --- creating and describing ------------------------------------------------------------------------------


def test_a_model_is_created_private_in_the_keys_organisation(client, cast):
    response = post(client, MODELS, NEW, cast.asha)
    assert response.status_code == 201
    assert response["Location"] == ONE
    assert (response.json()["visibility"], response.json()["version"]) == ("private", None)
    assert client.get(response["Location"]).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "../../etc/passwd"}, "/name"),
        ({"name": "UPPER"}, "/name"),
        ({"name": ""}, "/name"),
        ({"title": ""}, "/title"),
        ({"title": "x" * 121}, "/title"),
        ({"title": 7}, "/title"),
        ({"title": "a\0b"}, "/title"),
        ({"task": "magic"}, "/task"),
        ({"card": "x" * 50_001}, "/card"),
        ({"more": 1}, ""),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_nothing_is_made(client, cast, change, pointer):
    response = post(client, MODELS, NEW | change, cast.asha)
    assert response.status_code == 422
    assert problem(response).get("pointer", "") == pointer
    assert not Model.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": "levels"}', b"\xff", b"[" * 5000, b"NaN"])
def test_a_body_that_is_none_is_refused(client, cast, body):
    response = client.post(MODELS, body, content_type="application/json", headers=cast.asha.headers)
    assert response.status_code in (400, 422)
    assert problem(response)["code"] in ("invalid-json", "invalid")


def test_a_name_taken_is_a_conflict(client, cast, model):
    response = post(client, MODELS, NEW, cast.asha)
    assert (response.status_code, problem(response)["code"]) == (409, "name-taken")


def test_describing_changes_what_is_given(client, cast, model):
    response = patch(client, ONE, {"summary": "Three levels"}, cast.asha)
    assert response.json()["summary"] == "Three levels"
    assert response.json()["title"] == "Levels"


@pytest.mark.parametrize("body", [{"title": ""}, {"name": "other"}, {"task": "other"}, {"visibility": "public"}])
def test_what_cannot_be_described_is_refused(client, cast, model, body):
    assert patch(client, ONE, body, cast.asha).status_code == 422
    assert client.get(ONE, headers=cast.asha.headers).json()["title"] == "Levels"


# --- who may ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "patch", "unpublish"])
def test_who_may_change_a_model(client, cast, published, method):
    def ask(headers):
        match method:
            case "post":
                path, body, send = MODELS, {**NEW, "name": "another"}, client.post
            case "patch":
                path, body, send = ONE, {"title": "New"}, client.patch
            case _:
                path, body, send = f"{ONE}/unpublish", {}, client.post
        return send(path, body, content_type="application/json", headers=headers).status_code

    assert ask(None) == 401
    assert ask(cast.tariq.headers) == 403
    assert ask({"authorization": f"Bearer {cast.asha.key('read', 'predict')}"}) == 403
    if method != "post":
        assert ask(cast.sam.headers) == 404
    assert ask(cast.asha.headers) in (200, 201)


def test_withdrawing_takes_a_model_out_of_the_catalogue(client, cast, published):
    assert post(client, f"{ONE}/unpublish", person=cast.asha).json()["visibility"] == "private"
    assert client.get(ONE).status_code == 404
    assert post(client, f"{ONE}/versions/1/publish", person=cast.asha).json()["visibility"] == "public"
    assert client.get(ONE).status_code == 200


def test_latency_is_told_from_certified_predictions_of_one_row(client, cast, published, ready, monkeypatch):
    now = timezone.now()
    for i, rows in [*((i, 1) for i in range(1, 21)), (500, 9), (600, 1000)]:
        monkeypatch.setattr(timezone, "now", lambda took=10 * i: now - timedelta(milliseconds=took))
        certificate = Certificate.objects.create(
            sha256=i.to_bytes(32, "big"),
            document=b"",
            mode="direct",
            outcome="answered",
            anchor_kind="provider",
            anchor="",
            caveats=[],
            organisation=cast.bela.organisation,
        )
        Prediction.objects.create(
            organisation=cast.bela.organisation,
            version=ready,
            target="model:asha/levels@1",
            mode="direct",
            rows=rows,
            salt=bytes(32),
            status="certified",
            certificate=certificate,
            deadline=now,
            completed=now,
        )
    monkeypatch.undo()
    [latency] = client.get(ONE).json()["latency"]
    assert (latency["mode"], latency["count"]) == ("direct", 20)
    assert (latency["p50"], latency["p95"]) == (105.0, 190.5)


def test_a_card_is_plain_text_to_the_api(client, cast, published):
    actions.edit_model(published, card="<script>alert(1)</script>")
    response = client.get(ONE)
    assert response["Content-Type"] == "application/json"
    assert response.json()["card"] == "<script>alert(1)</script>"
