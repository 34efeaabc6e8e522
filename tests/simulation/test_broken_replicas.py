"""The simulator can fail: every replica that is broken on purpose is caught, and soon."""

from __future__ import annotations

import pytest

from consensus.simulator.broken import VARIANTS
from consensus.simulator.campaign import Kind, campaign, one

BUDGET = 400  # runs


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_caught(name):
    tally = campaign(Kind(4, broken=name), range(BUDGET), processes=1)
    assert tally.failures, f"{name} was not caught in {tally.runs} runs"
    seed = tally.failures[0].seed
    assert not one(Kind(4), seed).broken, f"seed {seed} breaks the real one too"
