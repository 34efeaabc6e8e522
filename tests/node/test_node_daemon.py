"""A whole node over real TLS: answers, refuses, drains, is killed and started again."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey
from assay.verify import Trust, verify
from inference.validation import Report
from node.config import MetricSettings, to_toml
from node.home import write_atomically
from node.journal import Journal
from node.metrics import require_loopback
from tests.inference import models as onnx_models
from tests.node.worlds import REFERENCE, submit
from wire.client import Peer
from wire.deadline import in_seconds
from wire.delivery import deliver
from wire.messages import CHUNK, Attach, Chunk, Load, Loaded, Wanted

KILLED = Path(__file__).with_name("killed.py")


async def test_a_marketplace_gets_a_certificate_that_stands(owner, serving):
    asked = submit()
    document = await owner.peer(serving).submit(asked)
    trust = Trust(providers=frozenset({owner.key.public.raw}))
    assert verify(document, trust, inputs=asked.inputs, salt=asked.salt).exit_code == 0


async def test_a_key_that_is_not_allowed_gets_nothing(owner, serving):
    with pytest.raises(Unavailable) as refused:
        await owner.peer(serving, PrivateKey.generate()).submit(submit())
    assert refused.value.code == "unknown-key"
    assert owner.triton.inferred == 0


async def test_it_says_what_it_is_and_holds(owner, serving):
    peer = owner.peer(serving)
    capable = await peer.capabilities(in_seconds(10))
    assert capable.software.startswith("assay-node/")
    assert not capable.draining
    (model,) = capable.models
    assert (model.commitment, model.state) == (REFERENCE.commitment, "serving")
    healthy = await peer.health(in_seconds(10))
    assert (healthy.serving, healthy.detail) == (True, "")


async def test_it_says_when_triton_is_away(owner, serving):
    owner.triton.is_live = False
    await serving._models.look()
    healthy = await owner.peer(serving).health(in_seconds(10))
    assert (healthy.serving, healthy.detail) == (False, "Triton does not answer")


async def test_a_cancelled_request_is_answered_so(owner, serving):
    owner.triton.gate.clear()
    asked, peer = submit(), owner.peer(serving)
    task = asyncio.create_task(peer.submit(asked))
    await owner.triton.asked.wait()
    await peer.cancel(asked.request, in_seconds(10))
    with pytest.raises(Refused) as refused:
        await task
    assert refused.value.code == "cancelled"


async def test_a_draining_node_finishes_what_it_has_refuses_the_rest_and_ends(owner, serving):
    owner.triton.gate.clear()
    peer, command = owner.peer(serving), owner.peer(serving, owner.key)
    task = asyncio.create_task(peer.submit(submit()))
    await owner.triton.asked.wait()
    await command.drain(in_seconds(10))
    with pytest.raises(Unavailable) as refused:
        await peer.submit(submit())
    assert refused.value.code == "draining"
    assert (await peer.capabilities(in_seconds(10))).draining
    assert not (await peer.health(in_seconds(10))).serving
    assert not serving.ended.is_set()
    owner.triton.gate.set()
    assert verify(await task, Trust()).valid
    await asyncio.wait_for(serving.ended.wait(), 20)


async def test_a_drain_that_takes_too_long_ends_all_the_same(owner, serving):
    owner.triton.gate.clear()
    serving._patience = 0.05
    task = asyncio.create_task(owner.peer(serving).submit(submit()))
    await owner.triton.asked.wait()
    serving.drain()
    await asyncio.wait_for(serving.ended.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_the_owners_own_key_may_ask_it_to_drain(owner, serving):
    with pytest.raises(Refused) as refused:
        await owner.peer(serving).drain(in_seconds(10))
    assert refused.value.code == "not-owner"
    assert not serving.ended.is_set()


async def test_who_may_connect_without_being_a_caller_may_attach_and_ask_nothing_else(owner, serving):
    """As members of a group may that this node takes part in."""
    member = PrivateKey.generate()
    serving.server._allowed = member.public.__eq__
    peer = owner.peer(serving, member)
    with pytest.raises(Refused) as refused:
        await peer.capabilities(in_seconds(10))
    assert refused.value.code == "not-allowed"
    with pytest.raises(Refused) as refused:
        await peer.request(Attach(id=0, group=bytes(32)), in_seconds(10))
    assert refused.value.code == "no-group"


async def test_a_second_daemon_cannot_use_the_same_home(owner):
    from node.daemon import run

    with owner.home.locked(), pytest.raises(Unavailable, match="another process"):
        await run(owner.home)


async def test_a_port_that_is_taken_leaves_nothing_running(owner, serving):
    config = msgspec.structs.replace(owner.home.load_config(), listen=serving.server.address)
    write_atomically(owner.home.config, to_toml(config).encode())
    with pytest.raises(OSError, match="in use"):
        async with owner.running():
            pytest.fail("started")


async def test_a_disk_that_fails_is_told_as_such(owner, serving, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving._receiving._spool, "append", full)
    peer = owner.peer(serving)
    load = Load(id=0, digest=bytes(32), size=10, interface=REFERENCE.interface, name="m")
    assert isinstance(await peer.request(load, in_seconds(10)), Wanted)
    with pytest.raises(Unavailable) as failed:
        await peer.request(Chunk(id=0, digest=bytes(32), offset=0, data=b"x"), in_seconds(10))
    assert failed.value.code == "disk-failed"


# --- delivery ---------------------------------------------------------------------------------------------


@pytest.fixture
def large_model(tmp_path, monkeypatch):
    """A file of three chunks and a bit, examined by its first bytes only."""
    small = onnx_models.affine().SerializeToString()
    content = small + bytes(3 * CHUNK)
    path = tmp_path / "large.onnx"
    path.write_bytes(content)
    reference, ports = onnx_models.reference_of(small)
    digest = hashlib.sha256(content).digest()

    async def validate(path):
        return Report(digest=digest, size=len(content), ports=ports)

    monkeypatch.setattr("node.models.validate", validate)
    return path, msgspec.structs.replace(reference, digest=digest)


@pytest.mark.parametrize("boundary", range(5))
async def test_a_delivery_survives_a_restart_of_the_node_at_every_chunk_boundary(owner, large_model, boundary):
    path, reference = large_model
    content = path.read_bytes()
    load = Load(id=0, digest=reference.digest, size=len(content), interface=reference.interface, name="m")
    async with owner.running() as daemon:
        peer = owner.peer(daemon)
        answer = await peer.request(load, in_seconds(10))
        for i in range(boundary):
            assert answer == Wanted(id=answer.id, offset=i * CHUNK)
            data = content[i * CHUNK : (i + 1) * CHUNK]
            chunk = Chunk(id=0, digest=reference.digest, offset=i * CHUNK, data=data)
            answer = await peer.request(chunk, in_seconds(10))
    told = []
    async with owner.running() as daemon:
        peer = owner.peer(daemon)
        commitment = await deliver(peer, path, reference, "m", lambda have, of: told.append(have))
        assert commitment == reference.commitment
        await peer.activate(commitment, in_seconds(10))
    assert told[0] == min(boundary * CHUNK, len(content))
    async with owner.running() as daemon:
        (model,) = (await owner.peer(daemon).capabilities(in_seconds(10))).models
        assert (model.state, model.commitment) == ("serving", reference.commitment)


async def test_bytes_that_rot_on_the_nodes_disk_are_found_and_sent_again(owner, large_model, monkeypatch):
    monkeypatch.setattr("wire.delivery.FIRST_PAUSE", 0.0)
    path, reference = large_model
    async with owner.running() as daemon:
        peer = owner.peer(daemon)
        load = Load(
            id=0, digest=reference.digest, size=path.stat().st_size, interface=reference.interface, name="m"
        )
        await peer.request(load, in_seconds(10))
        await peer.request(Chunk(id=0, digest=reference.digest, offset=0, data=bytes(CHUNK)), in_seconds(10))
        assert await deliver(peer, path, reference, "m") == reference.commitment
        again = await peer.request(load, in_seconds(10))
        assert again == Loaded(id=again.id, commitment=reference.commitment)


# --- killed -----------------------------------------------------------------------------------------------


@contextmanager
def process(owner, moment):
    """A node in a process of its own; its address."""
    child = subprocess.Popen([sys.executable, KILLED, owner.root, moment], stdout=subprocess.PIPE, text=True)
    try:
        yield child, child.stdout.readline().strip()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


async def ask(owner, address, asked):
    peer = Peer(address, owner.key.public, owner.marketplace)
    try:
        return await peer.submit(asked)
    finally:
        await peer.close()


async def test_a_node_killed_between_commit_and_reply_gives_the_same_bytes_when_asked_again(owner):
    owner.hold()
    asked = submit()
    with process(owner, "after-commit") as (child, address):
        with pytest.raises(Unavailable):
            await ask(owner, address, asked)
        assert child.wait(20) == -signal.SIGKILL
    with closing(Journal(owner.home.journal)) as journal:
        committed = journal.answer(asked.request).certificate
    with process(owner, "never") as (_, address):
        assert await ask(owner, address, asked) == committed
        with pytest.raises(Refused) as refused:
            await ask(owner, address, submit(request=asked.request, value=9.0))
        assert refused.value.code == "request-id-reused"
    assert verify(committed, Trust(providers=frozenset({owner.key.public.raw}))).exit_code == 0


async def test_a_node_killed_before_the_commit_has_answered_nothing_and_answers_when_asked_again(owner):
    owner.hold()
    asked = submit()
    with process(owner, "before-commit") as (child, address):
        with pytest.raises(Unavailable):
            await ask(owner, address, asked)
        assert child.wait(20) == -signal.SIGKILL
    with closing(Journal(owner.home.journal)) as journal:
        assert journal.answer(asked.request) is None
    with process(owner, "never") as (_, address):
        assert verify(await ask(owner, address, asked), Trust()).valid


async def test_a_node_told_to_stop_drains(owner):
    owner.hold()
    with process(owner, "never") as (child, address):
        await ask(owner, address, submit())
        with pytest.raises(Unavailable), owner.home.locked():
            pytest.fail("two in one folder")
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    with owner.home.locked():
        pass
    assert not owner.home.address.exists()


# --- figures ----------------------------------------------------------------------------------------------


async def test_figures_are_served_to_this_machine(owner):
    owner.hold()
    config = msgspec.structs.replace(owner.home.load_config(), metrics=MetricSettings(listen="127.0.0.1:0"))
    write_atomically(owner.home.config, to_toml(config).encode())
    async with owner.running() as daemon:
        peer = owner.peer(daemon)
        for _ in range(3):
            await peer.submit(submit())
        with pytest.raises(Refused):
            await peer.submit(submit(salt=bytes(32), inputs=()))
        text = daemon.figures()
    assert 'assay_node_requests_total{outcome="answered"} 3' in text
    assert "assay_node_request_seconds_count 3" in text
    assert "assay_node_models_serving 1" in text
    assert "assay_node_triton_live 1" in text
    assert str(owner.key.public) not in text


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "example.org:1", "192.168.0.1:1"])
def test_figures_are_served_to_nobody_else(listen):
    with pytest.raises(Refused, match="this machine alone"):
        require_loopback(listen)


async def test_the_figures_port_answers_get_metrics_and_nothing_else(owner):
    from node import metrics

    server = await metrics.serve(lambda: "a 1\n", "127.0.0.1:0")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def get(path, **options):
        with urllib.request.urlopen(urllib.request.Request(url + path, **options), timeout=10) as answer:
            return answer.read()

    assert await asyncio.to_thread(get, "/metrics") == b"a 1\n"
    for path, options in (("/", {}), ("/metrics", {"method": "POST"})):
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(get, path, **options)
    server.close()
    await server.wait_closed()
