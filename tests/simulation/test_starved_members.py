"""A leader of a copy-resistant group that keeps from a member what was fixed: it is not shown as withholding."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from assay.agreement.votes import Answered, Withheld
from consensus.messages import Propose
from consensus.simulator import tricks
from tests.simulation.scenes import asking, played, scene

VICTIM = 1


def starving(liar, to, message):
    return [] if to == VICTIM and isinstance(message, Propose) else [message]


@pytest.mark.parametrize("grace", [10, 50, 300])
def test_a_member_whose_leader_keeps_proposals_from_it_is_not_shown_as_withholding(monkeypatch, grace):
    """It sees by the others' commits that there is something to carry out, and asks them for it."""
    monkeypatch.setattr(tricks, "WORDS", MappingProxyType({**tricks.WORDS, "starving": starving}))
    for seed in range(4):
        askings = (asking(), asking(at=500))
        scenario = scene(*askings, copy_resistant=True, grace=grace, lies=((0, ("starving",)),))
        simulation, account = played(scenario, seed)
        assert not account.broken, account.detail
        decided = list(simulation.watch.log.decided.values())
        assert len(decided) == 4
        assert {type(ended.said[VICTIM]) for ended in decided} == {Answered}


@pytest.mark.parametrize("deadline", [15, 20, 25, 30])
def test_a_client_that_sets_deadlines_between_seal_and_word_shows_nobody_as_withholding(deadline):
    """Whoever shows what is under its seal at once has its word in the certificate, that of a failure too."""
    for seed in range(4):
        askings = (asking(at=100 + 50 * i, deadline=(deadline, deadline + 5)) for i in range(6))
        simulation, account = played(scene(*askings, copy_resistant=True, grace=300), seed)
        assert not account.broken, account.detail
        decided = list(simulation.watch.log.decided.values())
        assert len(decided) == 12
        assert not any(isinstance(word, Withheld) for ended in decided for word in ended.said)
