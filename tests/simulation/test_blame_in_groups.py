"""All that leaves the members of simulated groups is audited: liars are named, and nobody else ever is.

Members crash, forget what was not on their disks, change views, fetch what they missed; up to f of them lie.
"""

from __future__ import annotations

from collections import Counter

import pytest

from assay.agreement.blame.evidence import AnyEvidence, Commitment, parse
from assay.agreement.blame.finding import Audit
from assay.agreement.blame.guilt import require_guilt
from consensus.blaming import began, moved, said, voted
from consensus.messages import Decided, Exec, NewView, Records, Spoken, ViewChange, Vote
from consensus.simulator.broken import VARIANTS
from consensus.simulator.simulation import Simulation

SEEDS = range(24)


def heard(audit: Audit, message: Spoken) -> None:
    """What a member could write into a transcript."""
    match message:
        case Vote():
            audit.vote(voted(message))
        case Exec():
            audit.results(said(message))
        case ViewChange():
            audit.moved(moved(message))
        case NewView():
            audit.began(began(message))
        case Decided() as one:
            audit.committed(Commitment(one.entry, one.view, one.installed, one.commits))
        case Records():
            for each in message.records:
                audit.committed(Commitment(each.entry, each.view, each.installed, each.commits))


def audited(seed: int, n: int, *, unwatched: bool = False) -> tuple[list[AnyEvidence], Simulation]:
    """`unwatched`: the simulator does not stop at the first thing that is wrong."""
    simulation = Simulation(seed, n, real=True)
    if unwatched:
        simulation.watch.writes = simulation.watch.leaves = lambda *_: None
    audit = Audit((simulation.founded.epochs[0],))
    leaves, seen = simulation.watch.leaves, set()

    def leave(place: int, message: Spoken) -> None:
        leaves(place, message)
        if id(message) not in seen:
            seen.add(id(message))
            kept.append(message)  # so that no other is taken for it
            heard(audit, message)

    kept: list[Spoken] = []
    simulation.watch.leaves = leave
    simulation.run()
    return audit.evidence(), simulation


def accused(found: list[AnyEvidence], simulation: Simulation) -> Counter:
    """By member and kind."""
    named = Counter()
    for each in found:
        assert parse(each.to_cbor()) == each
        for guilty in require_guilt(each, simulation.founded.genesis):
            named[guilty.member, each.kind] += 1
    return named


@pytest.mark.parametrize("n", [4, 7])
def test_liars_are_named_and_nobody_else(n):
    kinds = Counter()
    for seed in SEEDS if n == 4 else SEEDS[:4]:
        found, simulation = audited(seed, n)
        named = accused(found, simulation)
        assert {member for member, _ in named} <= simulation.scenario.liars, (seed, named)
        kinds.update(kind for _, kind in named)
    if n == 4:
        assert {"double-vote", "contradicting-results"} <= set(kinds), kinds


def test_members_that_forget_what_they_have_answered_are_named():
    """So does one on a disk that was put back to an older state: this test can fail, and so can that above."""
    with VARIANTS["forget-results"]():
        for seed in range(60):
            found, simulation = audited(seed, 4, unwatched=True)
            named = {member for member, kind in accused(found, simulation) if kind == "contradicting-results"}
            if named & simulation.honest:
                return
    pytest.fail("nobody was named")
