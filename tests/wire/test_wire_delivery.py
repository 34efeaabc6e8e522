"""A model file on its way to a node: whole, resumed, refused; and nodes that lie about how much they have."""

from __future__ import annotations

import hashlib

import pytest

from assay.errors import Refused, Unavailable
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from wire.delivery import deliver
from wire.messages import CHUNK, Chunk, Done, Load, Loaded, Wanted

INTERFACE = Interface(
    task="other",
    inputs=(Port(name="x", datatype="FP32", shape=(-1, 4)),),
    outputs=(Port(name="y", datatype="FP32", shape=(-1, 1)),),
    labels=(),
    preprocessing=NoPreprocessing(),
)
CONTENT = bytes(range(256)) * 12_289  # three chunks and a bit


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("wire.delivery.FIRST_PAUSE", 0.0)
    monkeypatch.setattr("wire.client.FIRST_PAUSE", 0.0)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(CONTENT)
    return path


REFERENCE = ModelReference(digest=hashlib.sha256(CONTENT).digest(), interface=INTERFACE)


class Spool:
    """What a node does with a delivery, without the rest of a node; fails before the chunks named in `fail_at`."""

    def __init__(self, fail_at=()):
        self.held = bytearray()
        self.fail_at = list(fail_at)
        self.log = []

    async def __call__(self, peer, request):
        match request:
            case Load():
                self.log.append(("load", len(self.held)))
            case Chunk():
                if self.fail_at and self.fail_at[0] == request.offset // CHUNK:
                    self.fail_at.pop(0)
                    raise Unavailable("out of breath")
                assert request.offset == len(self.held)
                self.held += request.data
                self.log.append(("chunk", request.offset))
        if len(self.held) == len(CONTENT):
            return Loaded(id=request.id, commitment=REFERENCE.commitment)
        return Wanted(id=request.id, offset=len(self.held))


async def test_a_file_arrives_whole_and_progress_is_told(world, file):
    spool = Spool()
    told = []
    peer = world.peer((await world.serve(spool)).address)
    commitment = await deliver(peer, file, REFERENCE, "alice/digits", lambda *done: told.append(done))
    assert commitment == REFERENCE.commitment
    assert bytes(spool.held) == CONTENT
    size = len(CONTENT)
    assert told == [(0, size), (CHUNK, size), (2 * CHUNK, size), (3 * CHUNK, size), (size, size)]


@pytest.mark.parametrize("boundary", range(4))
async def test_an_interruption_at_any_chunk_boundary_costs_no_chunk_twice(world, file, boundary):
    spool = Spool(fail_at=[boundary, boundary])
    await deliver(world.peer((await world.serve(spool)).address), file, REFERENCE, "m")
    assert bytes(spool.held) == CONTENT
    assert [entry for entry in spool.log if entry[0] == "chunk"] == [("chunk", i * CHUNK) for i in range(4)]
    assert spool.log.count(("load", boundary * CHUNK)) == (3 if boundary == 0 else 2)


async def test_a_node_that_has_it_already_is_sent_nothing(world, file):
    spool = Spool()
    spool.held += CONTENT
    await deliver(world.peer((await world.serve(spool)).address), file, REFERENCE, "m")
    assert spool.log == [("load", len(CONTENT))]


async def test_a_node_that_never_gets_forward_is_given_up(world, file):
    spool = Spool(fail_at=[1] * 100)
    with pytest.raises(Unavailable, match="out of breath"):
        await deliver(world.peer((await world.serve(spool)).address), file, REFERENCE, "m")
    assert len(spool.held) == CHUNK


async def test_a_file_that_is_not_the_one_referred_to_does_not_leave(world, file):
    async def fail(peer, request):
        pytest.fail("reached")

    file.write_bytes(CONTENT + b"x")
    with pytest.raises(Refused) as refused:
        await deliver(world.peer((await world.serve(fail)).address), file, REFERENCE, "m")
    assert refused.value.code == "digest-mismatch"


@pytest.mark.parametrize("offset", [-1, len(CONTENT), 2**40])
async def test_a_node_that_wants_what_is_not_in_the_file_is_refused(world, file, offset):
    async def lie(peer, request):
        return Wanted(id=request.id, offset=offset)

    with pytest.raises(Refused, match="no such place"):
        await deliver(world.peer((await world.serve(lie)).address), file, REFERENCE, "m")


async def test_a_node_that_asks_for_the_same_chunk_for_ever_is_refused(world, file):
    async def lie(peer, request):
        return Wanted(id=request.id, offset=0)

    with pytest.raises(Refused, match="lost its place"):
        await deliver(world.peer((await world.serve(lie)).address), file, REFERENCE, "m")


async def test_a_node_that_takes_it_for_another_model_is_refused(world, file):
    async def lie(peer, request):
        return Loaded(id=request.id, commitment=bytes(32))

    with pytest.raises(Refused, match="another model"):
        await deliver(world.peer((await world.serve(lie)).address), file, REFERENCE, "m")


async def test_an_answer_of_another_kind_is_refused(world, file):
    async def confused(peer, request):
        return Done(id=request.id)

    with pytest.raises(Refused, match="another kind"):
        await deliver(world.peer((await world.serve(confused)).address), file, REFERENCE, "m")
