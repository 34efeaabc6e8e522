"""The commands that talk to a server, over real HTTP on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from click.testing import CliRunner

from assay.cli import main
from tests.sdk.test_client import KEY, Server, problem


class Http:
    """A `test_client.Server` behind a socket."""

    def __init__(self, api: Server):
        outer = self
        self.api = api

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = httpx.Request(
                    self.command, f"{outer.url}{self.path}", headers=self.headers.items(), content=body
                )
                response = outer.api(request)
                self.send_response(response.status_code)
                self.send_header("content-length", str(len(response.content)))
                self.end_headers()
                self.wfile.write(response.content)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *arguments):
                pass

        self.listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.listener.server_port}"


@contextmanager
def http_serving(server: Http) -> Iterator[Http]:
    """A server that answers as long as the block runs."""
    thread = threading.Thread(target=server.listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.listener.shutdown()
    server.listener.server_close()
    thread.join()


@pytest.fixture
def http(sample):
    with http_serving(Http(Server(sample))) as serving:
        yield serving


@pytest.fixture
def run(http, tmp_path, sample, monkeypatch):
    (tmp_path / "digit.png").write_bytes(sample.content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ASSAY_URL", http.url)
    monkeypatch.setenv("ASSAY_API_KEY", KEY)
    return lambda *arguments, **options: CliRunner().invoke(main, [*arguments], **options)


def test_a_prediction_is_shown_checked_and_its_receipt_verifies_later(run, tmp_path, sample):
    result = run("predict", "demo/digits", "--input", "digit.png", "--save", "receipt.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("one  (score 0.75)")
    assert "you named nobody" in result.stdout
    assert (tmp_path / "receipt.json").stat().st_mode & 0o777 == 0o600
    again = run("verify", "receipt.json", "--provider", sample.provider, "--input", "digit.png")
    assert again.exit_code == 0


def test_a_prediction_by_a_provider_not_named_is_not_shown(run):
    result = run(
        "predict", "demo/digits", "--input", "digit.png", "--provider", "ab" * 32, "--save", "receipt.json"
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "by nobody you named" in result.stderr
    assert run("verify", "receipt.json").exit_code == 2  # nothing was saved


def test_a_named_provider_is_accepted(run, sample):
    result = run("predict", "demo/digits", "--input", "digit.png", "--provider", sample.provider)
    assert result.exit_code == 0
    assert "you named nobody" not in result.stdout


def test_a_problem_is_shown_in_words(run, http):
    http.api.script = [
        problem(422, code="wrong-shape", detail="wrong shape", pointer="/inputs/0", expected="[1, 64]")
    ]
    result = run("predict", "demo/digits", "--input", "digit.png")
    assert result.exit_code == 1
    for words in ("wrong shape", "/inputs/0", "[1, 64]"):
        assert words in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["demo/digits"], ["demo/digits", "--input", "missing.png"], ["demo/digits", "--input", "x.gif"], []],
)
def test_wrong_usage_exits_with_two(run, tmp_path, arguments):
    (tmp_path / "x.gif").write_bytes(b"")
    assert run("predict", *arguments).exit_code == 2


def test_the_catalogue_is_listed(run, http):
    page = {"results": [{"slug": "demo/digits", "task": "classification", "title": "Digits\x1b[2J"}], "next": None}
    http.api.script = [httpx.Response(200, json=page)] * 2
    table = run("models", "digit").stdout
    assert "demo/digits" in table
    assert "\x1b" not in table
    assert json.loads(run("models", "--json").stdout) == page["results"][0]


def test_logging_in_remembers_server_and_key_privately(run, http, tmp_path, monkeypatch):
    empty = {"results": [], "next": None}
    http.api.script = [httpx.Response(200, json=empty)] * 2
    monkeypatch.delenv("ASSAY_URL")
    monkeypatch.delenv("ASSAY_API_KEY")
    assert run("models").exit_code == 2
    result = run("login", input=f"{http.url}\n{KEY}\n")
    assert result.exit_code == 0, result.output
    assert KEY not in result.output
    assert (tmp_path / "config" / "assay" / "config.toml").stat().st_mode & 0o777 == 0o600
    assert run("models").exit_code == 0
    assert http.api.requests[-1].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_that_the_server_refuses_is_not_remembered(run, http, tmp_path):
    http.api.script = [problem(401, code="unauthenticated", detail="no such key")]
    assert run("login", "--url", http.url, "--api-key", "wrong").exit_code == 1
    assert not (tmp_path / "config").exists()


def test_a_configuration_file_that_was_tampered_with_is_named(run, tmp_path):
    path = tmp_path / "config" / "assay" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("colour = 1\n")
    result = run("models")
    assert result.exit_code == 1
    assert str(path) in result.stderr
