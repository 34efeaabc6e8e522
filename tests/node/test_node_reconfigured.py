"""Nodes in a group whose epochs change: members are replaced, come, are away, are killed, change their keys."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from assay.agreement.group import Approved, Epoch
from assay.agreement.votes import Answered
from assay.digest import Tag
from assay.errors import Refused
from consensus import storage
from consensus.messages import Successor
from node import epochs, home, member, members
from node.commands.rotate_key import replace_key
from node.epochs import Chain, chain_in, document, standing
from node.member import LOG
from tests.node.group_world import World, answer, model, said, successor
from wire.deadline import in_seconds
from wire.messages import Follow, Form, Reform

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


async def test_a_node_that_was_away_is_handed_the_epoch_by_the_others_and_follows(world, group, tmp_path) -> None:
    what = await replacing(world, group, tmp_path)
    await world.ask(group, 1)
    await world.stop(CHIDI)
    await world.reform(group, what, ASHA)
    chain = await world.arrived(1, ASHA, BRUNO)
    await world.form(chain, ASHA, BRUNO, EVE)
    assert answer(await world.ask(chain, 2)) == [2]
    await world.start(CHIDI)
    await world.form(group, ASHA, BRUNO, EVE)  # where it is now
    await world.arrived(1, CHIDI)
    assert await votes(world, chain, 2)
    assert world.kept(CHIDI)[1].configuration == what.configuration


async def test_a_node_that_was_replaced_while_it_was_away_is_told_so_and_stays_out(world, group, tmp_path) -> None:
    what = await replacing(world, group, tmp_path)
    await world.stop(DANA)
    await world.reform(group, what, ASHA)
    chain = await world.arrived(1, ASHA, BRUNO, CHIDI)
    await world.start(DANA)
    await world.tell(DANA, Form(0, tuple(map(document, chain))))
    await left(world, DANA)
    await world.stop(DANA)
    await world.start(DANA)
    await left(world, DANA)
    (folder,) = standing(world.owners[DANA].home.groups)
    assert (folder / LOG).stat().st_size, "what it has signed can still be looked at"
    with pytest.raises(Refused, match="none of the members'"):
        await world.tell(DANA, Form(0, (document(group),)))


async def test_killed_at_any_line_of_the_change_it_goes_on_in_the_next_epoch(world, group, tmp_path) -> None:
    """What its disk holds at a line is all that the next process has; nothing has been said in that epoch yet."""
    what = await replacing(world, group, tmp_path)
    (folder,) = standing(world.owners[BRUNO].home.groups)
    with moments_of(folder, tmp_path / "moments") as moments:
        await world.reform(group, what, ASHA)
        chain = await world.arrived(1, ASHA, BRUNO, CHIDI)
    known = set()
    for moment in moments:
        await world.stop(BRUNO)
        shutil.rmtree(folder)
        shutil.copytree(moment, folder)
        known.add(len(chain_in(folder)))
        await world.start(BRUNO)
        await world.form(chain, ASHA, CHIDI)  # where it is now
        await world.arrived(1, BRUNO)
    assert known == {1, 2}
    await world.form(chain)
    assert await votes(world, chain, 1)


@contextmanager
def moments_of(folder: Path, to: Path) -> Iterator[list[Path]]:
    """Copies of `folder`, as it was at each line at which the code that changes it found it changed."""
    watched = {module.__file__ for module in (epochs, home, member, members, storage)}
    moments: list[Path] = []
    seen = set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in watched:
            return None
        state = tuple((path.name, path.stat().st_size) for path in sorted(folder.iterdir()))
        if event == "line" and state not in seen:
            seen.add(state)
            moments.append(to / str(len(moments)))
            shutil.copytree(folder, moments[-1])
        return trace

    sys.settrace(trace)
    try:
        yield moments
    finally:
        sys.settrace(None)


async def test_a_key_is_rotated_and_the_node_goes_on_in_its_place_with_the_same_log(world, group) -> None:
    await world.ask(group, 1)
    bruno, old = world.owners[BRUNO], world.owners[BRUNO].key
    await world.stop(BRUNO)
    replace_key(bruno.home)
    bruno.key = bruno.home.load_key()
    await world.start(BRUNO)
    await left(world, BRUNO)
    first, mine, *others = group.configuration.members
    rotated = msgspec.structs.replace(mine, key=bruno.key.public.raw, address=world.daemons[BRUNO].server.address)
    what = successor(group, [first, rotated, *others], [*(owner.key for owner in world.owners), old])
    await world.reform(group, what, ASHA)
    chain = await world.arrived(1, ASHA, CHIDI, DANA)
    await world.form(chain)
    await world.arrived(1, BRUNO)
    assert (await votes(world, chain, 1)).model == model("bruno").commitment


async def test_a_chain_that_contradicts_what_is_known_is_refused(world, group) -> None:
    """A quorum that approves two epochs after one is what a node cannot heal; it stays with what it knows."""
    keys, members = [owner.key for owner in world.owners], group.configuration.members
    await world.reform(group, successor(group, members, keys, grace=200), ASHA)
    chain = await world.arrived(1, ASHA, BRUNO, CHIDI, DANA)
    other = approved(group, successor(group, members, keys, grace=300), keys, chain[1])
    with pytest.raises(Refused) as refused:
        await world.tell(ASHA, Form(0, (document(group), document(other))))
    assert refused.value.code == "wrong-epoch"
    half = approved(chain[1], successor(chain[1], members, keys), keys[:2], chain[1], group)
    with pytest.raises(Refused, match="too few members"):
        await world.tell(ASHA, Form(0, tuple(map(document, (*chain, half)))))
    await world.form(group)  # what it knows already, and less
    assert world.kept(ASHA) == chain
    assert answer(await world.ask(chain, 1)) == [1]


def approved(before: Epoch, what: Successor, keys, last: Epoch, genesis: Epoch | None = None) -> Epoch:
    """An epoch for which these keys have said that it follows where `last` did, or one entry later."""
    number, entry = last.last + (genesis is not None), last.approvals[0].entry
    group = (genesis or before).configuration.digest
    signed = Approved.signed(group, what.digest, number, entry)
    words = [Approved(i, number, entry, key.sign(Tag.GROUP_APPROVAL, signed)) for i, key in enumerate(keys)]
    return Epoch(what.configuration, what.consents, tuple(words))


async def test_what_too_few_owners_have_signed_is_not_handed_on(world, group) -> None:
    keys, members = [owner.key for owner in world.owners], group.configuration.members
    what = successor(group, members, keys, grace=200)
    few = msgspec.structs.replace(what, words=what.words[:2])
    nobody = msgspec.structs.replace(what, consents=(*what.consents[:3], what.consents[0]))
    for wrong in (few, nobody):
        with pytest.raises(Refused, match="not all who must"):
            await world.reform(group, wrong, ASHA)
    with pytest.raises(Refused, match="not of the next epoch"):
        await world.reform(group, successor(Epoch(what.configuration, what.consents, ()), members, keys), ASHA)
    with pytest.raises(Refused, match="not a successor"):
        await world.tell(ASHA, Reform(0, group.configuration.digest, b"junk"))
    await world.ask(group, 1)
    assert [each.epoch for each in world.daemons[ASHA]._members.all()] == [0]
    await world.reform(group, what, BRUNO, BRUNO)
    await world.arrived(1, ASHA, BRUNO)
    await world.reform(group, what, BRUNO)  # which is so already


async def test_whoever_asks_a_node_is_told_in_which_epochs_its_group_has_been(world, group, tmp_path) -> None:
    genesis, what = group.configuration.digest, await replacing(world, group, tmp_path)
    assert await followed(world, ASHA, genesis) == (document(group),)
    await world.reform(group, what, ASHA)
    chain = await world.arrived(1, ASHA, BRUNO, CHIDI)
    await left(world, DANA)
    for i in (ASHA, DANA):  # who has left knows why
        assert await followed(world, i, genesis) == tuple(map(document, world.kept(i)))
        assert await followed(world, i, genesis, since=1) == (document(world.kept(i)[1]),)
    assert await followed(world, ASHA, genesis, since=len(chain)) == ()
    with pytest.raises(Refused, match="no such group"):
        await followed(world, ASHA, bytes(32))


async def followed(world: World, i: int, genesis: bytes, since: int = 0) -> tuple[bytes, ...]:
    peer = world.owners[i].peer(world.daemons[i])
    return (await peer.request(Follow(0, genesis, since), in_seconds(10))).epochs
