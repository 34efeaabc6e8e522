"""The simulator can fail: every replica that is broken on purpose is caught, and soon."""

from __future__ import annotations

import pytest

from consensus.simulator.broken import VARIANTS
from consensus.simulator.campaign import Kind, campaign, one
from consensus.simulator.scenario import Crash
from tests.simulation.scenes import asking, played, scene

BUDGET = 600  # runs
SHORTLY_BEFORE = {  # the first seed that catches those which take long: `make simulate` begins at 0
    "believe-any-record": 22,
    "forget-results": 28,
    "count-any-model": 31,
    "forget-moves": 39,
    "forget-votes": 42,
    "use-the-local-clock": 110,
    "forget-bodies": 128,
    "forget-locks": 148,
    "begin-twice": 205,
    "believe-any-beginning": 223,
    "forget-what-is-fixed": 304,
    "build-below-the-head": 505,
    "lock-on-too-few": 1287,
}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_caught(name):
    first = SHORTLY_BEFORE.get(name, 0)
    tally = campaign(Kind(4, broken=name), range(first, first + BUDGET), processes=1)
    assert tally.failures, f"{name} was not caught in {tally.runs} runs"
    assert tally.failures[0].broken != "never raises", f"it is another thing that is broken: {tally.failures[0]}"
    seed = tally.failures[0].seed
    assert not one(Kind(4), seed).broken, f"seed {seed} breaks the real one too"


def test_what_was_prepared_but_cannot_be_shown_after_a_restart_is_caught():
    def broken(writes: int, seed: int) -> str:
        crashes = tuple(Crash(place=place, at=100, after=writes, writes=True, down=1) for place in range(4))
        return played(scene(asking(), crashes=crashes, harsh=True), seed)[1].broken

    dying = [(writes, seed) for writes in (3, 4) for seed in range(6)]
    assert {broken(*each) for each in dying} == {""}
    with VARIANTS["forget-bodies"]():
        assert {broken(*each) for each in dying} & {"all is done in the end", "an honest leader is kept"}
