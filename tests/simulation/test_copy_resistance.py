"""Copy-resistant groups: what members commit to is ordered before any of it is shown, and only that counts."""

from __future__ import annotations

from collections import Counter

import pytest

from assay.agreement.sealing import Sealed
from assay.agreement.votes import Answered, Withheld
from consensus.messages import Exec
from consensus.simulator.liars import Liar
from consensus.simulator.scenario import Crash, Inference
from tests.simulation.scenes import QUIET, asking, holds, played, scene


def copy_resistant(*askings, **changes):
    return scene(*askings, copy_resistant=True, **changes)


def outcomes(scenario, seeds: int = 8) -> Counter[str]:
    return sum((account.outcomes for account in holds(scenario, seeds)), Counter())


def decided(scenario) -> list:
    simulation, account = played(scenario)
    assert not account.broken, account.detail
    return [ended.said for ended in simulation.watch.log.decided.values()]


@pytest.mark.parametrize("aggregator", ["plurality", "median", "trimmed-mean"])
def test_where_nothing_fails_everything_is_certified(aggregator):
    assert outcomes(copy_resistant(aggregator=aggregator)) == {"certified": 16}


def test_who_withholds_is_outvoted_and_seen():
    scenario = copy_resistant(lies=((2, ("closed",)),))
    assert outcomes(scenario) == {"certified": 16}
    words = decided(scenario)
    assert {type(said[2]) for said in words} == {Withheld}
    assert {type(said[place]) for said in words for place in (0, 1, 3)} == {Answered}


@pytest.mark.parametrize("lie", ["copying", "rewording"])
def test_what_is_not_under_a_seal_of_ones_own_does_not_count(lie):
    scenario = copy_resistant(lies=((2, (lie,)),))
    assert outcomes(scenario) == {"certified": 16}


def test_a_copied_seal_cannot_be_opened(monkeypatch):
    """A liar that is slow enough to hear others' seals first, and puts its name under them."""
    copied: list[bytes] = []
    speak = Liar.speak

    def speaking(self: Liar, results):
        theirs = {
            result.said.seal
            for batch in self.heard
            if isinstance(batch, Exec) and batch.member != self.place
            for result in batch.results
            if isinstance(result.said, Sealed)
        }
        copied.extend(
            each.said.seal for each in results if isinstance(each.said, Sealed) and each.said.seal in theirs
        )
        return speak(self, results)

    monkeypatch.setattr(Liar, "speak", speaking)
    slow = Inference(delay=(30, 40), dissent=0.0, flutter=0.0, failing=0.0, lacking=0.0)
    inference = (*QUIET.inference[:3], slow)
    words = decided(copy_resistant(lies=((3, ("copying",)),), inference=inference, grace=500))
    assert copied, "the liar has had nothing to copy"
    assert {type(said[3]) for said in words} == {Withheld}


@pytest.mark.parametrize("writes", range(6))
def test_a_member_that_dies_with_its_words_under_seals_opens_them_when_it_is_back(writes):
    crash = Crash(place=1, at=100, after=writes, writes=True, down=20)
    scenario = copy_resistant(crashes=(crash,), grace=1_000)
    assert outcomes(scenario) == {"certified": 16}
    assert not any(isinstance(said[1], Withheld) for said in decided(scenario))


@pytest.mark.parametrize("writes", range(6))
def test_leaders_that_die_lose_nothing_that_was_fixed(writes):
    crashes = tuple(Crash(place, at=100, after=writes, writes=True, down=1) for place in range(4))
    assert outcomes(copy_resistant(crashes=crashes, harsh=True), 4) == {"certified": 8}


def test_two_versions_of_one_id_do_not_stop_the_leader():
    assert outcomes(copy_resistant(asking(twins=True))) == {"certified": 16}


def test_nothing_that_is_sealed_tells_what_it_hides():
    """The same answer to the same request has another seal by each member."""
    simulation, _ = played(copy_resistant())
    seals = [
        word.seal
        for _, words in simulation.watch.log._fixed.values()
        for word in words.said
        if isinstance(word, Sealed)
    ]
    assert len(seals) == len(set(seals)) == 8
