"""Larger groups, and members that were away for so long that nobody has their next entry any more."""

from __future__ import annotations

from consensus.storage import TIDY
from consensus.suspecting import PATIENCE
from stack.members.account import settle
from stack.members.group import group, until

GAP = (
    3 * PATIENCE / 1000
)  # seconds within which another leader must take over from a silent one, on a busy machine


async def test_of_seven_two_are_killed_and_a_third_that_is_frozen_stops_all_until_it_goes_on(tmp_path):
    async with group(tmp_path, n=7) as seven:
        seven.load.start()
        await seven.load.more(10)
        leader, second, third = seven.leader, seven.followers[-1], seven.followers[-2]
        await seven.kill(leader, second)
        assert await seven.load.more(20) < GAP
        seven.members[third].freeze()
        assert (await seven.load.ask(seconds=0.5)).problem is not None
        entries = seven.entries
        assert (await seven.load.ask(seconds=1)).problem is not None
        assert seven.entries == entries
        seven.members[third].thaw()
        await seven.load.more(20)
        await settle(seven)


async def test_away_for_so_long_that_its_next_entry_is_kept_by_nobody_it_jumps(tmp_path):
    """The clocks of all are set ahead meanwhile: nobody keeps for longer than must be what counts no more."""
    async with group(tmp_path, retain=0, horizon=120_000) as four:
        four.load.start()
        await four.load.more(10)
        victim = four.members[four.followers[-1]]
        await victim.kill()
        behind = victim.told.entries
        await four.load.more(40)
        await four.leap()
        await until(lambda: four.entries > 1.2 * TIDY, "old entries are compacted")
        await victim.start()
        await until(lambda: victim.told.entries >= four.entries - 5, "it has caught up")
        await settle(four)
        whole = [record.entry.number for record in four.logs()[victim.place]]
    assert whole[0] > behind + 1, "it has not executed what comes next"
