"""A group of real nodes on this machine, over Tritons that are plain objects, and a marketplace that asks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest

from assay import cbor
from assay.agreement.group import FORMAT, NO_PREVIOUS, Configuration, Epoch, Labels, Member, Signed
from assay.digest import Tag, sha256
from assay.errors import Unavailable
from assay.fields import plain
from assay.ids import uuid7
from assay.keys import PrivateKey, PublicKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from assay.tensor import Tensor
from consensus.messages import Successor
from inference.validation import Ports
from node.daemon import Daemon
from node.epochs import Chain, chain_in, document, standing
from node.journal import Model
from tests.node.worlds import Owner, PlainTriton
from verification.agreement import Agreement, AgreementParams
from verification.groups import PeerGroups
from verification.mode import Certified, Contested, End, Job, Provider, Target
from wire.deadline import in_seconds, now_ms
from wire.messages import Adopt, Form, Reform

LABELS = ("zero", "one", "two")
INPUTS = (Port("x", "FP32", (-1, 4)),)
NAMES = ("asha", "bruno", "chidi", "dana")


def model(name: str) -> ModelReference:
    outputs = (Port("label", "INT64", (-1,)),)
    interface = Interface("classification", INPUTS, outputs, LABELS, NoPreprocessing())
    return ModelReference(sha256(name.encode()), interface)


def held(name: str) -> Model:
    return Model(model(name), Ports(INPUTS, model(name).interface.outputs), f"{name}/letters", wanted=True)


class LabellingTriton(PlainTriton):
    """Labels a row with its first value, plus what this model is off by."""

    def __init__(self) -> None:
        super().__init__()
        self.off: dict[str, int] = {}

    async def infer(self, name, inputs, outputs, deadline):
        if not self.is_live:
            raise Unavailable("Triton cannot be reached", code="unreachable")
        self.inferred += 1
        return (Tensor.of("label", (inputs[0].array()[:, 0].astype(np.int64) + self.off.get(name, 0)) % 3),)


class OnlyGroups:
    """What a mode may use; groups only."""

    def __init__(self, groups: PeerGroups) -> None:
        self.groups = groups
        self.nodes = None
        self.clock = self

    def now_ms(self) -> int:
        return now_ms()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def cancelled(self) -> bool:
        return False


@dataclass
class World:
    """Four owners, their nodes, a marketplace that asks."""

    owners: list[Owner]
    marketplace: PrivateKey
    groups: PeerGroups
    daemons: dict[int, Daemon] = field(default_factory=dict)
    running: dict[int, AsyncExitStack] = field(default_factory=dict)

    async def start(self, *which: int) -> None:
        for i in which:
            stack = AsyncExitStack()
            self.daemons[i] = await stack.enter_async_context(self.owners[i].running())
            self.running[i] = stack

    async def stop(self, *which: int) -> None:
        for i in which:
            await self.running.pop(i).aclose()
            del self.daemons[i]

    def epoch(self, **changes) -> Epoch:
        members = tuple(
            Member(name, owner.key.public.raw, self.daemons[i].server.address, model(name))
            for i, (name, owner) in enumerate(zip(NAMES, self.owners, strict=True))
        )
        configuration = Configuration(
            **{
                "format": FORMAT,
                "slug": "letters",
                "epoch": 0,
                "previous": NO_PREVIOUS,
                "members": members,
                "inputs": INPUTS,
                "answer": Labels(LABELS),
                "aggregator": "plurality",
                "grace": 150,
                "horizon": 600_000,
                "copy_resistant": False,
                **changes,
            }
        )
        consents = tuple(owner.key.sign(Tag.GROUP, configuration.digest) for owner in self.owners)
        return Epoch(configuration, consents, ())

    async def tell(self, i: int, message: Form | Reform | Adopt, *, owner: bool = False) -> None:
        """In the marketplace's name or the owner's own."""
        identity = self.owners[i].key if owner else None
        await self.owners[i].peer(self.daemons[i], identity).request(message, in_seconds(20))

    async def form(self, group: Epoch | Chain, *which: int) -> None:
        """Tells these nodes, or all members' that run, which epochs there are, and where members are now."""
        chain = chain_of(group)
        at, members = self._at(), chain[-1].configuration.members
        addresses = tuple(at.get(member.key, member.address) for member in members)
        keys = {member.key for member in members}
        for i in which or [i for i in self.daemons if self.owners[i].key.public.raw in keys]:
            await self.tell(i, Form(0, tuple(map(document, chain)), addresses))

    async def settle(self, name: str, root: Path) -> int:
        """Another owner with a node that runs; the number of it."""
        owner = Owner(root, self.marketplace, LabellingTriton())
        owner.hold(
            Model(model(name), Ports(INPUTS, model(name).interface.outputs), f"{name}/letters", wanted=True)
        )
        self.owners.append(owner)
        await self.start(len(self.owners) - 1)
        return len(self.owners) - 1

    def member(self, name: str, i: int) -> Member:
        """As it stands in a configuration."""
        return Member(name, self.owners[i].key.public.raw, self.daemons[i].server.address, model(name))

    async def reform(self, group: Epoch, what: Successor, *which: int) -> None:
        for i in which:
            await self.tell(i, Reform(0, group.configuration.digest, cbor.encode(plain(what))))

    async def arrived(self, epoch: int, *which: int) -> Chain:
        """What these nodes keep of their group, once they all say that they are in that epoch."""
        async with asyncio.timeout(20):
            for i in which:
                peer = self.owners[i].peer(self.daemons[i])
                while [each.epoch for each in (await peer.capabilities(in_seconds(10))).groups] != [epoch]:
                    pass
        return self.kept(which[0])

    def kept(self, i: int) -> Chain:
        """What a node's folder holds of its group."""
        (folder,) = standing(self.owners[i].home.groups)
        return chain_in(folder)

    async def ask(self, group: Epoch | Chain, *rows: int, seconds: float = 20.0) -> End:
        return await self.run(self.job(group, *rows, seconds=seconds))

    async def run(self, job: Job[AgreementParams]) -> End:
        return await Agreement().run(job, OnlyGroups(self.groups))

    def job(self, group: Epoch | Chain, *rows: int, seconds: float = 20.0) -> Job[AgreementParams]:
        inputs = (Tensor.of("x", np.repeat(np.array(rows, "f4")[:, None], 4, axis=1)),)
        deadline = in_seconds(seconds)
        return Job(uuid7().bytes, self.target(group), AgreementParams(), inputs, bytes(32), deadline)

    def target(self, group: Epoch | Chain) -> Target:
        at, chain = self._at(), chain_of(group)
        members = [member for member in chain[-1].configuration.members if member.key in at]
        providers = tuple(Provider(PublicKey(each.key), at[each.key], each.model) for each in members)
        return Target("group:letters", providers, chain)

    def _at(self) -> dict[bytes, str]:
        """Where nodes are, by their keys."""
        return {self.owners[i].key.public.raw: daemon.server.address for i, daemon in self.daemons.items()}


def successor(before: Epoch, members: Sequence[Member], keys: Sequence[PrivateKey], **changes) -> Successor:
    """What follows, with the words of all of `keys` that have a place, before or after."""
    configuration = msgspec.structs.replace(
        before.configuration,
        epoch=before.configuration.epoch + 1,
        previous=before.configuration.digest,
        members=tuple(members),
        **changes,
    )
    by_key = {key.public.raw: key.sign(Tag.GROUP, configuration.digest) for key in keys}
    consents = tuple(by_key[member.key] for member in configuration.members)
    present = enumerate(before.configuration.members)
    words = tuple(Signed(i, by_key[member.key]) for i, member in present if member.key in by_key)
    return Successor(configuration, consents, words)


def chain_of(group: Epoch | Chain) -> Chain:
    return (group,) if isinstance(group, Epoch) else group


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    marketplace = PrivateKey.generate()
    owners = [Owner(tmp_path / name, marketplace, LabellingTriton()) for name in NAMES]
    for name, owner in zip(NAMES, owners, strict=True):
        owner.hold(held(name))
    world = World(owners, marketplace, PeerGroups(marketplace))
    await world.start(0, 1, 2, 3)
    yield world
    await world.groups.close()
    await world.stop(*list(world.running))


@pytest.fixture
async def group(world: World) -> Epoch:
    epoch = world.epoch()
    await world.form(epoch)
    return epoch


def said(end: End) -> tuple:
    assert isinstance(end, Certified | Contested)
    return end.certificate.evidence.ended.said


def answer(end: End) -> list[int]:
    assert isinstance(end, Certified), end
    return end.certificate.statement.outputs[0].array().tolist()
