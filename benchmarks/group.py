"""Four owners for a benchmark: a Triton and a node each, as processes of their own, and no marketplace.

The benchmark itself delivers models, forms groups and asks them, as a marketplace's dispatch worker would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from assay import cbor
from assay.agreement.group import FORMAT, NO_PREVIOUS, Configuration, Epoch, Labels, Member
from assay.digest import Tag
from assay.fields import plain
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference
from benchmarks.figures import FOLDER
from node.home import Home
from stack import services
from stack.manager import Manager
from stack.ports import free_ports
from stack.process import Service
from stack.testing import running
from stack.tree import Tree
from wire.client import Peer
from wire.deadline import in_seconds
from wire.delivery import deliver
from wire.messages import Form

NAMES = ("asha", "bruno", "chidi", "dana")
GRACE, HORIZON = 250, 600_000  # ms


@dataclass
class Owners:
    """Who runs, and the key that may ask them."""

    client: PrivateKey
    owners: list[services.Owner]
    manager: Manager
    folder: Path
    peers: list[Peer] = field(default_factory=list)

    @property
    def tritons(self) -> list[str]:
        return [f"127.0.0.1:{owner.triton_port}" for owner in self.owners]

    def processes(self, part: str, which: Sequence[int] = range(4)) -> list[psutil.Process]:
        """Of `node` or `triton` of these owners, with their children."""
        found = []
        for process in psutil.Process().children(recursive=True):
            line = " ".join(process.cmdline())
            if part in line and any(str(self.owners[i].home) in line for i in which):
                found.append(process)
        return found

    async def serve(self, content: bytes, interface: Interface) -> ModelReference:
        """Has every owner serve a model."""
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}.onnx"
        path.write_bytes(content)
        reference = ModelReference(hashlib.sha256(content).digest(), interface)
        for peer in self.peers:
            await deliver(peer, path, reference, path.stem[:16])
            await peer.activate(reference.commitment, in_seconds(120))
        return reference

    async def form(self, slug: str, reference: ModelReference, *, copy_resistant: bool = False) -> Epoch:
        """A group in which all four begin with the same model: it costs them the same."""
        keys = [Home(owner.home).load_key() for owner in self.owners]
        members = tuple(
            Member(owner.slug, key.public.raw, f"127.0.0.1:{owner.port}", reference)
            for owner, key in zip(self.owners, keys, strict=True)
        )
        configuration = Configuration(
            format=FORMAT,
            slug=slug,
            epoch=0,
            previous=NO_PREVIOUS,
            members=members,
            inputs=reference.interface.inputs,
            answer=Labels(reference.interface.labels),
            aggregator="plurality",
            grace=GRACE,
            horizon=HORIZON,
            copy_resistant=copy_resistant,
        )
        epoch = Epoch(configuration, tuple(key.sign(Tag.GROUP, configuration.digest) for key in keys), ())
        for peer in self.peers:
            await peer.request(Form(0, (cbor.encode(plain(epoch)),)), in_seconds(60))
        return epoch

    def connect(self) -> None:
        """In the event loop that asks."""
        self.peers = [
            Peer(f"127.0.0.1:{owner.port}", Home(owner.home).load_key().public, self.client)
            for owner in self.owners
        ]

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()


@contextmanager
def owners() -> Iterator[Owners]:
    """Four owners that run inside the block."""
    tree = Tree(FOLDER / "agreement")
    key = tree.key("dispatch")
    if not key.exists():
        PrivateKey.generate().save(key)
    place = services.Marketplace(tree, 1, "", "")
    ports = free_ports(2 * len(NAMES))
    every = [
        services.Owner(name, tree.folder("nodes", name, mode=0o700), port=ports[i], triton_port=ports[-1 - i])
        for i, name in enumerate(NAMES)
    ]
    everything: list[Service] = [service for owner in every for service in owner.services(place)]
    with running(everything, tree) as manager:
        yield Owners(PrivateKey.load(key), every, manager, tree.folder("models"))
