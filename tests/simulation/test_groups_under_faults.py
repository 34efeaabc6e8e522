"""A slice of `make simulate`: whatever fails and whoever lies within f, what must hold does."""

from __future__ import annotations

import pytest

from consensus.simulator.__main__ import again
from consensus.simulator.campaign import Kind, Tally, campaign, one
from consensus.simulator.simulation import Simulation
from consensus.simulator.tricks import TRICKS


def held(kind: Kind, seeds: range) -> Tally:
    tally = campaign(kind, seeds, processes=1)
    for account in tally.failures:
        said = "\n".join(account.last)
        pytest.fail(f"{said}\n{account.broken}: {account.detail}\nagain: {again(kind, account.seed)}")
    return tally


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_four_members(first):
    tally = held(Kind(4), range(first, first + 100))
    assert len(tally.traces) == 100
    assert min(tally.outcomes[what] for what in ("certified", "contested", "failed")) > 5


def test_seven_members():
    assert held(Kind(7), range(24)).outcomes["certified"] > 10


def test_ten_members():
    assert held(Kind(10), range(12)).outcomes["certified"] > 3


def test_real_signatures_and_the_check_that_buyers_use():
    assert held(Kind(4, real=True), range(8)).outcomes["certified"] > 3


def test_a_hash_in_place_of_signatures_changes_nothing_else():
    quick, real = (one(Kind(4, real=real), 3) for real in (False, True))
    assert (quick.events, quick.outcomes) == (real.events, real.outcomes)


def test_the_runs_cover_every_fault():
    scenarios = [Simulation(seed, 4).scenario for seed in range(400)]
    assert {len(each.lies) for each in scenarios} == {0, 1}
    lies = {trick for each in scenarios for _, tricks in each.lies for trick in tricks}
    assert lies == set(TRICKS)
    assert {crash.place for each in scenarios for crash in each.crashes} == {0, 1, 2, 3}
    assert any(each.link.loss for each in scenarios)
    assert any(each.flaps for each in scenarios)
    assert any(each.harsh for each in scenarios)
    assert {wish.place for each in scenarios for wish in each.wishes} == {0, 1, 2, 3}
    askings = [(each, asking) for each in scenarios for every in each.askings for asking in every]
    assert sum(each.spares(asking) for each, asking in askings) >= 5
    assert any(asking.twins for _, asking in askings)
    assert any(asking.spoiled for _, asking in askings)
    assert any(len(asking.reach) == 1 for _, asking in askings)
