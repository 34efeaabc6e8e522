"""The end of `make up` where nothing can be asked: the site stays up, and says why."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from rich.console import Console as Rich

from stack import showing
from stack.console import Console

GROUP = {"slug": "digits", "genesis": "00" * 32, "state": "serving"}
BUYER = {"role": "buyer", "email": "bela@example.org", "password": "secret", "api_key": "key"}
REFUSAL = {"status": 402, "code": "cap-reached", "detail": "this would exceed the organisation's cap"}


class Broke(BaseHTTPRequestHandler):
    """A marketplace whose buyer may spend nothing."""

    groups: list[dict[str, str]]

    def do_GET(self):
        self.answer(200, {"results": self.groups if "groups" in self.path else [], "next": None})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(402, REFUSAL)

    def answer(self, status, plain):
        body = json.dumps(plain).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing on the terminal."""


@pytest.mark.parametrize("groups", [[], [GROUP]], ids=["a model", "a group"])
def test_a_buyer_who_may_spend_no_more_is_told_so_and_nothing_to_paste(tmp_path, monkeypatch, groups):
    monkeypatch.setattr(Broke, "groups", groups, raising=False)
    monkeypatch.setattr(showing, "PICTURE", tmp_path / "3.png")
    showing.PICTURE.write_bytes(b"a three")
    users = tmp_path / "users.json"
    users.write_text(json.dumps([BUYER]))
    out = StringIO()
    with HTTPServer(("127.0.0.1", 0), Broke) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            shown = showing.ask(f"http://127.0.0.1:{server.server_port}", users)
        finally:
            server.shutdown()
            serving.join()
    showing.present(shown, Console(Rich(file=out, width=80, soft_wrap=True)))
    said = out.getvalue()
    assert f"Assay is ready at {shown.url}" in said
    assert f"see {shown.url}/billing: {REFUSAL['detail']}" in said
    assert "curl" not in said
