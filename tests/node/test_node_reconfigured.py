"""Nodes in a group whose epochs change: members are replaced, come, are away, are killed, change their keys."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assay.agreement.group import Epoch
from assay.agreement.votes import Answered
from consensus.messages import Successor
from node.epochs import Chain
from tests.node.group_world import World, answer, model, said, successor
from wire.deadline import in_seconds

ASHA, BRUNO, CHIDI, DANA, EVE = range(5)


async def replacing(world: World, group: Epoch, tmp_path) -> Successor:
    """Eve comes in the place of Dana."""
    eve = await world.settle("eve", tmp_path / "eve")
    members = (*group.configuration.members[:3], world.member("eve", eve))
    return successor(group, members, [owner.key for owner in world.owners])


class Load:
    """Requests, one after the other, of several who ask as of `chain`, and go on as of the next when told so."""

    def __init__(self, world: World, chain: Chain) -> None:
        self.world, self.chain = world, chain
        self.answered = 0
        self._ended = False
        self._changed = asyncio.Event()

    def follow(self, chain: Chain) -> None:
        self.chain = chain
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def ask(self, value: int) -> None:
        """Each request is certified, and asked again with the same id where the epoch has changed meanwhile."""
        while not self._ended:
            job = self.world.job(self.chain, value)
            while not (ending := await self._asked(job)):
                job = dataclasses.replace(job, target=self.world.target(self.chain))
            assert answer(ending.result()) == [value]
            self.answered += 1

    async def _asked(self, job) -> asyncio.Task | None:
        ending, changed = asyncio.create_task(self.world.run(job)), asyncio.create_task(self._changed.wait())
        done, _ = await asyncio.wait([ending, changed], return_when=asyncio.FIRST_COMPLETED)
        for task in {ending, changed} - done:
            task.cancel()
        return ending if ending in done else None

    async def more(self) -> None:
        """Once some more have been answered."""
        before = self.answered
        async with asyncio.timeout(20):
            while self.answered == before:
                await self.world.ask(self.chain, 1)

    def end(self) -> None:
        self._ended = True


@asynccontextmanager
async def load(world: World, group: Epoch) -> AsyncIterator[Load]:
    load = Load(world, (group,))
    async with asyncio.TaskGroup() as asking:
        for i in range(3):
            asking.create_task(load.ask(i))
        yield load
        load.end()


async def left(world: World, i: int) -> None:
    """Once that node says that it is in no group any more."""
    peer = world.owners[i].peer(world.daemons[i])
    async with asyncio.timeout(20):
        while (await peer.capabilities(in_seconds(10))).groups:
            pass


async def votes(world: World, chain: Chain, place: int) -> Answered:
    """Once the member at that place votes."""
    async with asyncio.timeout(20):
        while not isinstance(vote := said(await world.ask(chain, 1))[place], Answered):
            pass
    return vote


async def test_a_member_is_replaced_under_load_and_no_request_is_lost(world, group, tmp_path) -> None:
    what = await replacing(world, group, tmp_path)
    async with load(world, group) as asking:
        await asking.more()
        await world.reform(group, what, ASHA)
        chain = await world.arrived(1, ASHA, BRUNO, CHIDI)
        asking.follow(chain)
        await world.form(chain, EVE)
        await world.arrived(1, EVE)
        assert (await votes(world, chain, 3)).model == model("eve").commitment
        await asking.more()
    assert [each.configuration for each in chain] == [group.configuration, what.configuration]
    await left(world, DANA)
    assert [each.configuration for each in world.kept(DANA)] == [each.configuration for each in chain]
