"""A node over the real Triton: delivered, validated, served, answered; Triton killed and back; the commands."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from assay import certificate, joining
from assay.errors import Unavailable
from assay.ids import uuid7
from assay.keys import PrivateKey, PublicKey
from assay.tensor import Tensor
from assay.verify import Trust, verify
from inference.triton import Triton
from inference.validation import Report
from node.cli import main
from node.config import TritonSettings, to_toml
from node.home import write_atomically
from tests.inference import models as onnx_models
from tests.inference.server import Server
from tests.node.worlds import TARGET, Owner
from wire.client import Peer
from wire.deadline import in_seconds
from wire.delivery import deliver
from wire.messages import Submit

COMMAND = Path(sys.executable).with_name("assay-node")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("triton"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def home(owner, server) -> Owner:
    """An owner whose node is configured for the real Triton."""
    config = owner.home.load_config()
    triton = TritonSettings(address=server.address, repository=str(server.repository.root))
    write_atomically(owner.home.config, to_toml(msgspec.structs.replace(config, triton=triton)).encode())
    return owner


@pytest.fixture
def model(tmp_path):
    """An ONNX file of y = 2x + 1 that no other test has, its reference."""
    proto = onnx_models.affine()
    proto.doc_string = str(tmp_path)
    data = proto.SerializeToString()
    path = tmp_path / "affine.onnx"
    path.write_bytes(data)
    return path, onnx_models.reference_of(data)[0]


def question(reference, value=3.0, request=None):
    return Submit(
        id=0,
        request=request or uuid7().bytes,
        target=TARGET,
        commitment=reference.commitment,
        inputs=(Tensor.of("x", np.full((2, 4), value, "f4")),),
        salt=b"\3" * 32,
        deadline=in_seconds(60),
    )


async def answered_in_the_end(peer, reference):
    """The answer of a node that may have to notice first that its Triton is back; asked as `direct` asks."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await peer.submit(question(reference))
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_from_a_file_to_a_certificate_and_through_triton_being_killed(home, model, server):
    path, reference = model
    async with home.running(Triton) as daemon:
        peer = home.peer(daemon)
        await deliver(peer, path, reference, "alice/affine")
        await peer.activate(reference.commitment, in_seconds(60))
        asked = question(reference)
        document = await peer.submit(asked)
        trust = Trust(providers=frozenset({home.key.public.raw}), models=frozenset({reference.commitment}))
        assert verify(document, trust, inputs=asked.inputs, salt=asked.salt).exit_code == 0
        (output,) = certificate.parse(document).statement.outputs
        assert (output.array() == np.full((2, 4), 7.0, "f4")).all()

        server.kill()
        with pytest.raises(Unavailable):
            await peer.submit(question(reference))
        assert await peer.submit(asked) == document, "what was answered needs no Triton"
        server.start()  # from this thread: it dies with the thread that started it
        assert verify(await answered_in_the_end(peer, reference), trust).exit_code == 0
        await peer.unload(reference.commitment, in_seconds(60), forget=True)


# --- the commands, as an owner types them -----------------------------------------------------------------


def run(owner, name, *arguments, code=0):
    """What a command prints; in this process, for starting Python takes longer than most commands."""
    done = CliRunner().invoke(main, [name, "--home", str(owner.root), *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


@asynccontextmanager
async def daemon(owner):
    """`assay-node run`, ready."""
    log = (owner.root / "log").open("ab")
    child = subprocess.Popen([COMMAND, "run", "--home", owner.root], stdout=log, stderr=log)  # noqa: ASYNC220
    log.close()
    try:
        async with asyncio.timeout(60):
            while not owner.home.address.exists():
                assert child.poll() is None, (owner.root / "log").read_text()
                await asyncio.sleep(0)
        yield child
    finally:
        child.kill()
        child.wait()


async def ask(owner, asked):
    peer = Peer(owner.home.address.read_text(), owner.home.load_key().public, owner.marketplace)
    try:
        return await peer.submit(asked)
    finally:
        await peer.close()


async def test_an_owners_day(home, model, tmp_path):
    """add, status, doctor, backup, drain, rotate-key, join: each against the same daemon."""
    path, reference = model
    interface = tmp_path / "interface.json"
    interface.write_text(json.dumps({"task": "other"}))
    async with daemon(home) as child:
        said = await asyncio.to_thread(
            run, home, "add", str(path), "--name", "alice/affine", "--interface", interface
        )
        registration = json.loads(said.splitlines()[-1])
        assert registration["weights"] == "never-here"
        assert registration["sha256"] == reference.digest.hex()
        report = msgspec.convert(registration["report"], Report)
        assert report.accepted
        assert report.digest == reference.digest
        document = await ask(home, question(reference))
        assert verify(document, Trust(models=frozenset({reference.commitment}))).valid

        told = json.loads(await asyncio.to_thread(run, home, "status", "--json"))
        assert (told["serving"], told["answered"]) == (True, 1)
        assert [(each["name"], each["state"]) for each in told["models"]] == [("alice/affine", "serving")]
        assert "alice/affine" in await asyncio.to_thread(run, home, "status")
        checked = await asyncio.to_thread(run, home, "doctor")
        assert "problem" not in checked
        assert checked.count("ok ") == 11

        await asyncio.to_thread(run, home, "rotate-key", code=1)  # not while it runs
        await asyncio.to_thread(run, home, "backup", tmp_path / "backup.tar")
        await asyncio.to_thread(run, home, "drain")
        assert child.wait(20) == 0

    assert "not running" in await asyncio.to_thread(run, home, "doctor")
    old = home.home.load_key().public
    said = await asyncio.to_thread(run, home, "rotate-key")
    assert home.home.load_key().public != old
    assert str(home.home.load_key().public) in said
    joined = json.loads(await asyncio.to_thread(run, home, "join", "alice", "--address", "node.example:7000"))
    joining.check(PublicKey.parse(joined["key"]), "alice", joined["proof"])


async def test_a_node_restored_from_its_backup_serves_again_and_answers_nothing_twice(home, model, tmp_path):
    path, reference = model
    async with home.running(Triton) as running:
        peer = home.peer(running)
        await deliver(peer, path, reference, "alice/affine")
        await peer.activate(reference.commitment, in_seconds(60))
        before = question(reference)
        await peer.submit(before)
    await asyncio.to_thread(run, home, "backup", tmp_path / "backup.tar")
    restored = Owner.__new__(Owner)
    restored.root, restored.marketplace, restored.peers = tmp_path / "restored", home.marketplace, []
    restored.root.mkdir(mode=0o700)
    await asyncio.to_thread(
        subprocess.run, ["tar", "xf", tmp_path / "backup.tar", "-C", restored.root], check=True
    )
    restored.home = type(home.home)(restored.root)
    restored.key = restored.home.load_key()
    restored.triton = home.triton
    async with restored.running(Triton) as running:
        peer = restored.peer(running)
        assert verify(await answered_in_the_end(peer, reference), Trust()).valid
        with pytest.raises(Exception, match="too old"):
            await peer.submit(before)


def test_a_wrong_key_mode_is_a_problem_that_doctor_names(home):
    home.home.key.chmod(0o644)
    said = run(home, "doctor", code=1)
    assert "readable by others" in said
    home.home.key.chmod(0o600)


def test_commands_that_need_the_daemon_say_so(home):
    for command in ("status", "drain"):
        said = run(home, command, code=1)
        assert "not running" in said
        assert "assay-node run" in said


def test_a_daemon_that_was_killed_leaves_an_address_that_nobody_believes(home):
    write_atomically(home.home.address, b"127.0.0.1:1")
    assert "not running" in run(home, "status", code=1)


def test_init_makes_a_node_and_refuses_to_make_it_twice(tmp_path):
    owner = Owner.__new__(Owner)
    owner.root = tmp_path / "new"
    key = str(PrivateKey.generate().public)
    said = run(owner, "init", "--name", "alice-1", "--listen", "127.0.0.1:0", "--marketplace-key", key)
    assert "ed25519:" in said
    run(owner, "init", "--name", "alice-1", code=1)
    run(owner, "init", "--name", "", code=1)


def test_sigterm_before_anything_was_asked_ends_cleanly(home):
    async def begin_and_stop():
        async with daemon(home) as child:
            child.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(child.wait, 30) == 0

    asyncio.run(begin_and_stop())
