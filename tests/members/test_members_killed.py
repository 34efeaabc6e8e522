"""Members of a group killed (-9) under load: the group goes on, and whoever comes back follows."""

from __future__ import annotations

import asyncio

import pytest

from consensus.suspecting import PATIENCE
from stack.members.group import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

GAP = 3 * PATIENCE / 1000  # seconds within which another leader must take over, on a machine that is busy


async def test_the_leader_killed_the_next_takes_over_in_time_and_back_again_it_follows(fire):
    leader = fire.leader
    await fire.kill(leader)
    assert await fire.load.more(20) < GAP
    assert fire.leader != leader
    view = fire.view
    await fire.start(leader)
    await until(lambda: fire.members[leader].told.view >= view, "it votes in the view that began without it")
    await fire.load.more(20)
    assert leader != fire.leader, "that it is back deposes nobody"


async def test_a_follower_killed_and_back_nobody_waits(fire):
    victim = fire.followers[-1]
    await fire.kill(victim)
    assert await fire.load.more(20) < GAP
    await fire.start(victim)
    behind = fire.members[victim].told.entries
    await until(lambda: fire.members[victim].told.entries > behind, "it takes part again")


async def test_the_leader_and_the_next_killed_one_after_the_other_the_one_after_them_takes_over(fire):
    first, second = fire.leader, fire.followers[0]
    await fire.kill(first)
    await until(lambda: fire.leader == second, "the next takes over")
    await asyncio.gather(fire.kill(second), fire.start(first))
    await fire.load.more(20)
    assert fire.leader == (second + 1) % fire.plan.n
