"""What node tests are made of: an interface, a Triton that is a plain object, and nodes over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assay.digest import sha256
from assay.errors import Unavailable
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from assay.tensor import Tensor
from inference.validation import Ports
from node.config import Config, LimitSettings, MarketplaceSettings
from node.daemon import Daemon, running
from node.home import Home
from node.journal import Journal, Model
from wire.client import Peer
from wire.deadline import in_seconds
from wire.messages import Submit

INTERFACE = Interface(
    task="other",
    inputs=(Port("x", "FP32", (-1, 4)),),
    outputs=(Port("y", "FP32", (-1, 4)),),
    labels=(),
    preprocessing=NoPreprocessing(),
)
REFERENCE = ModelReference(sha256(b"a model that only a plain object serves"), INTERFACE)
HELD = Model(REFERENCE, Ports(INTERFACE.inputs, INTERFACE.outputs), "alice/affine", wanted=True)
TARGET = "model:alice/affine@1"


class PlainTriton:
    """Speaks as `inference.triton.Triton` does; y = 2x + 1. `gate` holds answers back, `problem` replaces them."""

    def __init__(self, address: str = "") -> None:
        self.loaded: set[str] = set()
        self.is_live = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.problem: Exception | None = None
        self.inferred = 0
        self.asked = asyncio.Event()

    async def live(self) -> bool:
        return self.is_live

    async def ready(self, name: str) -> bool:
        return self.is_live and name in self.loaded

    async def load(self, name: str, deadline: float) -> None:
        if not self.is_live:
            raise Unavailable("Triton cannot be reached", code="unreachable")
        if self.problem is not None:
            raise self.problem
        self.loaded.add(name)

    async def unload(self, name: str, deadline: float | None = None) -> None:
        if not self.is_live:
            raise Unavailable("Triton cannot be reached", code="unreachable")
        self.loaded.discard(name)

    async def infer(self, name, inputs, outputs, deadline):
        self.inferred += 1
        self.asked.set()
        async with asyncio.timeout(max(0, deadline - time.monotonic())):
            await self.gate.wait()
        if self.problem is not None:
            raise self.problem
        return (Tensor.of("y", 2 * inputs[0].array() + 1),)

    async def close(self) -> None:
        self.is_live = False


def submit(*, request=None, rows=1, value=1.0, seconds=60.0, **changes) -> Submit:
    fields = {
        "id": 0,
        "request": request or uuid7().bytes,
        "target": TARGET,
        "commitment": REFERENCE.commitment,
        "inputs": (Tensor.of("x", np.full((rows, 4), value, "f4")),),
        "salt": bytes(32),
        "deadline": in_seconds(seconds),
    }
    return Submit(**(fields | changes))


@dataclass
class Owner:
    """An owner's machine: a home with a key, a Triton, and the marketplace's key that may ask."""

    root: Path
    marketplace: PrivateKey = field(default_factory=PrivateKey.generate)
    triton: PlainTriton = field(default_factory=PlainTriton)
    peers: list[Peer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = Home(self.root)
        config = Config(
            name="alice-1",
            listen="127.0.0.1:0",
            marketplace=MarketplaceSettings(keys=(str(self.marketplace.public),)),
            limits=LimitSettings(free_disk=0, drain_seconds=20),
        )
        self.key = self.home.create(config)

    def hold(self, model: Model = HELD) -> None:
        """Puts a model into the journal, as if it had been delivered and activated."""
        journal = Journal(self.home.journal)
        journal.keep(model)
        journal.close()
        self.triton.loaded.add(model.reference.commitment.hex())

    @asynccontextmanager
    async def running(self, connect=None) -> AsyncIterator[Daemon]:
        self.triton.is_live = True
        async with running(
            self.home, self.home.load_config(), self.home.load_key(), connect or (lambda _: self.triton)
        ) as daemon:
            await daemon._models.look()
            yield daemon
            await self.hang_up()

    def peer(self, daemon: Daemon, identity: PrivateKey | None = None) -> Peer:
        peer = Peer(daemon.server.address, self.key.public, identity or self.marketplace)
        self.peers.append(peer)
        return peer

    async def hang_up(self) -> None:
        for peer in self.peers:
            await peer.close()
        self.peers.clear()
