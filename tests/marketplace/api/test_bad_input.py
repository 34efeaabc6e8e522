"""Whatever is wrong with a request is said, field by field, and nothing is stored."""

from __future__ import annotations

import base64
import json
import struct
import zlib

import pytest
from django.db import OperationalError
from django.utils import timezone

from assay.jsonform import base64url
from marketplace.accounts.models import ApiKey
from marketplace.db.statements import Statement
from marketplace.predictions.models import IdempotencyKey, Prediction, PredictionEvent
from tests.marketplace.answering import a_three, request
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db


def tensor(**changes):
    return request(inputs=[a_three() | changes])


def picture(content: bytes):
    written = base64.b64encode(content).decode()
    return request(inputs=[{"name": "image", "content_type": "image/png", "content": written}])


def corrupt_png() -> bytes:
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I4s", 13, b"IHDR")
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header) ^ 1)
    )


BAD = {
    "unknown model": (request(model="asha/nothing"), 404, "not-found", "/model"),
    "a stranger's private model": (request(model="asha/secret"), 404, "not-found", "/model"),
    "unknown version": (request(model="asha/digits@7"), 404, "not-found", "/model"),
    "malformed model": (request(model="asha/../digits"), 422, "invalid", "/model"),
    "model is no text": (request(model=7), 422, "invalid", "/model"),
    "unknown mode": (request(verification={"mode": "telepathy"}), 422, "unknown-mode", "/verification/mode"),
    "no mode": (request(verification={}), 422, "invalid", "/verification/mode"),
    "unknown parameter": (
        request(verification={"mode": "direct", "quorum": 3}),
        422,
        "invalid",
        "/verification",
    ),
    "unknown field": (request(price=1), 422, "invalid", ""),
    "deadline too long": (request(deadline=1e9), 422, "invalid", "/deadline"),
    "deadline negative": (request(deadline=-1), 422, "invalid", "/deadline"),
    "no inputs": (request(inputs=[]), 422, "invalid", "/inputs"),
    "input is no object": (request(inputs=[3]), 422, "invalid", "/inputs/0"),
    "wrong name": (tensor(name="picture"), 422, "wrong-names", "/inputs"),
    "the same input twice": (request(inputs=[a_three(), a_three()]), 422, "wrong-names", "/inputs"),
    "wrong dtype": (
        tensor(datatype="INT64", data=[1] * 64),
        422,
        "wrong-datatype",
        "/inputs/0/datatype",
    ),
    "unknown dtype": (tensor(datatype="FP128"), 422, "invalid", "/inputs/0/datatype"),
    "text among numbers": (tensor(data=["x"] * 64), 422, "wrong-datatype", "/inputs/0/data/0"),
    "wrong shape": (tensor(shape=[1, 63], data=[0.0] * 63), 422, "wrong-shape", "/inputs/0/shape"),
    "no rows": (tensor(shape=[0, 64], data=[]), 422, "wrong-shape", "/inputs/0/shape"),
    "data does not fill the shape": (tensor(data=[0.0] * 5), 422, "invalid", "/inputs/0/data"),
    "beyond the datatype": (tensor(data=[1e39] + [0.0] * 63), 422, "out-of-range", "/inputs/0/data/0"),
    "a shape of the universe": (tensor(shape=[2**31 - 1] * 8), 413, "too-large", "/inputs/0/shape"),
    "too many rows": (
        tensor(shape=[1001, 64], data=[0.0] * 64064),
        413,
        "too-large",
        "/inputs",
    ),
    "corrupt PNG": (picture(corrupt_png()), 422, "corrupt-image", "/inputs/0/content"),
    "no PNG at all": (picture(b"GIF89a"), 422, "unsupported-image", "/inputs/0/content"),
    "not base64": (
        request(inputs=[{"name": "image", "content_type": "image/png", "content": "%%%"}]),
        422,
        "invalid",
        "/inputs/0/content",
    ),
    "a table row for a picture": (
        request(inputs=[{"name": "image", "content_type": "application/json", "content": {"a": 1}}]),
        422,
        "unsupported-content",
        "/inputs/0/content",
    ),
    "text that is no Unicode": (
        request(inputs=[{"name": "image", "content_type": "text/csv", "content": "\ud800"}]),
        None,
        None,
        None,
    ),
}


@pytest.fixture
def private(cast):
    from tests.marketplace.answering import digits

    secret = digits(cast.asha, "secret", published=False)
    secret.model.visibility = "private"
    secret.model.save()


def nothing_was_stored() -> bool:
    return not (Prediction.objects.exists() or PredictionEvent.objects.exists() or IdempotencyKey.objects.exists())


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request_names_the_field_and_stores_nothing(api, cast, version, private, what):
    body, status, code, pointer = BAD[what]
    response = api("POST", "predictions", cast.bela, body, idempotency_key="k")
    told = problem(response)
    assert 400 <= response.status_code < 500
    assert told["type"] == f"/problems/{told['code']}"
    assert told["detail"]
    assert told["request_id"] == response["X-Request-Id"]
    if status is not None:
        assert (response.status_code, told["code"]) == (status, code), told
        assert told.get("pointer", "").startswith(pointer), told
    assert nothing_was_stored()


NOT_JSON = {
    "half a document": b'{"model": "asha/digits"',
    "no document": b"",
    "NaN": b'{"model": NaN}',
    "infinity": b'{"model": "a/b", "inputs": [{"data": [1e999]}], "verification": {}}',
    "nested without end": b'{"inputs":' + b"[" * 100_000,
    "closed nesting without end": b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": b'{"model": "\xff\xfe"}',
    "a list": b"[]",
    "a number": b"1",
}


@pytest.mark.parametrize("what", NOT_JSON)
def test_a_body_that_is_no_json_document_is_refused(api, cast, version, what):
    response = api("POST", "predictions", cast.bela, NOT_JSON[what])
    assert response.status_code in (400, 422)
    assert problem(response)["code"] in ("invalid-json", "invalid")
    assert nothing_was_stored()


def test_a_body_of_another_kind_is_refused(api, cast, version):
    response = api("POST", "predictions", cast.bela, b"a=1", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 415
    assert problem(response)["pointer"] == "Content-Type"


def test_a_body_beyond_the_limit_is_refused(api, cast, version, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = api("POST", "predictions", cast.bela, request())
    assert response.status_code == 413
    assert nothing_was_stored()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("prefer", "wait=soon"),
        ("prefer", "wait=-1"),
        ("prefer", "wait"),
        ("idempotency_key", ""),
        ("idempotency_key", "k" * 256),
        ("idempotency_key", "ключ"),
    ],
)
def test_a_malformed_header_is_named(api, cast, version, header, value):
    response = api("POST", "predictions", cast.bela, request(), **{header: value})
    assert response.status_code == 400
    assert problem(response)["pointer"].lower() == header.replace("_", "-")
    assert nothing_was_stored()


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=WzEsMl0", "cursor=%00"])
def test_a_list_refuses_what_is_no_page(api, cast, query):
    response = api("GET", f"predictions?{query}", cast.bela)
    assert response.status_code == 422
    assert problem(response)["pointer"] == query.split("=")[0]


FORGED = [
    *([0, "x"], [0, "\0"], [0, -1], [0, 2**63], [0, "9" * 5000], [0, None], [0], [], 1),
    *([-1, 1], [2**53, 1], [1.5, 1], ["2020-01-01T00:00:00", 1], ["0001-01-01T00:00:00+23:59", 1]),
    ["9999-12-31T23:59:59-23:59", 1],
]


@pytest.mark.parametrize("path", ["predictions", "keys", "nodes", "holds", "models/asha/digits/versions"])
def test_a_forged_cursor_is_refused(api, cast, version, path):
    for place in FORGED:
        response = api("GET", f"{path}?cursor={base64url(json.dumps(place).encode())}", cast.asha)
        assert (response.status_code, problem(response)["pointer"]) == (422, "cursor"), place


# --- who is asking ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "unauthenticated"),
        ("Basic YTpi", "unauthenticated"),
        ("Bearer", "invalid-key"),
        ("Bearer assay_aaaaaaaaaa_" + "a" * 40, "invalid-key"),
        ("Bearer \x00", "invalid-key"),
        ("Bearer " + "a" * 5000, "invalid-key"),
    ],
)
def test_without_a_good_key_nothing_is_done(api, cast, version, header, code):
    given = {} if header is None else {"authorization": header}
    response = api("POST", "predictions", None, request(), **given)
    assert response.status_code == 401
    assert problem(response)["code"] == code
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_key_says_so(api, cast, version):
    ApiKey.objects.filter(organisation=cast.bela.organisation).update(expires=timezone.now())
    response = api("POST", "predictions", cast.bela, request())
    assert response.status_code == 401
    assert problem(response)["code"] == "expired-key"


def test_a_key_needs_the_scope(api, cast, version):
    cast.bela.token = cast.bela.key("read")
    response = api("POST", "predictions", cast.bela, request())
    assert response.status_code == 403
    told = problem(response)
    assert (told["code"], told["expected"]) == ("scope-missing", "predict")


def test_a_role_that_does_not_buy_makes_no_predictions(api, cast, version):
    from marketplace.accounts.models import Membership

    Membership.objects.filter(user=cast.tariq.user, organisation=cast.asha.organisation).update(role="billing")
    response = api("POST", "predictions", cast.tariq, request())
    assert response.status_code == 403
    assert problem(response)["code"] == "role-missing"


# --- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing/here", 404),
        ("POST", "nothing/here", 404),
        ("GET", "predictions/7", 404),
        ("GET", "predictions/01890000-0000-7000-8000-000000000000", 404),
        ("GET", "certificates/abc", 404),
        ("GET", "certificates/" + "0" * 64, 404),
        ("DELETE", "predictions", 405),
        ("PATCH", "keys", 405),
    ],
)
def test_what_is_not_there_is_told_as_a_problem(api, cast, method, path, status):
    response = api(method, path, cast.bela)
    assert response.status_code == status
    assert problem(response)["status"] == status


def test_a_request_id_that_is_harmless_comes_back(api, cast):
    assert api("GET", "predictions", cast.bela, x_request_id="my-id.1")["X-Request-Id"] == "my-id.1"
    assert api("GET", "predictions", cast.bela, x_request_id='"><b>')["X-Request-Id"] != '"><b>'


def test_the_answer_to_a_bad_host_is_a_problem_too(client, cast):
    response = client.get("/api/v1/predictions", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == "malformed-request"


# --- our own troubles -------------------------------------------------------------------------------------


def test_a_database_that_is_away_is_told_as_such(api, cast, monkeypatch):
    def away(*_):
        raise OperationalError("connection refused: host=10.0.0.7 user=assay")

    monkeypatch.setattr(Statement, "rows", away)
    response = api("POST", "predictions", cast.bela, request())
    assert response.status_code == 503
    assert response["Retry-After"]
    assert problem(response)["code"] == "database-away"
    assert b"10.0.0.7" not in response.content


def test_what_nobody_foresaw_is_noted_and_not_told(api, cast, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(Statement, "rows", broken)
    response = api("POST", "predictions", cast.bela, request())
    assert response.status_code == 500
    assert problem(response)["code"] == "internal-error"
    assert b"secret" not in response.content
    assert "a secret detail" in caplog.text
    assert f"request {problem(response)['request_id']}: an error nobody foresaw" in caplog.text
