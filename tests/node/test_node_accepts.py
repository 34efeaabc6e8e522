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
from assay.agreement.group import Epoch, Labels, Values
from assay.digest import Tag
from assay.errors import NotVerified, Refused
from assay.jsonform import base64url, from_base64url
from assay.keys import PrivateKey
from marketplace.api.groups import NewConsent
from node.cli import main
from node.commands.accept import fetched, request_to_consent, require_held, show
from node.commands.rotate_key import replace_key
from node.config import Config, MarketplaceSettings, to_toml
from node.epochs import document
from node.home import Home
from node.shop import API_KEY
from node.successors import require_answering
from tests.consensus.town import followed
from tests.node.worlds import HELD, Owner
from tests.sdk import groups

replace = msgspec.structs.replace
KEYS = groups.keys()


class Shop(BaseHTTPRequestHandler):
    """A marketplace with one group, whose configuration it is given; it remembers what was handed in."""

    configuration = b""
    epochs: list[str] | None = None
    consents: list[dict[str, str]] = []

    def do_GET(self):
        answer = {"digest": "00" * 32, "configuration": base64url(self.configuration), "epochs": self.epochs}
        self._answer(200, answer)

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
    monkeypatch.setattr(Shop, "epochs", None)
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
        ({"previous": bytes([1]) * 32}, "not a genesis"),
        ({"epoch": 1}, "has not sent the group's epochs"),
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


@pytest.mark.parametrize("chosen", [True, False])
def test_who_signs_is_told_whether_members_commit_to_answers_first(capsys, chosen):
    show(groups.configuration(KEYS, copy_resistant=chosen), 0)
    assert ("copy-resistant" in capsys.readouterr().out) is chosen


def test_a_model_is_held_by_its_commitment():
    made = groups.configuration(KEYS)
    require_held(made, 2, frozenset({made.members[2].model.commitment}))
    with pytest.raises(Refused, match="does not hold"):
        require_held(made, 2, frozenset({made.members[1].model.commitment}))


# --- later epochs -----------------------------------------------------------------------------------------


def signed(made, keys) -> Epoch:
    return Epoch(made, tuple(key.sign(Tag.GROUP, made.digest) for key in keys), ())


def told(monkeypatch, chain: tuple[Epoch, ...], after) -> None:
    monkeypatch.setattr(Shop, "configuration", consent.encoded(after))
    monkeypatch.setattr(Shop, "epochs", [base64url(document(each)) for each in chain])


def standing_group(owner: Owner, monkeypatch):
    """A genesis that stands, the owner's node in the second place; the model it holds."""
    made, held = joined(owner, monkeypatch)
    keys = [KEYS[0], owner.key, *KEYS[2:]]
    return signed(made, keys), held


async def test_who_stays_is_shown_what_changes_and_signs_it_once(owner, shop, monkeypatch):
    genesis, held = standing_group(owner, monkeypatch)
    *others, dana = genesis.configuration.members
    eve = replace(dana, owner="eve", key=PrivateKey.generate().public.raw, address="eve.example:1")
    after = followed(genesis.configuration, [*others, eve], grace=300, horizon=1_200_000)
    told(monkeypatch, (genesis,), after)
    result = await accept(owner, shop, held=held, said="y\n")
    assert result.exit_code == 0, result.output
    shown = (
        "epoch 1, in place of epoch 0",
        "comes     eve at eve.example:1",
        f"goes      {dana.owner}",
        "you       stay",
    )
    for word in (*shown, "300 ms; now 200 ms", "20 min; now 10 min", after.digest.hex()):
        assert word in result.output
    (sent,) = Shop.consents
    consent.check(after, after.members[1], from_base64url(sent["signature"]))


async def test_who_comes_signs_what_follows_a_chain_that_stands(owner, shop, monkeypatch):
    genesis, held = standing_group(owner, monkeypatch)
    made = replace(
        genesis.configuration,
        members=tuple(
            replace(each, key=key.public.raw)
            for each, key in zip(genesis.configuration.members, KEYS, strict=True)
        ),
    )
    others = signed(made, KEYS)
    mine = replace(genesis.configuration.members[1], owner="eve")
    after = followed(made, [*made.members[:3], mine])
    told(monkeypatch, (others,), after)
    result = await accept(owner, shop, "--yes", held=held)
    assert result.exit_code == 0, result.output
    assert "you       come" in result.output
    (sent,) = Shop.consents
    consent.check(after, after.members[3], from_base64url(sent["signature"]))


async def test_who_leaves_gives_its_word_and_needs_no_model(owner, shop, monkeypatch):
    genesis, _ = standing_group(owner, monkeypatch)
    first, mine, *others = genesis.configuration.members
    eve = replace(mine, owner="eve", key=PrivateKey.generate().public.raw)
    after = followed(genesis.configuration, [first, eve, *others])
    told(monkeypatch, (genesis,), after)
    result = await accept(owner, shop, "--yes")
    assert result.exit_code == 0, result.output
    assert "you       leave" in result.output
    (sent,) = Shop.consents
    consent.check(after, mine, from_base64url(sent["signature"]))


async def test_whose_key_has_changed_signs_with_both(owner, shop, monkeypatch):
    genesis, held = standing_group(owner, monkeypatch)
    replace_key(owner.home)
    first, mine, *others = genesis.configuration.members
    fresh = replace(mine, key=owner.home.load_key().public.raw)
    after = followed(genesis.configuration, [first, fresh, *others])
    told(monkeypatch, (genesis,), after)
    owner.key = owner.home.load_key()
    result = await accept(owner, shop, "--yes", held=held)
    assert result.exit_code == 0, result.output
    assert "new key" in result.output
    for member, sent in zip((fresh, mine), Shop.consents, strict=True):
        consent.check(after, member, from_base64url(sent["signature"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epoch": 2}, "not of the next epoch"),
        ({"previous": bytes(32)}, "not of the next epoch"),
        ({"labels": ("one", "zero")}, "must be the group's"),
        ({"strangers": 2}, "too many members leave at a time"),
        ({"chain": ()}, "number of epochs"),
        ({"chain": None}, "has not sent the group's epochs"),
        ({"chain": "unsigned"}, "signature does not verify"),
    ],
    ids=str,
)
async def test_what_the_group_would_not_order_is_not_signed(owner, shop, monkeypatch, change, said):
    genesis, held = standing_group(owner, monkeypatch)
    members, change = list(genesis.configuration.members), dict(change)
    for i in range(change.pop("strangers", 0)):
        members[-1 - i] = replace(members[-1 - i], owner=f"new-{i}", key=PrivateKey.generate().public.raw)
    if labels := change.pop("labels", None):
        change["answer"] = Labels(labels)
    chain = change.pop("chain", (genesis,))
    if chain == "unsigned":
        chain = (replace(genesis, consents=(*genesis.consents[:3], genesis.consents[0])),)
    after = replace(followed(genesis.configuration, members), **change)
    told(monkeypatch, chain or (), after)
    if chain is None:
        monkeypatch.setattr(Shop, "epochs", None)
    result = await accept(owner, shop, "--yes", held=held)
    assert (result.exit_code, Shop.consents) == (1, [])
    assert said in " ".join(result.output.split())


def test_who_stays_begins_with_the_model_with_which_it_answers():
    made = groups.configuration(KEYS)
    require_answering(made, 1, made.members[1].model.commitment)
    require_answering(made, 1, None)
    with pytest.raises(Refused, match="answers the group now"):
        require_answering(made, 1, made.members[2].model.commitment)
