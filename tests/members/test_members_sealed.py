"""A copy-resistant group under the same faults: who comes back opens what it had sealed, and nothing is lost."""

from __future__ import annotations

import pytest
import pytest_asyncio

from assay.agreement.votes import Answered, Withheld
from consensus.suspecting import PATIENCE
from stack.members.account import settle
from stack.members.group import group

pytestmark = pytest.mark.asyncio(loop_scope="module")

GAP = 4 * PATIENCE / 1000  # seconds within which another leader must take over, on a machine that is busy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def four(tmp_path_factory):
    async with group(tmp_path_factory.mktemp("sealed"), copy_resistant=True) as members:
        yield members


@pytest_asyncio.fixture(loop_scope="module")
async def fire(four):
    four.load.start()
    await four.load.more(20)
    yield four
    await settle(four)


def words(members, place: int) -> set[type]:
    every = (asked.evidence.ended.said for asked in members.load.asked if asked.evidence is not None)
    return {type(said[place]) for said in every}


async def test_where_nothing_fails_nobody_withholds(fire):
    await fire.load.more(40)
    assert set().union(*(words(fire, place) for place in range(4))) == {Answered}


async def test_the_leader_killed_with_words_under_seals_the_next_takes_over(fire):
    leader = fire.leader
    await fire.kill(leader)
    assert await fire.load.more(20) < GAP
    await fire.start(leader)
    await fire.load.more(20)


async def test_a_follower_frozen_longer_than_the_grace_time_stops_nobody_and_nobody_else_withholds(fire):
    victim = fire.followers[0]
    fire.members[victim].freeze()
    await fire.load.more(40)
    fire.members[victim].thaw()
    await fire.load.more(20)
    for other in set(range(4)) - {victim}:
        assert Withheld not in words(fire, other)


async def test_all_killed_at_once_open_what_they_had_sealed_when_they_are_back(fire):
    await fire.kill(*range(4))
    await fire.start(*range(4))
    await fire.load.more(20)
