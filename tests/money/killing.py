"""Kills a process (-9) at each line of the code of money that a step runs, and looks at what is left.

The process is forked, runs with a connection of its own to a real PostgreSQL, and dies by its own hand at the
line; PostgreSQL then rolls back, or finishes a commit that had reached it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

from django.db import connection

from stack.tree import ROOT
from tests.lines import at_line
from tests.money.steps import Step, World

PREDICTIONS = ROOT / "marketplace" / "predictions"
WATCHED = {
    *map(str, (ROOT / "marketplace" / "billing").glob("*.py")),
    *(str(PREDICTIONS / f"{name}.py") for name in ("actions", "rows")),
}
DYING = "to be killed"  # the name of the connection
PATIENCE = 10.0  # seconds until PostgreSQL has noticed that a client is gone

NONE, ALL = "nothing of it was kept", "all of it was kept"


@dataclass
class Result:
    """What came of the kills at all lines of a step."""

    step: type[Step]
    kills: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def killed_at_each_line(step: type[Step], world: World, *, every: int = 1, first: int = 0) -> Result:
    """Kills at each `every`-th line from the `first` on, and at last when all is done and nobody has been told."""
    result, doing, line, over = Result(step), step(world), first, False
    while not over:
        doing.number += 1
        doing.prepare()
        over = _killed(doing, line)
        try:
            outcome = ALL if doing.kept() else NONE
            doing.go_on()
            doing.look()
            assert outcome == ALL or not over, "it was done, and is not there"
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the account
            result.wrong.append(f"{step.name}, killed at line {line}: {type(error).__name__} {error}")
            outcome = "wrong"
        result.kills += 1
        result.outcomes[outcome] += 1
        line += every
    return result


def _killed(doing: Step, line: int) -> bool:
    """Whether the process had done all of it before it was killed at the line, or else after the last."""
    connection.close()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = %s", [DYING])
            sys.settrace(at_line(line, WATCHED, _die))
            doing.do()
            sys.settrace(None)
            os.write(writing, b".")
            _die()
        except BaseException:  # noqa: BLE001 - it must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        over = pipe.read() == b"."
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        raise AssertionError(f"{doing.name}: the process that was to be killed at line {line} failed by itself")
    _until_forgotten()
    return over


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _until_forgotten() -> None:
    """Returns once PostgreSQL has let go of the killed process's transaction, this way or that."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [DYING])
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.001)
    raise AssertionError(f"PostgreSQL has not noticed within {PATIENCE:g} s that its client was killed")
