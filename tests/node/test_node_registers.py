"""What `add` and `join` send is what the marketplace's API takes; what it refuses is shown in its own words."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest
from click.testing import CliRunner

from assay.errors import Refused, Unavailable
from assay.jsonform import from_json
from assay.keys import PrivateKey
from assay.model import ModelReference
from assay.rotation import KeyRotation
from inference.validation import Report
from marketplace.api.nodes import NewNode
from marketplace.api.versions import NeverHere
from node import cli
from node.commands.add import registration
from node.commands.join import request_to_join
from node.commands.rotate_key import command as rotate_key
from node.config import Config, MarketplaceSettings
from node.home import Home
from node.shop import API_KEY, post
from tests.inference import models as onnx_models

DATA = onnx_models.affine().SerializeToString()
REFERENCE, PORTS = onnx_models.reference_of(DATA)


class Shop(BaseHTTPRequestHandler):
    """Answers every POST as told, and remembers it."""

    answer = (201, {})
    seen: list[tuple[str, str, bytes]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], body))
        status, content = self.answer
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.setenv(API_KEY, "assay_test")
    monkeypatch.setattr(Shop, "seen", [])
    server = HTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_registration_is_what_the_api_takes(shop):
    report = Report(digest=REFERENCE.digest, size=len(DATA), ports=PORTS)
    post(shop, "/api/v1/models/alice/affine/versions", registration(REFERENCE, report))
    ((path, authorization, body),) = Shop.seen
    assert (path, authorization) == ("/api/v1/models/alice/affine/versions", "Bearer assay_test")
    taken = msgspec.json.decode(body, type=NeverHere)
    assert ModelReference(bytes.fromhex(taken.sha256), taken.interface) == REFERENCE
    assert taken.report == report


def test_a_request_to_join_is_what_the_api_takes(shop, tmp_path):
    home = Home(tmp_path)
    key = home.create(Config(name="alice-1"))
    post(shop, "/api/v1/nodes", request_to_join("alice-1", key, "alice", "node.example.org:7000"))
    taken = msgspec.json.decode(Shop.seen[0][2], type=NewNode)
    assert (taken.name, taken.key, taken.address) == ("alice-1", str(key.public), "node.example.org:7000")


def test_a_refusal_is_shown_in_the_marketplaces_words(shop, monkeypatch):
    problem = {"code": "name-taken", "detail": "you have a node of this name", "pointer": "/name", "status": 409}
    monkeypatch.setattr(Shop, "answer", (409, problem))
    with pytest.raises(Refused) as refused:
        post(shop, "/api/v1/nodes", {})
    assert refused.value.fields() == {
        "code": "name-taken",
        "detail": "you have a node of this name",
        "pointer": "/name",
    }


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"{}", b'"x"'])
def test_an_answer_that_is_no_problem_document_is_refused_all_the_same(shop, monkeypatch, content):
    monkeypatch.setattr(Shop, "answer", (500, content))
    with pytest.raises((Refused, Unavailable)):
        post(shop, "/api/v1/nodes", {})


def test_a_marketplace_that_is_away_is_told(monkeypatch):
    monkeypatch.setenv(API_KEY, "assay_test")
    with pytest.raises(Unavailable, match="did not answer"):
        post("http://127.0.0.1:1", "/api/v1/nodes", {})


def test_a_rotated_key_is_told_at_once_in_words_that_the_api_takes(shop, tmp_path):
    home, old = node(tmp_path, shop)
    said = CliRunner().invoke(rotate_key, ["--home", str(home.root)], catch_exceptions=False)
    ((path, _, body),) = Shop.seen
    assert path == "/api/v1/nodes/rotations"
    assert from_json(body, KeyRotation).verify() == (old, home.load_key().public)
    assert "Start the node again" in said.output


@pytest.mark.parametrize("away", [True, False])
def test_a_rotated_key_that_could_not_be_told_can_be_by_hand(shop, tmp_path, monkeypatch, away):
    """The key has changed all the same: to run the command again would change it once more."""
    if away:
        monkeypatch.setattr(Shop, "answer", (503, {"code": "database-away", "detail": "away"}))
    else:
        monkeypatch.delenv(API_KEY)
    home, old = node(tmp_path / "a folder", shop)
    said = CliRunner().invoke(rotate_key, ["--home", str(home.root)])
    assert (said.exit_code == 0) is not away
    (line,) = [line for line in said.output.splitlines() if line.startswith("curl ")]
    monkeypatch.setattr(Shop, "answer", (200, {}))
    monkeypatch.setenv(API_KEY, "assay_test")
    subprocess.run(["sh", "-c", f"{line} --silent"], check=True)
    path, authorization, body = Shop.seen[-1]
    assert (path, authorization) == ("/api/v1/nodes/rotations", "Bearer assay_test")
    assert from_json(body, KeyRotation).verify() == (old, home.load_key().public)


def node(folder, url):
    home = Home(folder)
    config = Config(name="alice-1", marketplace=MarketplaceSettings(url=url))
    return home, home.create(config).public


@pytest.fixture
def bring(tmp_path):
    """What `add` prints for a model, of a node that does not run."""
    home = tmp_path / "node"
    made = ["--name", "alice-1", "--marketplace-key", str(PrivateKey.generate().public), "--backend", "python"]
    assert CliRunner().invoke(cli.main, ["init", "--home", str(home), *made]).exit_code == 0
    (tmp_path / "interface.json").write_text('{"task": "other"}')

    def add(model):
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        given = ["--name", "alice/m", "--interface", str(tmp_path / "interface.json"), str(tmp_path / "m.onnx")]
        done = CliRunner().invoke(cli.main, ["add", "--home", str(home), *given])
        assert done.exit_code == 1
        return done.output

    return add


def test_adding_a_model_tells_which_mode_it_is_not_fit_for_and_why(bring):
    nodes = [
        onnx_models.helper.make_node("Det", ["square"], ["unused"], "area"),
        onnx_models.helper.make_node("Neg", ["x"], ["y"]),
    ]
    inputs = [onnx_models.value("x"), onnx_models.value("square", shape=("rows", 2, 2))]
    said = bring(onnx_models.graph(nodes, inputs, [onnx_models.value("y")]))
    assert "refereed   no  Settled by a referee, not offered yet" in said
    assert "area at /graph/node/0" in said
    assert "direct" not in said
    assert "cannot be served" not in said


def test_adding_a_model_that_cannot_be_served_says_why(bring):
    said = bring(
        onnx_models.graph(
            [onnx_models.helper.make_node("Exec", ["x"], ["y"], "run")],
            [onnx_models.value("x")],
            [onnx_models.value("y")],
        )
    )
    assert "It cannot be served" in said
    assert "run at /graph/node/0" in said
    assert "refereed" not in said
