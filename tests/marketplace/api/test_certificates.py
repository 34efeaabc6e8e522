"""GET /certificates/{sha256} and POST /certificates/verify."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.db import IntegrityError, connection

from assay import jsonform
from assay.certificate import parse
from docs.vectors.chains import THREE
from marketplace.certificates.models import Certificate
from tests.marketplace.answering import dispatching, request
from tests.marketplace.people import problem
from tests.marketplace.pinned import pinned

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def certified(api, cast, nodes):
    with dispatching(nodes):
        return api("POST", "predictions", cast.bela, request(), prefer="wait=20").json()


@pytest.fixture
def address(certified):
    return f"certificates/{certified['certificate']['sha256']}"


def test_its_bytes_hash_to_its_name(api, cast, certified, address):
    response = api("GET", f"{address}.cbor", cast.bela)
    assert response["Content-Type"] == "application/cbor"
    assert hashlib.sha256(response.content).hexdigest() == certified["certificate"]["sha256"]


def test_json_and_cbor_are_the_same_certificate(api, cast, address):
    as_json = api("GET", f"{address}.json", cast.bela)
    as_cbor = api("GET", address, cast.bela, accept="application/cbor")
    assert as_json["Content-Type"] == "application/json"
    assert as_cbor["Content-Type"] == "application/cbor"
    assert parse(as_json.content) == parse(as_cbor.content)
    assert api("GET", address, cast.bela).content == as_json.content


def test_a_stranger_and_somebody_unknown_do_not_see_it(api, cast, address):
    assert api("GET", address, cast.sam).status_code == 404
    assert api("GET", address).status_code == 401


@pytest.fixture
def document(api, cast, address):
    return api("GET", address, cast.bela).json()


def test_the_check_tells_valid_from_pinned(api, cast, document):
    key = str(cast.node_key.public)
    unpinned = api("POST", "certificates/verify", None, {"certificate": document})
    pinned_ = api("POST", "certificates/verify", None, {"certificate": document, "providers": [key]})
    stranger = api("POST", "certificates/verify", None, {"certificate": document, "providers": ["00" * 32]})
    assert [each.json()["exit_code"] for each in (unpinned, pinned_, stranger)] == [3, 0, 1]
    pinned("certificate-verified", pinned_.json() | {"claims": ["…"]})


def test_the_check_says_of_which_epochs_of_a_group_keys_are_trusted(api):
    certificate = json.loads(THREE.certificate.to_json())
    pins = [each.configuration.digest.hex() for each in THREE.group.epochs]
    for named, epochs, code in (([], [0, 1, 2], 3), (pins[:1], [0, 1, 2], 0), (pins[2:], [2], 0)):
        asked = {"certificate": certificate, "groups": named}
        verdict = api("POST", "certificates/verify", None, asked).json()
        assert (verdict["epochs"], verdict["exit_code"]) == (epochs, code)


def test_a_tampered_certificate_is_false_for_its_reason(api, document):
    document["statement"]["target"] = "model:asha/other@1"
    verdict = api("POST", "certificates/verify", None, {"certificate": document}).json()
    assert verdict["valid"] is False
    assert verdict["findings"][0]["code"] == "bad-signature"


def test_what_is_no_certificate_is_false_and_no_error(api):
    verdict = api("POST", "certificates/verify", None, {"certificate": {"format": "x"}})
    assert verdict.status_code == 200
    assert verdict.json()["valid"] is False


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"certificate": []}, "/certificate"),
        ({}, ""),
        ({"certificate": {}, "providers": ["xyz"]}, "/providers/0"),
        ({"certificate": {}, "salt": "1234"}, "/salt"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(api, body, pointer):
    response = api("POST", "certificates/verify", None, body)
    assert response.status_code == 422
    assert problem(response).get("pointer", "") == pointer


def test_an_input_without_its_salt_is_refused(api, document):
    body = {
        "certificate": document,
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 64], "data": [0] * 64}],
    }
    response = api("POST", "certificates/verify", None, body)
    assert problem(response)["pointer"] == "/salt"


def test_the_check_writes_nothing(api, document, django_assert_num_queries):
    with django_assert_num_queries(0):
        api("POST", "certificates/verify", None, {"certificate": document})


def test_the_database_refuses_to_change_or_delete_it(certified):
    for attempt in ("UPDATE certificates_certificate SET mode = 'other'", "DELETE FROM certificates_certificate"):
        with pytest.raises(IntegrityError, match="immutable"), connection.cursor() as cursor:
            cursor.execute(attempt)
    assert Certificate.objects.get().mode == "direct"


def test_a_bomb_of_values_is_refused_before_it_is_parsed_for_anybody(api, monkeypatch):
    monkeypatch.setattr(jsonform, "MAX_MARKS", 1000)
    refused = api("POST", "certificates/verify", None, {"certificate": {"a": [[]] * 1000}})
    assert (refused.status_code, problem(refused)["code"]) == (413, "too-large")
