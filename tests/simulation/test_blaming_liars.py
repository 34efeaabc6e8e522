"""What liars sign convicts them, and nobody else, whatever they do: the audit of a whole run's signed words."""

from __future__ import annotations

import pytest

from consensus.simulator.scenario import Freeze
from consensus.simulator.simulation import Simulation
from tests.simulation.scenes import asking, scene


def blamed(*tricks: str, liar: int, **changes) -> set[tuple[str, int]]:
    """The deeds that are found, and whose they are."""
    scenario = scene(asking(), asking(at=300), lies=((liar, tricks),), **changes)
    simulation = Simulation(1, 4, real=True, scenario=scenario)
    account = simulation.run()
    assert not account.broken, f"{account.broken}: {account.detail}"
    keys = [each.key for each in simulation.founded.members]
    return {(each.kind, keys.index(key)) for each in simulation.evidence for key in each.accused}


def test_where_nobody_lies_nobody_is_blamed():
    assert blamed("wrong", liar=3) == set()


@pytest.mark.parametrize(("trick", "deed"), [("double", "double-vote"), ("equivocating", "contradicting-results")])
def test_a_deed_is_found(trick, deed):
    assert blamed(trick, liar=3) == {(deed, 3)}


def test_moving_twice_is_found():
    frozen = (Freeze(place=0, at=160, down=6_000),)
    found = blamed("two-moves", "forging-locks", liar=3, freezes=frozen, harsh=True, trouble=7_000)
    assert ("two-moves", 3) in found
    assert {liar for _, liar in found} == {3}
