"""What a group does in scenes that are made up for one question each; several of them once went wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from assay.agreement.votes import Absent, Answered
from consensus.simulator.broken import VARIANTS
from consensus.simulator.scenario import Crash, Flap, Inference, Link, Wish
from tests.simulation.scenes import QUIET, asking, holds, played, scene

QUICK = QUIET.inference[0]
SLOW = Inference(delay=(1_000, 2_000), dissent=0.0, flutter=0.0, failing=0.0, lacking=0.0)
LOSSY = Link(delay=(1, 30), late=0.02, loss=0.2, twice=0.05)


def outcomes(scenario, seeds: int = 8) -> Counter[str]:
    return sum((account.outcomes for account in holds(scenario, seeds)), Counter())


@pytest.mark.parametrize("aggregator", ["plurality", "median", "trimmed-mean"])
def test_where_nothing_fails_everything_is_certified(aggregator):
    assert outcomes(scene(aggregator=aggregator)) == {"certified": 16}


def test_a_request_that_reaches_one_member_reaches_all():
    assert outcomes(scene(asking(reach=(2,)))) == {"certified": 16}


def test_a_silent_member_costs_nothing_and_is_seen_to_be_silent():
    scenario = scene(lies=((2, ("silent",)),))
    assert outcomes(scenario) == {"certified": 16}
    simulation, _ = played(scenario)
    words = [ended.said for ended in simulation.watch.log.decided.values()]
    assert all(isinstance(said[2], Absent) for said in words)
    assert all(isinstance(said[place], Answered) for said in words for place in (0, 1, 3))


def test_a_member_that_answers_wrongly_is_outvoted_and_seen():
    scenario = scene(lies=((1, ("wrong",)),))
    assert outcomes(scenario) == {"certified": 16}
    simulation, _ = played(scenario)
    words = [ended.said for ended in simulation.watch.log.decided.values()]
    assert any(said[1].votes != said[0].votes for said in words)


def test_a_member_that_comes_back_has_missed_nothing():
    crash = Crash(place=1, at=90, after=0, writes=False, down=500)
    assert outcomes(scene(crashes=(crash,))) == {"certified": 16}


def test_a_leader_that_comes_back_goes_on():
    crash = Crash(place=0, at=100, after=3, writes=False, down=500)
    assert outcomes(scene(crashes=(crash,))) == {"certified": 16}


def test_with_two_of_four_down_past_the_deadline_nothing_is_certified():
    crashes = tuple(Crash(place, at=80, after=0, writes=False, down=2_000) for place in (2, 3))
    late = scene(asking(deadline=(500, 900)), crashes=crashes, harsh=True, trouble=2_000)
    assert set(outcomes(late)) <= {"failed"}


@pytest.mark.parametrize("writes", range(4))
def test_a_leader_that_dies_after_a_write_stands_by_what_rests_on_a_liars_secret(writes):
    crash = Crash(place=0, at=100, after=writes, writes=True, down=1)
    scenario = scene(lies=((3, ("secretive",)),), crashes=(crash,), harsh=True)
    assert outcomes(scenario) == {"certified": 16}


def test_an_equivocator_cannot_make_a_request_fail_while_a_slow_member_may_still_answer():
    scenario = scene(lies=((1, ("equivocating",)),), inference=(SLOW, QUICK, QUICK, QUICK))
    assert outcomes(scenario) == {"certified": 16}
    with VARIANTS["fail-early"]():
        assert any(played(scenario, seed)[1].broken == "no failure before its time" for seed in range(8))


def test_two_versions_of_one_id_do_not_stop_the_leader():
    assert outcomes(scene(asking(twins=True), asking(at=300), asking(at=350, twins=True))) == {"certified": 48}


@pytest.mark.parametrize(
    "trick", ["phantom", "borrowing", "strange", "replaying", "usurping", "rewriting", "crooked"]
)
def test_what_a_liar_makes_up_stops_nobody_and_stays_with_nobody(trick):
    askings = [asking(at=100 + 40 * i, twins=i % 2 == 1) for i in range(4)]
    scenario = scene(*askings, lies=((3, (trick,)),), link=LOSSY)
    holds(scenario, seeds=12)


@pytest.mark.parametrize("numbers", [(1,), (1, 0), (1, 2, 0, 2)])
def test_changes_of_model_come_true_and_no_request_is_lost(numbers):
    wishes = tuple(Wish(place=2, at=60 + 30 * i, model=number) for i, number in enumerate(numbers))
    askings = [asking(at=80 + 25 * i) for i in range(4)]
    assert outcomes(scene(*askings, wishes=wishes)) == {"certified": 64}


def test_a_wish_outlives_a_crash_and_overtakes_the_one_before():
    wishes = (Wish(place=2, at=60, model=1), Wish(place=2, at=75, model=2), Wish(place=2, at=300, model=0))
    crash = Crash(place=2, at=70, after=0, writes=False, down=1)
    holds(scene(wishes=wishes, crashes=(crash,), link=LOSSY), seeds=40)


def test_a_link_that_is_cut_for_a_while_delays_nobody_for_long():
    assert outcomes(scene(flaps=(Flap((0, 3), at=50, down=600),))) == {"certified": 16}


def test_inputs_that_are_not_what_their_digest_says_fail():
    assert outcomes(scene(asking(spoiled=True))) == {"failed": 16}
