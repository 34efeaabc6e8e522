"""…/versions, …/versions/{number}, …/file and …/publish."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from assay.digest import sha256
from inference.validation import validate_sync
from marketplace.api import versions as view
from marketplace.catalogue import spool
from marketplace.catalogue.models import ModelVersion
from marketplace.predictions import outbox
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db
VERSIONS = "/api/v1/models/asha/levels/versions"
ONE = f"{VERSIONS}/1"
FILE = f"{ONE}/file"
LABELS = ["low", "middle", "high"]


@pytest.fixture
def ask(client, cast):
    """A request by asha, or by whoever's headers are given."""

    def send(method, path, body=None, **options):
        headers = options.pop("headers", cast.asha.headers)
        kind = options.pop("content_type", "application/json")
        return client.generic(
            method,
            path,
            body if isinstance(body, bytes) else json.dumps(body or {}),
            content_type=kind,
            headers=(headers or {}) | options,
        )

    return send


@pytest.fixture
def announce(ask, model, onnx_file):
    def send(**changes):
        body = {
            "weights": "delivered",
            "size": len(onnx_file),
            "interface": {"task": "classification", "labels": LABELS},
        }
        return ask("POST", VERSIONS, body | changes)

    return send


@pytest.fixture
def put(ask):
    def send(content, offset, **options):
        return ask(
            "PUT",
            FILE,
            content,
            content_type="application/octet-stream",
            **{"Upload-Offset": str(offset)} | options,
        )

    return send


# --- the whole way ----------------------------------------------------------------------------------------


def test_from_the_announcement_to_a_ready_version(ask, announce, put, onnx_file):
    begun = announce(sha256=sha256(onnx_file).hex())
    assert (begun.status_code, begun["Location"]) == (201, ONE)
    assert begun.json()["own"]["upload"] == {"size": len(onnx_file), "received": 0, "deleted": None}
    half = put(onnx_file[:100], 0)
    assert (half.status_code, half["Upload-Offset"]) == (200, "100")
    assert half.json() == {"offset": 100, "size": len(onnx_file), "state": "uploading"}
    stands = ask("HEAD", FILE)
    assert (stands["Upload-Offset"], stands["Upload-Length"], stands.content) == ("100", str(len(onnx_file)), b"")
    assert put(onnx_file[100:], 100).json()["state"] == "validating"
    outbox.carry_out()
    ready = ask("GET", ONE).json()
    assert (ready["state"], ready["sha256"]) == ("ready", sha256(onnx_file).hex())
    assert ready["interface"]["inputs"][0]["name"] == "x"
    assert ready["own"]["report"]["operators"] == {"MatMul": 1, "Softmax": 1}


def test_a_rejected_version_says_what_is_wrong_and_where(ask, announce, put, onnx_file):
    announce(interface={"task": "classification", "labels": ["only", "two"]})
    put(onnx_file, 0)
    outbox.carry_out()
    rejected = ask("GET", ONE).json()
    assert rejected["state"] == "rejected"
    [finding] = [each for each in rejected["own"]["report"]["findings"] if each["level"] == "error"]
    assert (finding["pointer"], finding["expected"], finding["got"]) == ("/interface/labels", "3 labels", "2")


# --- announcing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"size": 0}, "/size"),
        ({"size": 10**12}, "/size"),
        ({"size": "many"}, "/size"),
        ({"size": 1.5}, "/size"),
        ({"sha256": "abc"}, "/sha256"),
        ({"weights": "elsewhere"}, "/weights"),
        ({"interface": {"task": "magic"}}, "/interface/task"),
        ({"interface": {"labels": ["a", "a"]}}, "/interface/labels"),
        ({"interface": {"inputs": [{"name": "", "datatype": "FP32", "shape": [-1]}]}}, "/interface/inputs/0/name"),
        ({"interface": {"inputs": [{"name": "x", "datatype": "FP32", "shape": []}]}}, "/interface/inputs/0/shape"),
        (
            {
                "interface": {
                    "inputs": [{"name": "x", "datatype": "TEXT", "shape": [-1]}],
                    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
                }
            },
            "/interface/inputs/0/datatype",
        ),
        ({"interface": {"preprocessing": {"kind": "pickle"}}}, "/interface/preprocessing/kind"),
        ({"path": "/etc/passwd"}, ""),
    ],
)
def test_an_announcement_that_does_not_fit_is_refused_by_field(announce, change, pointer):
    response = announce(**change)
    assert response.status_code in (413, 422)
    assert problem(response).get("pointer", "") == pointer
    assert not ModelVersion.objects.exists()


# --- uploading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", ["", "-1", "x", "1e3", "٣", "9" * 30])
def test_an_offset_that_is_none_is_refused(announce, put, onnx_file, offset):
    announce()
    response = put(onnx_file, offset)
    assert (response.status_code, problem(response)["pointer"]) == (400, "Upload-Offset")


def test_a_wrong_offset_is_told_the_right_one(announce, put, onnx_file):
    announce()
    put(onnx_file[:50], 0)
    refused = problem(put(onnx_file[40:], 40))
    assert (refused["status"], refused["code"], refused["expected"]) == (409, "wrong-offset", "50")


def test_more_than_announced_is_refused(announce, put, onnx_file):
    announce()
    assert put(onnx_file + b"!", 0).status_code == 413
    assert put(onnx_file, 0).status_code == 200


def test_one_part_has_a_limit(announce, put, onnx_file, monkeypatch):
    monkeypatch.setattr(view, "MAX_PART", 10)
    announce()
    response = put(onnx_file, 0)
    assert (response.status_code, problem(response)["pointer"]) == (413, "Content-Length")


def test_json_is_no_file(ask, announce):
    announce()
    assert ask("PUT", FILE, {"a": 1}, **{"Upload-Offset": "0"}).status_code == 415


def test_a_full_disk_is_told_as_such(announce, monkeypatch):
    monkeypatch.setattr(spool, "RESERVE", 2**62)
    response = announce()
    assert (response.status_code, problem(response)["code"]) == (507, "no-space")


def test_an_upload_can_be_given_up(ask, announce, put, onnx_file):
    announce()
    put(onnx_file[:50], 0)
    assert ask("DELETE", FILE).json()["state"] == "rejected"
    assert problem(put(onnx_file[50:], 50))["code"] == "not-uploading"


# --- a file that never comes here -------------------------------------------------------------------------


@pytest.fixture
def added(onnx_file, tmp_path):
    """What the owner's node says about a file of its own."""
    path = tmp_path / "own.onnx"
    path.write_bytes(onnx_file)
    report = validate_sync(path)
    ports = msgspec.to_builtins(report.ports)
    return {
        "weights": "never-here",
        "sha256": report.digest.hex(),
        "interface": {
            "task": "classification",
            "labels": LABELS,
            "preprocessing": {"kind": "none"},
            "inputs": ports["inputs"],
            "outputs": ports["outputs"],
        },
        "report": json.loads(msgspec.json.encode(report)),
    }


def test_a_version_whose_file_never_comes_here_is_ready_at_once(ask, model, added):
    version = ask("POST", VERSIONS, added).json()
    assert (version["state"], version["weights"], version["own"]["upload"]) == ("ready", "never-here", None)
    assert version["sha256"] == added["sha256"]
    assert not list(spool.folder().iterdir())


def test_a_version_registered_again_after_a_lost_answer_is_the_same_version(ask, model, added):
    first, again = (ask("POST", VERSIONS, added).json() for _ in range(2))
    assert again == first
    other = added | {"interface": added["interface"] | {"labels": [f"no {label}" for label in LABELS]}}
    assert ask("POST", VERSIONS, other).json()["number"] == first["number"] + 1


def test_what_a_node_says_must_not_contradict_itself(ask, model, added):
    other = "0" * 64
    wrong = [
        (added | {"sha256": other}, "/report/digest"),
        (added | {"interface": added["interface"] | {"labels": ["two", "labels"]}}, "/interface/labels"),
        (
            added | {"report": added["report"] | {"findings": [{"level": "error", "code": "x", "detail": "x"}]}},
            "/report/findings",
        ),
    ]
    for body, pointer in wrong:
        response = ask("POST", VERSIONS, body)
        assert (response.status_code, problem(response)["pointer"]) == (422, pointer)
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize("bad", ["\0", "a\0b", "\x1b[2J", "\u202e"])
def test_a_text_that_no_database_takes_is_refused_wherever_it_hides(ask, model, added, bad):
    report, interface = added["report"], added["interface"]
    finding = {"level": "info", "code": "x", "detail": "x"}
    wrong = [
        (added | {"report": report | {"producer": bad}}, "/report/producer"),
        (added | {"report": report | {"operators": {bad: 1}}}, "/report/operators"),
        (added | {"report": report | {"findings": [finding | {"code": bad}]}}, "/report/findings/0/code"),
        (added | {"interface": interface | {"labels": ["fine", bad]}}, "/interface/labels/1"),
    ]
    for body, pointer in wrong:
        response = ask("POST", VERSIONS, body)
        assert (response.status_code, problem(response)["pointer"]) == (422, pointer)
    fields = [{"name": bad, "unit": "", "example": ""}]
    row = {"kind": "row", "input": "x", "fields": fields}
    declared = ask("POST", VERSIONS, {"weights": "delivered", "size": 10, "interface": {"preprocessing": row}})
    assert problem(declared)["pointer"] == "/interface/preprocessing/fields/0/name"
    assert not ModelVersion.objects.exists()


def test_a_file_that_never_comes_here_cannot_be_uploaded(ask, model, added, put):
    ask("POST", VERSIONS, added)
    assert problem(put(b"x", 0))["code"] == "not-uploading"


# --- publishing, looking, who may -------------------------------------------------------------------------


def test_publishing_what_serves(ask, ready, serving):
    model = ask("POST", f"{ONE}/publish").json()
    assert (model["visibility"], model["version"]["state"]) == ("public", "published")


def test_publishing_what_does_not_serve_is_a_conflict(ask, ready):
    response = ask("POST", f"{ONE}/publish")
    assert (response.status_code, problem(response)["code"]) == (409, "not-serving")


def test_versions_are_listed_newest_first_and_strangers_see_the_published_ones(ask, cast, announce, published):
    announce()
    assert [each["number"] for each in ask("GET", VERSIONS).json()["results"]] == [2, 1]
    for headers in ({}, cast.sam.headers):
        assert [each["number"] for each in ask("GET", VERSIONS, headers=headers).json()["results"]] == [1]
        assert ask("GET", f"{VERSIONS}/2", headers=headers).status_code == 404
        assert ask("GET", ONE, headers=headers).json()["own"] is None


@pytest.mark.parametrize("number", ["0", "2", "9" * 25])
def test_a_version_that_is_not_there_is_not_found(ask, ready, number):
    assert ask("GET", f"{VERSIONS}/{number}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", VERSIONS),
        ("GET", FILE),
        ("HEAD", FILE),
        ("PUT", FILE),
        ("DELETE", FILE),
        ("POST", f"{ONE}/publish"),
    ],
)
def test_only_owners_change_versions(ask, cast, published, method, path):
    binary = {"content_type": "application/octet-stream", "Upload-Offset": "0"} if method == "PUT" else {}
    assert ask(method, path, b"", headers={}, **binary).status_code == 401
    assert ask(method, path, b"", headers=cast.sam.headers, **binary).status_code == 404
    assert ask(method, path, b"", headers=cast.tariq.headers, **binary).status_code == 403
    reader = {"authorization": f"Bearer {cast.asha.key('read')}"}
    assert ask(method, path, b"", headers=reader, **binary).status_code == 403


def test_where_nodes_must_be_public_an_upload_is_the_same(ask, announce, put, onnx_file, settings):
    settings.ENV = dataclasses.replace(settings.ENV, private_nodes=False)
    announce()
    assert put(onnx_file, 0).json()["state"] == "validating"
