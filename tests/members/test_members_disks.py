"""Disks of members under load: torn, full, lost, behind. Nobody says what its disk does not hold."""

from __future__ import annotations

import asyncio

import pytest

from consensus.suspecting import PATIENCE
from stack.members.group import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

GAP = (
    3 * PATIENCE / 1000
)  # seconds within which another leader must take over from a silent one, on a busy machine
CUTS = 6


async def test_power_cut_in_the_middle_of_a_write_it_has_what_was_acknowledged_and_goes_on(fire, luck):
    torn = 0
    for _ in range(CUTS):
        victim = luck.choice([fire.leader, *fire.followers])
        sure = fire.members[victim].told.entries
        torn += await fire.cut_power(victim, luck) > 0
        sure = max(sure, fire.members[victim].told.entries)
        await fire.start(victim)
        assert fire.members[victim].told.entries >= sure
        await fire.load.more(10)
    assert torn == CUTS, "each time something was on its way to the disk"


async def test_the_whole_group_without_power_again_and_again_it_contradicts_nothing(fire, luck):
    for _ in range(CUTS // 2):
        ends = [fire.kill(i) if luck.random() < 0.5 else fire.cut_power(i, luck) for i in range(fire.plan.n)]
        await asyncio.gather(*ends)
        await fire.start(*range(fire.plan.n))
        await fire.load.more(luck.randrange(1, 20))


async def test_a_follower_whose_disk_is_full_is_no_loss_and_follows_when_there_is_room(fire):
    victim = fire.members[fire.followers[-1]]
    victim.fill_disk()
    before = victim.told.entries
    assert await fire.load.more(60) < GAP
    assert victim.told.entries <= before + 1, "what was being written may have been on the disk"
    victim.free_disk()
    await until(lambda: victim.told.entries >= fire.entries - 5, "it catches up")


async def test_a_leader_whose_disk_is_full_is_given_up_and_follows_when_there_is_room(fire):
    leader = fire.leader
    fire.members[leader].fill_disk()
    assert await fire.load.more(20) < GAP
    view = fire.view
    assert fire.leader != leader
    fire.members[leader].free_disk()
    await until(lambda: fire.members[leader].told.view >= view, "it votes in the view that began without it")
    await fire.load.more(20)
    assert fire.leader != leader
