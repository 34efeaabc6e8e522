"""`make kills-money`: processes killed (-9) at every line of every step of money, and the table of it.

    python -m tests.money.kills [--every N]

Runs on a PostgreSQL of its own, which is removed. Ends with status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import django
from rich.console import Console
from rich.table import Table

from stack import testing

if TYPE_CHECKING:
    from tests.money.killing import Result


@contextmanager
def _database() -> Iterator[None]:
    """Django, set up on a PostgreSQL and a Redis that run inside the block."""
    tree = testing.run_tree()
    os.environ |= testing.environment(tree) | {"DJANGO_SETTINGS_MODULE": "marketplace.settings"}
    try:
        with testing.running_postgres(tree), testing.running_redis(tree):
            django.setup()
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0)
            yield
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
    finally:
        testing.remove_run()


def table(results: Sequence[Result]) -> Table:
    """Steps by outcomes."""
    from tests.money.killing import ALL, NONE

    made = Table("step", "then", title="killed (-9) at every line; the ledger right, nobody charged twice?")
    for heading in ("kills", NONE, ALL, "wrong"):
        made.add_column(heading, justify="right")
    for each in results:
        figures = each.kills, each.outcomes[NONE], each.outcomes[ALL], len(each.wrong)
        made.add_row(each.step.name, each.step.then, *map(str, figures))
    made.add_section()
    made.add_row(
        "all", "", str(sum(each.kills for each in results)), "", "", str(sum(len(r.wrong) for r in results))
    )
    return made


def main() -> int:
    parser = argparse.ArgumentParser(prog="make kills-money", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="kill at every so many lines only")
    given = parser.parse_args()
    begun, results = time.monotonic(), []
    with _database():
        from tests.marketplace import people
        from tests.marketplace.billing.market import Market
        from tests.money.killing import killed_at_each_line
        from tests.money.steps import STEPS, World, balanced

        world = World(Market(people.cast()))
        for step in STEPS:
            result = killed_at_each_line(step, world, every=given.every)
            results.append(result)
            print(f"{time.monotonic() - begun:6.1f} s  {step.name}: {result.kills} kills", flush=True)
            for each in result.wrong[:5]:
                print(f"WRONG: {each}", flush=True)
        totals = balanced(world)
    Console(width=190).print(table(results))
    print("in the ledger at the end, micro-units:", ", ".join(f"{k} {v:,}" for k, v in sorted(totals.items())))
    return int(any(each.wrong for each in results))


if __name__ == "__main__":
    sys.exit(main())
