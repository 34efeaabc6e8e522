"""Links between members cut, held, swallowed, slowed under load: a quorum that can talk goes on, no other does."""

from __future__ import annotations

import pytest

from assay.errors import DeadlineExceeded
from consensus.suspecting import PATIENCE
from stack.members.group import until
from stack.members.proxy import CLIENT, CUT, HELD, SWALLOWED, Way
from wire.connection import BEAT, BEATS

pytestmark = pytest.mark.asyncio(loop_scope="module")

GAP = (
    3 * PATIENCE / 1000
)  # seconds within which another leader must take over from a silent one, on a busy machine
LONG = PATIENCE / 1000 + 0.5  # seconds for which nothing comes; leaders are given up meanwhile
SOON = 5.0  # seconds within which all goes on once links are mended
SILENT = (BEATS + 2) * BEAT  # seconds within which a peer that is not heard any more must be given up


async def test_two_and_two_nobody_certifies_and_once_mended_all_goes_on(fire):
    leader, *others = fire.leader, *fire.followers
    fire.network.apart(CUT, [leader, others[0]], others[1:])
    assert isinstance((await fire.load.ask(seconds=0.5)).problem, DeadlineExceeded), (
        "what was under way may arrive"
    )
    entries, answered = fire.entries, fire.load.answered
    assert isinstance((await fire.load.ask(seconds=LONG)).problem, DeadlineExceeded)
    assert (fire.entries, fire.load.answered) == (entries, answered)
    fire.network.heal()
    assert await fire.load.more(20) < SOON


async def test_a_leader_cut_off_is_given_up_by_the_other_three_and_follows_once_back(fire):
    leader = fire.leader
    fire.network.between(HELD, [leader], fire.followers)
    assert await fire.load.more(20) < GAP
    view = fire.view
    fire.network.heal()
    await until(lambda: fire.members[leader].told.view >= view, "it votes in the view that began without it")
    assert fire.leader != leader


async def test_partitions_that_move_each_three_that_can_talk_go_on(fire, luck):
    for _ in range(4):
        alone = luck.randrange(fire.plan.n)
        fire.network.heal()
        fire.network.between(HELD, [alone], set(range(fire.plan.n)) - {alone})
        await fire.load.more(10)


async def test_a_leader_that_hears_and_is_not_heard_is_given_up(fire):
    leader = fire.leader
    fire.network.set(HELD, *((leader, other) for other in fire.followers))
    assert await fire.load.more(20) < GAP
    assert fire.leader != leader


async def test_a_leader_that_reaches_only_one_though_all_reach_it_is_given_up(fire):
    leader = fire.leader
    fire.network.set(HELD, *((leader, other) for other in fire.followers[1:]))
    assert await fire.load.more(20) < GAP
    assert fire.leader != leader


async def test_a_follower_that_is_heard_and_hears_nothing_is_no_loss(fire):
    victim = fire.followers[-1]
    fire.network.set(HELD, *((other, victim) for other in range(fire.plan.n) if other != victim))
    assert await fire.load.more(40) < GAP


async def test_connections_that_swallow_all_are_noticed_within_some_beats(fire):
    victim = fire.followers[-1]
    fire.network.between(SWALLOWED, [victim], [CLIENT, *range(fire.plan.n)])
    await until(lambda: fire.client.reached == 3, "its silence is noticed", SILENT)
    await fire.load.more(20)
    fire.network.heal()
    await until(lambda: fire.client.reached == 4, "it is reached again", SOON)


async def test_connections_of_which_one_side_knows_nothing_any_more_are_opened_anew(fire):
    leader = fire.leader
    for other in fire.followers:
        fire.network.half_open(leader, other)
    assert await fire.load.more(40) < GAP


async def test_slow_and_uneven_links_cost_time_and_not_one_leader_after_another(fire):
    view = fire.view
    slow = Way(delay=0.2, jitter=0.1)
    fire.network.between(slow, range(fire.plan.n), [CLIENT, *range(fire.plan.n)])
    await fire.load.more(32)
    assert fire.view <= view + 1, "on a machine that is busy one may be given up; then all have more patience"
