"""The lists of faults name what exists, and all lies and broken replicas that the simulator has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consensus.simulator.broken import VARIANTS
from consensus.simulator.tricks import TRICKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agreement-faults.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")]


def named(kind: str) -> set[str]:
    """What stands in backquotes after that word, in one list."""
    lists = [found for row in ROWS for found in re.findall(rf"\b{kind} ((?:`[a-z-]+`(?:, )?)+)", row)]
    return {name for each in lists for name in re.findall(r"`([a-z-]+)`", each)}


MONEY = [line for line in (ROOT / "docs" / "money.md").read_text().splitlines() if line.startswith("| ")]


@pytest.mark.parametrize(("rows", "least"), [(ROWS, 60), (MONEY, 20)], ids=["agreement", "money"])
def test_every_test_that_is_named_is_there(rows, least):
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    wanted = {name for row in rows for name in re.findall(r"`(test_\w+)`", row)}
    assert len(wanted) > least
    assert not wanted - defined


def test_every_lie_that_is_named_is_told_and_every_one_that_is_told_is_named():
    assert named("lie") == set(TRICKS)


def test_every_broken_replica_stands_for_a_fault():
    assert named("broken") == set(VARIANTS)
