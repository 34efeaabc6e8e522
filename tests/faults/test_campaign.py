"""A short campaign: services, whichever the seed says, killed under load. `make chaos` is the long one."""

from __future__ import annotations

import secrets

from stack.chaos.campaign import Campaign
from stack.chaos.chance import chance
from stack.chaos.faults import Fault, Kind

FAULTS = 4


def test_whatever_is_killed_under_load_the_account_comes_out_even(site, manager):
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    running = [service.name for service in site.services if service.ready]
    faults = [Fault(name, Kind.KILLED) for name in chance(seed).sample(running, FAULTS)]
    campaign = Campaign(site, manager, seed)
    campaign.run(faults)
    account = campaign.account()
    assert account.findings == []
    assert account.counts["certificates verified"] > 0
    assert account.counts["  charged, micro-units"] > 0
    assert account.counts["ledger: held at rest"] == account.counts["ledger: sum of all accounts"] == 0
