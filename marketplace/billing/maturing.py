"""Making earnings available, day by day: what was earned for a day becomes payable on it, once.

A lot is all that one organisation earned to be available on one day, less what was reversed of it. Its transaction
has the lot's name for a key, so it does not matter how often, how late or by how many this is run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from marketplace.billing import accounts, ledger
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Balance, Transaction
from marketplace.billing.settling import AVAILABLE_AFTER
from marketplace.db.statements import Statement

BATCH = 500  # organisations looked up at once

# $1 organisation, $2 currency, $3 days until earnings are available. An organisation's lots mature in the order of
# days, so whatever was posted more than $3 before the day of the newest that has (`newest`) has matured too. Hence
# nothing is read that stands, in the order of entries, before a maturing of that time (`past`).
_LOTS = Statement(
    """
    WITH mine AS MATERIALIZED (
        SELECT id FROM billing_account WHERE organisation_id = $1 AND currency = $2 AND kind = 'earned'
    ), newest AS (
        SELECT matured.available
        FROM billing_entry AS entry JOIN billing_transaction AS matured ON matured.id = entry.transaction_id
        WHERE entry.account_id = (SELECT id FROM mine) AND matured.kind = 'matured'
        ORDER BY entry.id DESC LIMIT 1
    ), past AS (
        SELECT entry.id
        FROM billing_entry AS entry JOIN billing_transaction AS matured ON matured.id = entry.transaction_id
        WHERE entry.account_id = (SELECT id FROM mine) AND matured.kind = 'matured'
            AND matured.day < (SELECT available FROM newest) - $3
        ORDER BY entry.id DESC LIMIT 1
    )
    SELECT posting.available, sum(entry.amount)::bigint
    FROM billing_entry AS entry JOIN billing_transaction AS posting ON posting.id = entry.transaction_id
    WHERE entry.account_id = (SELECT id FROM mine) AND entry.id > coalesce((SELECT id FROM past), 0)
        AND posting.available IS NOT NULL
    GROUP BY posting.available HAVING sum(entry.amount) > 0 ORDER BY posting.available
    """,
    *("bigint", "text", "int"),
)


class Lot(NamedTuple):
    """What becomes available on a day, in micro-units."""

    day: dt.date
    amount: int


def lots(organisation: int) -> list[Lot]:
    """What has been earned and is not available yet, in the order of days. One query."""
    return [Lot(*row) for row in _LOTS.rows(organisation, accounts.currency(), AVAILABLE_AFTER.days)]


def mature(today: dt.date | None = None) -> int:
    """Makes available all that is due; how many lots. To be run every day, or whenever."""
    by = today or timezone.now().date()
    return sum(_mature(each, by) for each in _earners(by))


def key(organisation: int, day: dt.date) -> str:
    """Of the transaction that makes this lot available."""
    return f"mature {organisation} {day.isoformat()}"


def _earners(day: dt.date) -> Iterator[int]:
    """Organisations that have earned something which may be due by this day."""
    earned = Balance.objects.filter(account__kind=Kind.EARNED, account__currency=accounts.currency(), amount__gt=0)
    after = 0
    while found := list(
        earned.filter(account__organisation__gt=after)
        .order_by("account__organisation")
        .values_list("account__organisation", flat=True)[:BATCH]
    ):
        names = {key(each, day): each for each in found}
        done = set(Transaction.objects.filter(key__in=names).values_list("key", flat=True))
        yield from (each for name, each in names.items() if name not in done)
        after = found[-1]


def _due(organisation: int, day: dt.date) -> list[Lot]:
    return [each for each in lots(organisation) if each.day <= day]


@transaction.atomic
def _mature(organisation: int, day: dt.date) -> int:
    """With the balance locked, as `reversing` does: what is reversed is not matured, and the other way round."""
    if not _due(organisation, day):
        return 0
    ledger.hold_still(Where(Kind.EARNED, organisation))
    return len(ledger.post([_posting(organisation, each) for each in _due(organisation, day)]))


def _posting(organisation: int, lot: Lot) -> Posting:
    return Posting(
        key=key(organisation, lot.day),
        kind=ledger.Kind.MATURED,
        available=lot.day,
        parts=(
            Part(Where(Kind.EARNED, organisation), -lot.amount),
            Part(Where(Kind.PAYABLE, organisation), lot.amount),
        ),
    )
