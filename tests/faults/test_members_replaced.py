"""On the whole site, under load: a member of a group gives way to a newcomer, whose key then changes.

The newcomer is somebody who has just signed up, with a node in this process; the others are the demo's owners with
their nodes and Tritons.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner

from assay import joining
from assay.agreement.votes import Answered
from assay.certificate import AgreementCertificate, parse
from assay.cli import main as assay
from assay.jsonform import to_json
from assay.model import ModelReference
from assay.rotation import KeyRotation
from assay.tensor import Tensor
from demo import entries
from demo.market import Market
from inference.validation import validate_sync
from node.cli import main as assay_node
from node.commands.add import registration
from node.commands.rotate_key import replace_key
from node.config import to_toml
from node.journal import Model
from node.shop import API_KEY
from stack.chaos.faults import until
from stack.chaos.load import Load
from stack.chaos.questions import home
from stack.chaos.records import Records
from tests.faults.conftest import said
from tests.node import worlds

SLUG, EVE = "replaceable", "eve-newcomer"
PASSWORD = "an assay office tests metal"


class Runtime(worlds.PlainTriton):
    """Runs one model, whatever it is called."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    async def infer(self, name, inputs, outputs, deadline):
        names = [port.name for port in outputs]
        found = self._session.run(names, {tensor.name: tensor.array() for tensor in inputs})
        return tuple(Tensor.of(each, array) for each, array in zip(names, found, strict=True))


class Newcomer:
    """An owner whose node runs in a thread here; it listens elsewhere each time."""

    def __init__(self, root: Path, key: str, url: str, asha) -> None:
        self.market, self._token = Market(url, key), key
        entry = next(each for each in entries.entries() if (each.owner, each.slug) == ("asha", "digits"))
        content = another((entries.FOLDER / entry.model).read_bytes())
        file = root / "digits.onnx"
        file.write_bytes(content)
        report = validate_sync(file)
        self.reference = ModelReference(report.digest, entry.interface)
        self._there = worlds.Owner(root / "node", triton=Runtime(content))
        config, theirs = self._there.home.load_config(), asha.load_config().marketplace
        known = msgspec.structs.replace(theirs, url=url)
        self._there.home.config.write_text(to_toml(msgspec.structs.replace(config, marketplace=known)))
        self._there.hold(Model(self.reference, report.ports, f"{EVE}/digits", wanted=True))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="newcomer")
        self._thread.start()
        self.start()
        node = self.register()
        self.market.post("/models", {"name": "digits", "task": "classification", "title": "Digits"})
        path = f"/models/{EVE}/digits/versions"
        self.market.post(path, registration(self.reference, report))
        deployment = f"/deployments/{self.market.post(f'{path}/1/deployments', {'node': node})['id']}"
        until(lambda: self.market.get(deployment)["state"] == "serving", "the newcomer's model is served")

    def register(self) -> int:
        key = self._there.home.load_key()
        body = {
            "name": "attic",
            "key": str(key.public),
            "address": self._address,
            "proof": joining.prove(key, EVE),
        }
        return self.market.post("/nodes", body)["id"]

    def start(self) -> None:
        self._there.key = self._there.home.load_key()
        self._running, self._address = self._do(self._run())

    def stop(self) -> None:
        self._do(self._running.aclose())

    def rotate(self) -> None:
        """Its node starts again with another key, of which the marketplace is told."""
        self.stop()
        statement: KeyRotation = replace_key(self._there.home)
        self.start()
        self.market.post("/nodes/rotations", json.loads(to_json(statement)))
        self.register()

    def accept(self) -> None:
        accept(self._there.home.root, self._token)

    def close(self) -> None:
        self.market.close()
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> tuple[AsyncExitStack, str]:
        stack = AsyncExitStack()
        daemon = await stack.enter_async_context(self._there.running())
        return stack, daemon.server.address

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


def another(content: bytes) -> bytes:
    """The same model in another file."""
    model = onnx.load_from_string(content)
    model.doc_string = "of a newcomer"
    return model.SerializeToString()


def accept(root: Path, token: str) -> None:
    """`assay-node accept`, typed on the owner's machine."""
    typed = ["accept", SLUG, "--home", str(root), "--yes"]
    done = CliRunner(env={API_KEY: token}).invoke(assay_node, typed)
    assert done.exit_code == 0, done.output


def verified(certificate: AgreementCertificate, genesis: bytes, path: Path) -> bool:
    """Whether `assay verify` finds it valid and of this group."""
    path.write_bytes(certificate.to_cbor())
    return CliRunner().invoke(assay, ["verify", str(path), "--group", genesis.hex()]).exit_code == 0


def signed_up(url: str) -> str:
    """An API key of somebody who has just signed up and made it, in forms."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=60, trust_env=False) as client:

        def send(path: str, **fields: str) -> str:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).text)
            body = {"csrfmiddlewaretoken": token[1], **fields}
            return client.post(path, data=body, headers={"Referer": url + path}).text

        send("/signup", name=EVE, email=f"{EVE}@example.org", password=PASSWORD)
        made = send("/keys", name="tests", scopes=["read", "models", "nodes", "keys"])
        return re.search(r"assay_\w+", made)[0]


@pytest.fixture
def owners(site):
    """The demo's, by name, each with its access and its node's folder."""
    users = json.loads(site.users.read_bytes())
    found = {user["organisation"]: user["api_key"] for user in users if user["role"] == "owner"}
    with ExitStack() as stack:
        markets = {slug: stack.enter_context(Market(site.market.url, key)) for slug, key in found.items()}
        yield {slug: (markets[slug], home(site, slug).root, key) for slug, key in found.items()}


@pytest.fixture
def eve(site, tmp_path):
    newcomer = Newcomer(tmp_path, signed_up(site.market.url), site.market.url, home(site, "asha"))
    yield newcomer
    newcomer.close()


@pytest.fixture
def genesis(owners):
    """Of a group that the four owners have founded, and that serves."""
    founder = owners["asha"][0]
    others = sorted(set(owners) - {"asha"})
    about = {"name": SLUG, "title": "Whose members change", "aggregator": "plurality", "invite": others}
    founder.post("/groups", about | {"model": "asha/digits@1"})
    for slug in others:
        owners[slug][0].post(f"/groups/{SLUG}/accept", {"model": f"{slug}/digits@1"})
    for _, root, key in owners.values():
        accept(root, key)
    until(lambda: founder.get(f"/groups/{SLUG}")["state"] == "serving", "the group serves")
    yield bytes.fromhex(founder.get(f"/groups/{SLUG}")["genesis"])
    founder.delete(f"/groups/{SLUG}")


def test_a_member_gives_way_to_a_newcomer_whose_key_changes_and_no_request_is_lost(
    site, buyer, one, owners, genesis, eve, tmp_path
):
    founder = owners["asha"][0]
    question = replace(one["digits"], name=SLUG, anchor=genesis)
    users = json.loads(site.users.read_bytes())
    key = next(user["api_key"] for user in users if user["role"] == "buyer")

    def begun(epoch: int) -> None:
        until(lambda: founder.get(f"/groups/{SLUG}")["epoch"] == epoch, f"epoch {epoch} is in force")

    def voting():
        """A certificate in which the newcomer votes, once there is one."""

        def look():
            certificate = buyer.agreed(question)
            return certificate if isinstance(said(certificate).get(EVE), Answered) else None

        return until(look, "the newcomer votes")

    with Load(site.market.url, [key] * 2, [question], seed=1) as asking:
        asking.all_answer()
        founder.post(f"/groups/{SLUG}/proposals", {"join": [EVE], "leave": ["dana"]})
        eve.market.post(f"/groups/{SLUG}/accept", {"model": f"{EVE}/digits@1"})
        for slug in ("asha", "bruno", "chidi"):
            accept(*owners[slug][1:])
        eve.accept()
        begun(1)
        replaced = voting()
        asking.all_answer()
        eve.rotate()
        founder.post(f"/groups/{SLUG}/proposals", {})
        for slug in ("asha", "bruno", "chidi"):
            accept(*owners[slug][1:])
        eve.accept()
        begun(2)
        rekeyed = voting()
        asking.all_answer()
    for asked in asking.asked:
        assert ({status for status, _ in asked.ends}, asked.problems) == ({"certified"}, []), asked
    stored = [parse(each.document).evidence for each in Records(site).of_load(asking.name).values()]
    assert {each.configuration.epoch for each in stored} == {0, 1, 2}
    for certificate, epochs in ((replaced, 2), (rekeyed, 3)):
        assert len(certificate.evidence.epochs) == epochs
        assert said(certificate)[EVE].model == eve.reference.commitment
        assert verified(certificate, genesis, tmp_path / "certificate.cbor")
        assert not verified(certificate, bytes(32), tmp_path / "certificate.cbor")
