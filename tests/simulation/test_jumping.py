"""A member that was away for long jumps to the last entry, and believes no single peer for it."""

from __future__ import annotations

import pytest

from consensus.simulator.scenario import Crash
from consensus.simulator.simulation import Simulation
from tests.simulation.scenes import asking, scene

AWAY = Crash(place=2, at=60, after=0, writes=False, down=900)
MANY = tuple(asking(at=at, requests=1) for at in range(100, 800, 60))


@pytest.mark.parametrize("lies", [(), ("replaying", "begging"), ("rewriting", "strange")])
@pytest.mark.parametrize("seed", range(4))
def test_who_was_away_jumps_and_has_the_same_log(seed, lies):
    said = []
    scenario = scene(*MANY, crashes=(AWAY,), far=0, harsh=True, lies=((3, lies),) if lies else ())
    account = Simulation(seed, 4, scenario=scenario, tell=said.append).run()
    assert not account.broken, f"{account.broken}: {account.detail}\n" + "\n".join(account.last)
    assert any("member 2 writes" in line and "Jumped" in line for line in said)
