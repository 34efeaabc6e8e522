"""The `Nodes` port over real connections: shared, replaced when a node moves, told when nobody waits any more."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from assay.digest import sha256
from assay.errors import Refused, Unavailable
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from assay.tensor import Tensor
from verification.direct import DirectParams
from verification.mode import Job, Provider, Target
from verification.nodes import PeerNodes
from wire.deadline import in_seconds
from wire.messages import Cancel, Done, Result, Submit
from wire.server import serve

NODE, MARKETPLACE = PrivateKey.generate(), PrivateKey.generate()
PORT = Port("x", "FP32", (-1, 2))
MODEL = ModelReference(sha256(b"m"), Interface("other", (PORT,), (PORT,), (), NoPreprocessing()))


class Node:
    def __init__(self):
        self.seen = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.told = asyncio.Event()

    async def __call__(self, peer, request):
        self.seen.append(request)
        match request:
            case Submit():
                self.asked.set()
                await self.gate.wait()
                return Result(id=request.id, certificate=b"certificate of " + request.request)
            case Cancel():
                self.told.set()
        return Done(id=request.id)


@pytest.fixture
async def nodes():
    nodes = PeerNodes(MARKETPLACE)
    yield nodes
    await nodes.close()


@pytest.fixture
async def start():
    servers = []

    async def start(node, port=0):
        server = await serve("127.0.0.1", port, NODE, MARKETPLACE.public.__eq__, node)
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


def provider(server) -> Provider:
    return Provider(NODE.public, server.address, MODEL)


def job() -> Job[DirectParams]:
    return Job(
        request=uuid7().bytes,
        target=Target("model:alice/m@1", ()),
        params=DirectParams(),
        inputs=(Tensor.of("x", np.ones((1, 2), "f4")),),
        salt=bytes(32),
        deadline=in_seconds(30),
    )


async def test_what_is_asked_arrives_as_it_was_asked(nodes, start):
    node = Node()
    server, asked = await start(node), job()
    assert await nodes.submit(provider(server), asked) == b"certificate of " + asked.request
    (seen,) = node.seen
    assert (seen.request, seen.target, seen.commitment) == (asked.request, asked.target.name, MODEL.commitment)
    assert (seen.inputs, seen.salt, seen.deadline) == (asked.inputs, asked.salt, asked.deadline)


async def test_all_jobs_share_one_connection_per_node(nodes, start):
    server = await start(Node())
    await asyncio.gather(*(nodes.submit(provider(server), job()) for _ in range(50)))
    assert server.connections == 1


async def test_a_node_that_moved_is_found_at_its_new_address(nodes, start):
    old, new = await start(Node()), await start(Node())
    await nodes.submit(provider(old), job())
    await nodes.submit(provider(new), job())
    assert new.connections == 1
    async with asyncio.timeout(20):
        while old.connections:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_another_node_at_the_address_is_unavailable(nodes, start):
    server = await start(Node())
    impostor = Provider(PrivateKey.generate().public, server.address, MODEL)
    with pytest.raises(Unavailable) as refused:
        await nodes.submit(impostor, job())
    assert refused.value.code == "wrong-peer"


async def test_a_node_is_told_when_nobody_waits_for_its_answer_any_more(nodes, start):
    node = Node()
    node.gate.clear()
    server, asked = await start(node), job()
    task = asyncio.create_task(nodes.submit(provider(server), asked))
    await node.asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(node.told.wait(), 20)
    assert node.seen[-1].request == asked.request
    node.gate.set()


async def test_a_name_that_leads_inside_by_the_time_of_connecting_is_not_connected_to(start):
    node, leads = Node(), "127.0.0.1"
    server = await start(node)
    port = server.address.rpartition(":")[2]

    async def resolve(address):
        assert address == f"node.example.org:{port}"
        if leads == "10.0.0.7":
            raise Refused("not a public address", code="private-address")
        return f"{leads}:{port}"

    nodes = PeerNodes(MARKETPLACE, resolve)
    provider = Provider(NODE.public, f"node.example.org:{port}", MODEL)
    assert await nodes.submit(provider, job())
    leads = "10.0.0.7"  # the name's owner changes what it says, and the connection is lost
    await server.close()
    code = "connection-lost"
    async with asyncio.timeout(20):
        while code == "connection-lost":
            with pytest.raises(Unavailable) as refused:
                await nodes.submit(provider, job())
            code = refused.value.code
    assert code == "private-address"
    await nodes.close()
