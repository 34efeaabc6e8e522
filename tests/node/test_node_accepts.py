"""`assay-node accept` signs what its owner joined, once it has judged it by itself, and nothing else."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest
from click.testing import CliRunner

from assay.agreement import consent
from assay.agreement.group import Labels, Values
from assay.errors import NotVerified, Refused
from assay.jsonform import base64url, from_base64url
from assay.keys import PrivateKey
from marketplace.api.groups import NewConsent
from node.cli import main
from node.commands.accept import fetched, request_to_consent, require_held, show
from node.config import Config, MarketplaceSettings, to_toml
from node.home import Home
from node.shop import API_KEY
from tests.node.worlds import HELD, Owner
from tests.sdk import groups

replace = msgspec.structs.replace
KEYS = groups.keys()


class Shop(BaseHTTPRequestHandler):
    """A marketplace with one group, whose configuration it is given; it remembers what was handed in."""

    configuration = b""
    consents: list[dict[str, str]] = []

    def do_GET(self):
        self._answer(200, {"digest": "00" * 32, "configuration": base64url(self.configuration)})

    def do_POST(self):
        self.consents.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(201, {})

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.setenv(API_KEY, "assay_test")
    monkeypatch.setattr(Shop, "consents", [])
    server = HTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def joined(owner: Owner, monkeypatch, **changes):
    """The group's configuration with the owner's node, and the model it holds, in the second place."""
    made = groups.configuration(KEYS)
    interface = replace(HELD.reference.interface, task="classification", labels=("zero", "one"))
    members = [
        replace(each, model=replace(HELD.reference, digest=bytes([i]) * 32, interface=interface))
        for i, each in enumerate(made.members)
    ]
    reference = replace(HELD.reference, interface=interface)
    members[1] = replace(members[1], key=owner.key.public.raw, model=reference)
    made = replace(
        made, members=tuple(members), inputs=interface.inputs, answer=Labels(interface.labels), **changes
    )
    monkeypatch.setattr(Shop, "configuration", consent.encoded(made))
    return made, dataclasses.replace(HELD, reference=reference)


async def accept(owner: Owner, shop: str, *words: str, held=None, said=None):
    """What the command says, typed beside a running node."""
    config = owner.home.load_config()
    known = replace(config, marketplace=replace(config.marketplace, url=shop))
    owner.home.config.write_text(to_toml(known))
    if held is not None:
        owner.hold(held)
    async with owner.running():
        typed = ["accept", "digits", "--home", str(owner.root), *words]
        return await asyncio.to_thread(CliRunner().invoke, main, typed, input=said)


async def test_what_it_shows_and_signs_is_what_the_api_takes(owner, shop, monkeypatch):
    made, held = joined(owner, monkeypatch)
    result = await accept(owner, shop, "--yes", held=held)
    assert result.exit_code == 0, result.output
    spans = ("waits     200 ms for", "deadlines up to 10 min ahead")
    for word in (*groups.OWNERS, "plurality", "zero, one", made.digest.hex(), "any 1 may fail or lie", *spans):
        assert word in result.output
    (sent,) = Shop.consents
    taken = msgspec.convert(sent, NewConsent)
    assert taken.digest == made.digest.hex()
    consent.check(made, made.members[1], from_base64url(taken.signature))


@pytest.mark.parametrize(("said", "signed"), [("y\n", 1), ("n\n", 0), ("", 0)])
async def test_it_asks_before_it_signs(owner, shop, monkeypatch, said, signed):
    _, held = joined(owner, monkeypatch)
    result = await accept(owner, shop, held=held, said=said)
    assert (result.exit_code == 0, len(Shop.consents)) == (bool(signed), signed)


async def test_it_does_not_sign_for_a_model_that_it_does_not_hold(owner, shop, monkeypatch):
    joined(owner, monkeypatch)
    result = await accept(owner, shop, "--yes")
    assert (result.exit_code, Shop.consents) == (1, [])
    assert "does not hold the model" in result.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aggregator": "mean"}, "one liar moves a plain mean at will"),
        ({"slug": "other"}, "another group"),
        ({"epoch": 1}, "not a genesis"),
        ({"members": ()}, "Expected `array`"),
    ],
    ids=str,
)
async def test_it_does_not_believe_the_marketplace(owner, shop, monkeypatch, change, said):
    made, held = joined(owner, monkeypatch)
    monkeypatch.setattr(Shop, "configuration", consent.encoded(replace(made, **change)))
    result = await accept(owner, shop, "--yes", held=held)
    assert (result.exit_code, Shop.consents) == (1, [])
    assert said in result.output


async def test_a_key_without_a_place_signs_nothing(owner, shop, monkeypatch):
    _, held = joined(owner, monkeypatch)
    monkeypatch.setattr(Shop, "configuration", consent.encoded(groups.configuration(KEYS)))
    result = await accept(owner, shop, "--yes", held=held)
    assert (result.exit_code, Shop.consents) == (1, [])
    assert "no member of the group has this key" in result.output


def test_without_a_marketplace_or_a_key_for_it_nothing_is_asked(tmp_path, monkeypatch):
    monkeypatch.delenv(API_KEY, raising=False)
    home = Home(tmp_path / "node")
    home.create(Config(name="alice-1", marketplace=MarketplaceSettings(url="http://127.0.0.1:1")))
    result = CliRunner().invoke(main, ["accept", "digits", "--home", str(home.root)])
    assert result.exit_code == 1
    assert API_KEY in result.output


# --- for programs -----------------------------------------------------------------------------------------


def test_a_program_signs_with_a_key_alone():
    made = groups.configuration(KEYS)
    for i, key in enumerate(KEYS):
        body = request_to_consent(key, made)
        consent.check(made, made.members[i], from_base64url(body["signature"]))
        with pytest.raises(NotVerified):
            consent.check(made, made.members[i - 1], from_base64url(body["signature"]))
    with pytest.raises(Refused):
        request_to_consent(PrivateKey.generate(), made)


@pytest.mark.parametrize("answer", [None, [], {}, {"configuration": 1}, {"configuration": "AA"}])
def test_an_answer_that_holds_no_configuration_is_refused(answer):
    with pytest.raises(Refused):
        fetched(answer, "digits")


def test_a_configuration_is_read_only_in_its_canonical_form():
    document = consent.encoded(groups.configuration(KEYS))
    assert consent.encoded(consent.proposed(document)) == document
    for altered in (document + b"\0", document[:-1], b"", bytes(consent.MAX_BYTES + 1)):
        with pytest.raises(Refused):
            consent.proposed(altered)


def test_a_number_is_shown_with_its_steps(capsys):
    show(groups.configuration(KEYS, answer=Values(100), aggregator="median"), 0)
    assert "a number, in steps of 1/100" in capsys.readouterr().out


def test_a_model_is_held_by_its_commitment():
    made = groups.configuration(KEYS)
    require_held(made, 2, frozenset({made.members[2].model.commitment}))
    with pytest.raises(Refused, match="does not hold"):
        require_held(made, 2, frozenset({made.members[1].model.commitment}))
