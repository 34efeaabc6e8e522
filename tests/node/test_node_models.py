"""Models of a node: taken in once they pass its own validation, served, lost by Triton, put right, forgotten."""

from __future__ import annotations

import asyncio
import os

import pytest

from assay.digest import sha256
from assay.errors import Refused, TooLarge, Unavailable
from assay.model import ModelReference
from assay.modelfile.report import finding
from inference.repository import InstanceGroups, ModelRepository
from inference.validation import LIMITS, Report
from node import models as held_models
from node.journal import Journal
from node.models import Models
from node.receiving import Receiving
from node.spool import Spool
from tests.inference import models as onnx_models
from tests.node.worlds import PlainTriton
from wire.messages import Chunk, Load, Loaded, Wanted

MODEL = onnx_models.affine().SerializeToString()
REFERENCE, PORTS = onnx_models.reference_of(MODEL)
COMMITMENT = REFERENCE.commitment
SIZE = len(MODEL)


class Bench:
    def __init__(self, path):
        self.path = path
        self.triton = PlainTriton()
        self.start()

    def start(self):
        """As after a start of the node."""
        self.journal = Journal(self.path / "j")
        self.spool = Spool(self.path / "spool")
        repository = ModelRepository(self.path / "models", InstanceGroups())
        self.repository = repository
        self.models = Models(self.journal, self.spool, repository, self.triton)
        self.receiving = Receiving(self.models, self.spool)

    def restart(self):
        self.journal.close()
        self.start()

    async def load(self, reference=REFERENCE, size=SIZE):
        return await self.receiving.load(
            Load(id=1, digest=reference.digest, size=size, interface=reference.interface, name="alice/affine")
        )

    async def chunk(self, offset, data, digest=REFERENCE.digest):
        return await self.receiving.chunk(Chunk(id=2, digest=digest, offset=offset, data=data))

    async def deliver(self, data=MODEL, reference=REFERENCE):
        await self.load(reference, len(data))
        return await self.chunk(0, data, reference.digest)

    def states(self):
        return {each.commitment: each.state for each in self.models.all()}

    def files(self):
        return sorted(path.suffix for path in (self.path / "spool").iterdir())


@pytest.fixture
def accepted(monkeypatch):
    """The examination's verdict, without the examination: other tests hold the real one."""

    async def validate(path):
        data = path.read_bytes()
        reference, ports = onnx_models.reference_of(data)
        return Report(digest=reference.digest, size=len(data), ports=ports)

    monkeypatch.setattr(held_models, "validate", validate)


@pytest.fixture
def bench(tmp_path, accepted):
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


async def test_a_delivered_model_is_held_then_served_then_withdrawn_then_forgotten(bench):
    assert await bench.deliver() == Loaded(id=2, commitment=COMMITMENT)
    assert bench.states() == {COMMITMENT: "held"}
    with pytest.raises(Unavailable, match="does not serve"):
        bench.models.serving(COMMITMENT)

    await bench.models.activate(COMMITMENT)
    assert bench.states() == {COMMITMENT: "serving"}
    assert bench.models.serving(COMMITMENT) == REFERENCE
    assert bench.triton.loaded == {COMMITMENT.hex()}
    assert bench.repository.names() == (COMMITMENT.hex(),)

    await bench.models.unload(COMMITMENT, forget=False)
    assert bench.states() == {COMMITMENT: "held"}
    assert bench.triton.loaded == set()
    assert bench.repository.names() == ()

    await bench.models.unload(COMMITMENT, forget=True)
    assert bench.states() == {}
    assert bench.files() == []
    await bench.models.unload(COMMITMENT, forget=True)  # twice changes nothing


async def test_doing_things_twice_changes_nothing(bench):
    await bench.deliver()
    assert await bench.load() == Loaded(id=1, commitment=COMMITMENT)
    await bench.models.activate(COMMITMENT)
    await bench.models.activate(COMMITMENT)
    assert bench.states() == {COMMITMENT: "serving"}


async def test_what_was_served_is_served_after_a_restart_and_the_rest_is_not(bench):
    other = onnx_models.affine(columns=7).SerializeToString()
    reference, _ = onnx_models.reference_of(other)
    await bench.deliver()
    await bench.deliver(other, reference)
    await bench.models.activate(COMMITMENT)
    bench.triton.loaded.clear()  # Triton restarted too
    bench.restart()
    assert bench.states() == {COMMITMENT: "loading", reference.commitment: "held"}
    await bench.models.look()
    assert bench.states() == {COMMITMENT: "serving", reference.commitment: "held"}
    assert bench.triton.loaded == {COMMITMENT.hex()}


async def test_a_triton_that_is_away_is_waited_for_and_one_that_came_back_is_given_its_models(bench):
    await bench.deliver()
    await bench.models.activate(COMMITMENT)
    bench.triton.is_live = False
    await bench.models.look()
    assert bench.states() == {COMMITMENT: "loading"}
    assert not bench.models.triton_live
    assert [each.detail for each in bench.models.all()] == ["Triton does not answer"]
    bench.triton.loaded.clear()
    bench.triton.is_live = True
    await bench.models.look()
    assert bench.states() == {COMMITMENT: "serving"}


async def test_activating_while_triton_is_away_is_made_good_later(bench):
    await bench.deliver()
    bench.triton.is_live = False
    with pytest.raises(Unavailable):
        await bench.models.activate(COMMITMENT)
    bench.triton.is_live = True
    await bench.models.look()
    assert bench.states() == {COMMITMENT: "serving"}


async def test_a_model_that_triton_cannot_load_says_why_and_is_not_tried_for_ever(bench):
    await bench.deliver()
    bench.triton.problem = Refused("Triton could not load the model", code="load-failed", got="bad opset")
    with pytest.raises(Refused):
        await bench.models.activate(COMMITMENT)
    assert bench.states() == {COMMITMENT: "failed"}
    bench.triton.problem = None
    await bench.models.look()
    assert bench.states() == {COMMITMENT: "failed"}
    await bench.models.activate(COMMITMENT)
    assert bench.states() == {COMMITMENT: "serving"}


async def test_a_lost_model_is_looked_after_at_once(bench, monkeypatch):
    monkeypatch.setattr(held_models, "LOOK", 1000.0)
    await bench.deliver()
    await bench.models.activate(COMMITMENT)
    watch = asyncio.create_task(bench.models.watch())
    await asyncio.sleep(0)
    bench.triton.loaded.clear()
    bench.models.lost(COMMITMENT)
    async with asyncio.timeout(20):
        while not bench.triton.loaded:  # noqa: ASYNC110
            await asyncio.sleep(0)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_a_mistake_while_looking_does_not_end_the_watch(bench, monkeypatch, caplog):
    monkeypatch.setattr(held_models, "LOOK", 0.0)
    looked = 0

    async def mistaken():
        nonlocal looked
        looked += 1
        raise ZeroDivisionError

    monkeypatch.setattr(bench.models, "look", mistaken)
    watch = asyncio.create_task(bench.models.watch())
    async with asyncio.timeout(20):
        while looked < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_not_held_cannot_be_activated(bench):
    with pytest.raises(Refused) as refused:
        await bench.models.activate(bytes(32))
    assert refused.value.code == "not-held"


async def test_one_file_with_two_interfaces_is_two_models_and_forgotten_with_the_last(bench):
    other, _ = onnx_models.reference_of(MODEL, task="regression")
    await bench.deliver()
    assert await bench.load(other) == Loaded(id=1, commitment=other.commitment)
    assert len(bench.states()) == 2
    await bench.models.unload(COMMITMENT, forget=True)
    assert bench.files() == [".onnx"]
    await bench.models.unload(other.commitment, forget=True)
    assert bench.files() == []


@pytest.mark.parametrize("cut", [0, 1, 100, len(MODEL) - 1])
async def test_a_delivery_goes_on_where_it_was_after_a_restart_at_any_point(bench, cut):
    assert await bench.load() == Wanted(id=1, offset=0)
    if cut:
        assert await bench.chunk(0, MODEL[:cut]) == Wanted(id=2, offset=cut)
    bench.restart()
    with pytest.raises(Unavailable, match="announce"):
        await bench.chunk(cut, MODEL[cut:])
    assert await bench.load() == Wanted(id=1, offset=cut)
    assert await bench.chunk(cut, MODEL[cut:]) == Loaded(id=2, commitment=COMMITMENT)


async def test_a_file_that_was_whole_when_the_node_was_killed_is_taken_in_at_the_next_announcement(bench):
    await bench.load()
    bench.spool.append(REFERENCE.digest, 0, MODEL)
    bench.restart()
    assert await bench.load() == Loaded(id=1, commitment=COMMITMENT)


async def test_a_corrupted_file_is_thrown_away_and_asked_for_again_from_the_start(bench):
    await bench.load()
    broken = bytearray(MODEL)
    broken[50] ^= 1
    with pytest.raises(Unavailable) as refused:
        await bench.chunk(0, bytes(broken))
    assert refused.value.code == "digest-mismatch"
    assert bench.files() == []
    assert await bench.load() == Wanted(id=1, offset=0)
    assert await bench.chunk(0, MODEL) == Loaded(id=2, commitment=COMMITMENT)


async def test_bytes_out_of_place_are_not_taken(bench):
    await bench.load()
    await bench.chunk(0, MODEL[:10])
    for offset in (0, 5, 11):
        with pytest.raises(Unavailable) as refused:
            await bench.chunk(offset, MODEL[offset : offset + 3])
        assert refused.value.code == "out-of-place"
    assert await bench.load() == Wanted(id=1, offset=10)


async def test_more_bytes_than_announced_are_refused(bench):
    await bench.load()
    with pytest.raises(Refused, match="more bytes"):
        await bench.chunk(0, MODEL + b"x")
    with pytest.raises(Refused, match="more bytes"):
        await bench.chunk(len(MODEL), b"x")


async def test_a_size_beyond_the_limit_is_refused_before_anything_is_sent(bench):
    with pytest.raises(TooLarge):
        await bench.load(size=LIMITS.file_bytes + 1)
    assert bench.files() == []


async def test_a_disk_without_room_is_not_begun_on(bench):
    bench.spool._free = 2**60
    with pytest.raises(Unavailable) as refused:
        await bench.load()
    assert refused.value.code == "disk-full"


async def test_a_file_that_the_nodes_own_validation_refuses_is_not_kept(bench, monkeypatch):
    async def refuse(path):
        return Report(digest=REFERENCE.digest, size=1, findings=(finding("bomb", "too large once unpacked"),))

    monkeypatch.setattr(held_models, "validate", refuse)
    with pytest.raises(Refused, match="own validation") as refused:
        await bench.deliver()
    assert refused.value.code == "bomb"
    assert bench.files() == []
    assert bench.states() == {}


async def test_an_interface_that_is_not_the_graphs_is_refused(bench):
    wrong, _ = onnx_models.reference_of(onnx_models.affine(columns=9).SerializeToString())
    wrong = ModelReference(REFERENCE.digest, wrong.interface)
    with pytest.raises(Refused) as refused:
        await bench.deliver(MODEL, wrong)
    assert refused.value.code == "wrong-interface"
    assert bench.files() == []


async def test_a_delivery_that_was_given_up_long_ago_is_cleared_away_at_a_start(bench):
    await bench.load()
    await bench.chunk(0, MODEL[:10])
    bench.restart()
    assert bench.files() == [".part"]
    os.utime(bench.spool._part(REFERENCE.digest), (0, 0))
    bench.restart()
    assert bench.files() == []


async def test_announcements_that_are_never_followed_are_bounded(bench, monkeypatch):
    monkeypatch.setattr("node.receiving.MAX_DELIVERIES", 3)
    for i in range(10):
        reference = ModelReference(bytes([i]) * 32, REFERENCE.interface)
        await bench.load(reference)
    assert len(bench.receiving._announced) == 3


async def test_too_many_models_are_not_taken(bench, monkeypatch):
    monkeypatch.setattr(held_models, "MAX_MODELS", 0)
    with pytest.raises(Unavailable) as refused:
        await bench.load()
    assert refused.value.code == "too-many-models"


async def test_the_real_examination_accepts_a_sound_file_and_refuses_a_broken_one(tmp_path):
    bench = Bench(tmp_path)
    try:
        assert await bench.deliver() == Loaded(id=2, commitment=COMMITMENT)
        broken = MODEL[:-20]
        reference = ModelReference(sha256(broken), REFERENCE.interface)
        with pytest.raises(Refused, match="own validation"):
            await bench.deliver(broken, reference)
        assert bench.files() == [".onnx"]
    finally:
        bench.journal.close()
