"""A real server and real clients over TLS on the loopback, under both event loops that Assay runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import uvloop

from assay.keys import PrivateKey, PublicKey
from assay.tensor import Tensor
from wire.channel import Channel
from wire.client import Peer
from wire.line import Line
from wire.messages import Answer, Capabilities, Capable, Done, Health, Healthy, Limits, Request, Result, Submit
from wire.server import OPENING, Server, serve


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


async def answer(peer: PublicKey, request: Request) -> Answer:
    """A node that answers a submit with the request id in place of a certificate."""
    match request:
        case Submit():
            return Result(id=request.id, certificate=request.request)
        case Health():
            return Healthy(id=request.id, serving=True, detail="", in_flight=0, answered=0)
        case Capabilities():
            return Capable(id=request.id, software="test", roles=(), models=(), draining=False)
        case _:
            return Done(id=request.id)


async def until(condition: Callable[[], bool]) -> None:
    """Lets everything else go on until `condition` holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  (what is waited for belongs to the code under test)
            await asyncio.sleep(0)


@dataclass
class World:
    """One node's key, one marketplace's key, and what has been started between them."""

    node: PrivateKey = field(default_factory=PrivateKey.generate)
    marketplace: PrivateKey = field(default_factory=PrivateKey.generate)
    started: list[Server | Peer | Channel | Line] = field(default_factory=list)

    async def serve(
        self,
        handler: Callable[[PublicKey, Request], Awaitable[Answer]] = answer,
        limits: Limits | None = None,
        opening: float = OPENING,
        port: int = 0,
    ) -> Server:
        allowed = self.marketplace.public.__eq__
        server = await serve("127.0.0.1", port, self.node, allowed, handler, limits=limits, opening=opening)
        self.started.append(server)
        return server

    def peer(self, address: str, **options) -> Peer:
        peer = Peer(
            address,
            options.pop("expected", self.node.public),
            options.pop("identity", self.marketplace),
            **options,
        )
        self.started.append(peer)
        return peer

    until = staticmethod(until)

    async def close(self) -> None:
        for started in reversed(self.started):
            await started.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


@pytest.fixture
def submit() -> Callable[..., Submit]:
    def make(number: int = 0, rows: int = 1, deadline: int = 2**47) -> Submit:
        return Submit(
            id=0,
            request=number.to_bytes(16, "big"),
            target="model:alice/digits@1",
            commitment=bytes(32),
            inputs=(Tensor.of("image", np.zeros((rows, 64), "f4")),),
            salt=bytes(32),
            deadline=deadline,
        )

    return make
