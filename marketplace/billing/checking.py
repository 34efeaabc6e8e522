"""Proving from the entries alone that the ledger is right, on a live database.

What PostgreSQL refuses to begin with (docs/money.md) is looked for all the same: somebody may have had the owner's
rights, or a disk may have lied. Every rule is one statement that counts and one that names what breaks it, so it
takes the database's memory and not ours. Nothing is written and nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import msgspec
from django.db import connection, transaction

from marketplace.billing import books
from marketplace.billing.models import Period
from marketplace.billing.rules import RULES, Rule
from verification.ends import ENDINGS

SHOWN = 20  # of what breaks a rule; the rest is counted
_NAMED = "SELECT named, count(*) OVER () FROM ({}) AS broken(named) LIMIT %(shown)s"


@dataclass(frozen=True)
class Finding:
    """What became of a rule: `counted` things were looked at, `broken` of them break it; some are named."""

    rule: str
    counted: int
    broken: int = 0
    named: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{'WRONG' if self.broken else 'ok':<6}{self.counted:>10,}  {self.rule}"
        more = self.broken - len(self.named)
        return "\n".join(
            (head, *(f"       {each}" for each in self.named), *([f"       and {more:,} more"] if more else []))
        )


def check_live() -> list[Finding]:
    """The same as `check`, on one state of a database that is being written to. Not within a transaction."""
    with _snapshot():
        return check()


def check() -> list[Finding]:
    """Every rule put to what the current transaction sees."""
    found = [_judge(rule) for rule in RULES]
    return [*found, *_periods()]


@contextmanager
def _snapshot() -> Iterator[None]:
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _judge(rule: Rule) -> Finding:
    endings = ENDINGS.values()
    given: dict[str, list[str] | int] = {
        "names": [each.name for each in endings],
        "statuses": [each.status for each in endings],
        "moneys": [each.money for each in endings],
        "shown": SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(rule.counted, given)
        counted = int(cursor.fetchone()[0])
        cursor.execute(_NAMED.format(rule.broken), given)
        rows = cursor.fetchall()
    return Finding(rule.says, counted, int(rows[0][1]) if rows else 0, tuple(named for named, _ in rows))


def _periods() -> list[Finding]:
    """That closed periods are as they were when they were closed."""
    periods = list(Period.objects.order_by("last_day"))
    balances, journals = [], []
    for before, each in pairwise([None, *periods]):
        assert each is not None, "only the first has none before it"
        if each.trial_balance != msgspec.to_builtins(books.stored(books.trial_balance(each.last_day))):
            balances.append(f"period {each.pk} up to {each.last_day}")
        if bytes(each.sha256) != books.digest(books.begins(before), each.last_day):
            journals.append(f"period {each.pk} up to {each.last_day}")
    return [
        _finding("closed periods have the trial balance with which they were closed", periods, balances),
        _finding("closed periods have the journal with which they were closed, to the byte", periods, journals),
    ]


def _finding(rule: str, looked_at: list[Period], wrong: list[str]) -> Finding:
    return Finding(rule, len(looked_at), len(wrong), tuple(wrong[:SHOWN]))
