"""Members that run twice with one key: whatever their two halves sign, the group has one log."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from consensus.simulator.campaign import Kind, campaign
from consensus.simulator.scenario import TWIN
from consensus.simulator.twins import every, generated, ways
from tests.simulation.test_groups_under_faults import held


@pytest.mark.parametrize(("n", "runs"), [(4, 80), (7, 12), (10, 4)])
def test_twins_split_nobody(n, runs):
    assert held(Kind(n, twins=True), range(runs)).outcomes["certified"] > runs


def test_every_way_to_fall_apart_comes_once_with_every_twin():
    scenarios = [generated(Random(0), 4, index) for index in range(every())]
    seen = Counter((each.twins, each.splits[0].parts, each.splits[1].parts) for each in scenarios)
    assert set(seen.values()) == {1}
    assert {twins for twins, _, _ in seen} == {(0,), (1,), (2,), (3,)}
    parts = ways((0, 1, 2, 3, 2 + TWIN))
    assert len(parts) == len({frozenset(map(frozenset, each)) for each in parts}) == 1 + 15 + 25


def test_twins_break_a_group_that_commits_on_too_few():
    assert campaign(Kind(4, broken="commit-on-too-few", twins=True), range(20), processes=1).failures
