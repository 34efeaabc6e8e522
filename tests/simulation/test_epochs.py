"""Groups that go from epoch to epoch, in scenes made up for one question each; most of them once went wrong."""

from __future__ import annotations

from consensus.simulator.scenario import Crash, Split, Turn
from tests.simulation.scenes import QUIET, asking, holds, played, scene

ALL = (0, 1, 2, 3)
ONE = (Turn(at=100, to=ALL, grace=50),)


def turning(*askings, turns=ONE, **changes):
    return scene(*askings, turns=turns, trouble=3_000, **changes)


def epochs(scenario, seeds: int = 8) -> set[int]:
    """In which the members are in the end; nothing that was asked may be lost."""
    for account in holds(scenario, seeds):
        assert set(account.outcomes) == {"certified"}, account
    return {
        member.group.configuration.epoch for seed in range(seeds) for member in played(scenario, seed)[0].members
    }


def test_an_epoch_follows_and_nothing_is_lost():
    assert epochs(turning(asking(at=90), asking(at=110), asking(at=1_000))) == {1}


def test_where_the_next_epoch_begins_without_its_leader_another_leads():
    """The last entry of the epoch before is proved by what has put this one in force."""
    crash = Crash(place=0, at=110, after=0, writes=False, down=60_000)
    asked = asking(at=400, deadline=(15_000, 16_000))
    assert epochs(turning(asked, crashes=(crash,), horizon=20_000)) == {1}


def test_a_leader_that_was_away_hears_the_clocks_of_the_others_though_nobody_asks_for_anything():
    crash = Crash(place=0, at=390, after=0, writes=False, down=100)
    turns = (Turn(at=400, to=(1, 2), grace=50),)
    assert epochs(turning(asking(at=60), crashes=(crash,), turns=turns)) == {1}


def test_who_has_missed_two_epochs_is_handed_one_after_the_other():
    parted = Split(at=50, down=2_500, parts=((3,), (0, 1, 2)))
    turns = (Turn(at=100, to=(0, 1, 2), grace=50), Turn(at=1_000, to=(0, 1, 2), grace=80))
    assert epochs(turning(asking(at=2_800), splits=(parted,), turns=turns)) == {2}


def test_who_was_away_has_requests_before_it_has_the_log():
    """And rests until it is told more."""
    parted = Split(at=50, down=1_000, parts=((3,), (0, 1, 2)))
    waiting = asking(at=300, deadline=(5_000, 6_000))
    assert epochs(turning(waiting, splits=(parted,), turns=(Turn(at=100, to=(0, 1, 2), grace=50),))) == {1}


def test_all_killed_at_the_turn_come_back_and_go_on():
    for writes in range(1, 7):
        crashes = tuple(Crash(place, at=100, after=writes, writes=True, down=1) for place in ALL)
        assert epochs(turning(asking(at=1_000), crashes=crashes, harsh=True), 3) == {1}


def test_a_quiet_group_has_one_epoch():
    assert {member.group.configuration.epoch for member in played(QUIET)[0].members} == {0}
