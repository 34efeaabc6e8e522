"""A run follows from its seed alone, byte for byte, in whatever process; a failure prints what repeats it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from consensus.simulator.__main__ import again
from consensus.simulator.campaign import Kind, campaign, one
from consensus.simulator.simulation import run

ROOT = Path(__file__).parents[2]


def shell(command: str, hashing: int) -> tuple[int, str, str]:
    _, *arguments = shlex.split(command)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hashing)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def told(seed: int, n: int) -> str:
    lines: list[str] = []
    run(seed, n, tell=lines.append)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("seed", "n"), [(1, 4), (2, 4), (5, 7)])
def test_another_process_that_hashes_otherwise_tells_the_same(seed, n):
    here = told(seed, n)
    for hashing in (1, 2):
        assert shell(again(Kind(n), seed), hashing) == (0, here, "")


def test_another_seed_tells_something_else():
    assert told(1, 4) != told(2, 4)


def test_a_failure_prints_what_repeats_it():
    status, printed, _ = shell("python -m consensus.simulator 50 --n 4 --broken forget-results --processes 1", 0)
    assert status == 0
    command = printed.strip().rsplit("again: ", 1)[1]
    statuses, tellings, problems = zip(*(shell(command, hashing) for hashing in (1, 2)), strict=True)
    assert set(statuses) == {1}
    assert tellings[0] == tellings[1]
    assert problems[0] == problems[1]
    assert problems[0].startswith("one result: ")


def test_a_broken_replica_leaves_nothing_behind():
    before = one(Kind(4), 3).trace
    one(Kind(4, broken="forget-results"), 3)
    assert one(Kind(4), 3).trace == before


def test_many_processes_find_what_one_finds():
    kind = Kind(4, broken="commit-out-of-turn")
    alone, together = (campaign(kind, range(80), processes) for processes in (1, 2))
    assert [each.seed for each in alone.failures] == [each.seed for each in together.failures]
    assert alone.traces == together.traces
