"""Members of a group stopped (SIGSTOP) under load, and let go on: nothing they say then is taken for new."""

from __future__ import annotations

import pytest

from assay.errors import DeadlineExceeded
from consensus.suspecting import PATIENCE
from stack.members.group import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

GAP = (
    3 * PATIENCE / 1000
)  # seconds within which another leader must take over from a silent one, on a busy machine
LONG = PATIENCE / 1000 + 0.5  # seconds for which nothing comes; leaders are given up meanwhile
SOON = 3.0  # seconds within which all goes on once what was wrong is mended


async def test_a_leader_frozen_for_longer_than_anybody_waits_follows_when_it_is_let_go(fire):
    leader = fire.leader
    fire.members[leader].freeze()
    assert await fire.load.more(20) < GAP
    view = fire.view
    fire.members[leader].thaw()
    await until(lambda: fire.members[leader].told.view >= view, "it votes in the view that began without it")
    await fire.load.more(20)
    assert fire.leader != leader


async def test_a_follower_frozen_nobody_waits_for(fire):
    victim = fire.members[fire.followers[-1]]
    victim.freeze()
    assert await fire.load.more(40) < GAP
    victim.thaw()
    behind = victim.told.entries
    await until(lambda: victim.told.entries > behind, "it catches up")


async def test_two_of_four_frozen_nothing_is_certified_and_then_all(fire):
    victims = fire.leader, fire.followers[0]
    for place in victims:
        fire.members[place].freeze()
    assert isinstance((await fire.load.ask(seconds=0.5)).problem, DeadlineExceeded), (
        "what was under way may arrive"
    )
    entries, answered = fire.entries, fire.load.answered
    assert isinstance((await fire.load.ask(seconds=LONG)).problem, DeadlineExceeded)
    assert (fire.entries, fire.load.answered) == (entries, answered)
    for place in victims:
        fire.members[place].thaw()
    assert await fire.load.more(20) < SOON
