"""A scenario in which nothing happens that a test does not ask for."""

from __future__ import annotations

from dataclasses import replace

from consensus.simulator.scenario import Asking, Inference, Link, Scenario
from consensus.simulator.simulation import Account, Simulation

QUIET = Scenario(
    n=4,
    aggregator="plurality",
    grace=50,
    horizon=6_000,
    trouble=1_000,
    skews=(0, 0, 0, 0),
    drifts=(0, 0, 0, 0),
    pace=(0, 2),
    link=Link(delay=(1, 5), late=0.0, loss=0.0, twice=0.0),
    inference=(Inference(delay=(1, 10), dissent=0.0, flutter=0.0, failing=0.0, lacking=0.0),) * 4,
    lies=(),
    crashes=(),
    harsh=False,
    far=1_000,
    flaps=(),
    wishes=(),
    askings=(),
)
ASKING = Asking(
    at=100,
    requests=2,
    rows=(1, 2),
    deadline=(3_000, 5_000),
    least=0,
    reach=(0, 1, 2, 3),
    twins=False,
    spoiled=False,
)


def asking(**changes) -> Asking:
    return replace(ASKING, **changes)


def scene(*askings: Asking, **changes) -> Scenario:
    return replace(QUIET, askings=(askings or (ASKING,),), **changes)


def played(scenario: Scenario, seed: int = 1) -> tuple[Simulation, Account]:
    simulation = Simulation(seed, scenario.n, scenario=scenario)
    return simulation, simulation.run()


def holds(scenario: Scenario, seeds: int = 8) -> list[Account]:
    """What became of it under so many seeds, in all of which everything must hold."""
    accounts = [played(scenario, seed)[1] for seed in range(seeds)]
    for account in accounts:
        assert not account.broken, f"seed {account.seed}: {account.broken}: {account.detail}\n" + "\n".join(
            account.last
        )
    return accounts
