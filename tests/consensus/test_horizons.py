"""Epochs with horizons of their own: an id counts as long as it did when it was decided, whoever comes later."""

from __future__ import annotations

import msgspec

from consensus.judging import LINGER, SLACK
from tests.consensus import made
from tests.consensus.test_reconfiguration import ASHA, BRUNO, CHIDI, DANA, MEMBERS, WORDS
from tests.consensus.town import Town, followed, successor

LONG = msgspec.structs.replace(made.GENESIS, horizon=600_000)
SHORT = followed(LONG, MEMBERS, horizon=1_000)


def into(town: Town, before, after) -> None:
    town.reconfigure(successor(before, after, made.KEYS, WORDS), ASHA)
    town.pass_time(400)
    assert {town.citizens[owner].group.configuration.epoch for owner in (ASHA, BRUNO, CHIDI)} == {after.epoch}


def live(town: Town, *numbers: int) -> None:
    for number in numbers:
        town.pass_time(10_000, 500)
        town.ask(number, deadline=900)
        town.pass_time(200)


def come_back(town: Town) -> None:
    dana, asha = town.citizens[DANA], town.citizens[ASHA]
    dana.group = asha.group
    dana.disk.enter(asha.group.configuration)
    town.start(DANA)
    town.pass_time(3_000)
    assert dana.disk.entries == asha.disk.entries


def decided(town: Town, owner: str) -> set[bytes]:
    """The ids that may not be decided again."""
    replica = town.citizens[owner].replica
    assert replica is not None
    return {past.id for past in replica.state._over.values()}


def test_who_jumps_over_a_shorter_horizon_lets_nobody_ask_again_what_was_decided_before():
    """Else an owner has the horizon cut, and what a client asked long ago is decided twice."""
    town = Town(genesis=LONG, far=3)
    town.stop(DANA)
    town.ask(1, deadline=500_000)
    town.pass_time(300)
    into(town, LONG, SHORT)
    live(town, *range(2, 8))
    into(town, SHORT, followed(SHORT, MEMBERS, horizon=1_100))
    live(town, *range(8, 10))
    come_back(town)
    assert (1).to_bytes(16, "big") in decided(town, DANA)
    assert decided(town, DANA) == decided(town, ASHA)


def test_who_jumps_over_a_longer_horizon_needs_nothing_that_others_have_rightly_forgotten():
    """Else nobody could come, or come back, for as long as the new horizon."""
    short = msgspec.structs.replace(made.GENESIS, horizon=1_000)
    town = Town(genesis=short, far=3)
    town.stop(DANA)
    live(town, *range(1, 10))
    into(town, short, followed(short, MEMBERS, horizon=24 * 3600 * 1000))
    for owner in (ASHA, BRUNO, CHIDI):
        kept = town.citizens[owner].disk._records
        for number in range(1, 4):
            del kept[number]
    come_back(town)
    assert decided(town, DANA) == decided(town, ASHA)


def test_a_later_epoch_forgets_nothing_before_the_longest_horizon_up_to_it_has_passed():
    town = Town(genesis=LONG)
    into(town, LONG, SHORT)
    group = town.citizens[ASHA].group
    assert [group.counting(epoch) for epoch in (0, 1)] == [600_000 + SLACK + LINGER] * 2
    assert group.before == LONG
