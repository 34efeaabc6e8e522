"""Making earnings available, day by day: what was earned for a day becomes payable on it, once.

A lot is all that one organisation earned to be available on one day, less what was reversed of it. Its transaction
has the lot's name for a key, so it does not matter how often, how late or by how many this is run.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from marketplace.billing import accounts, ledger
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Entry

MOST = 500  # lots in one run


def mature(today: dt.date | None = None) -> int:
    """Makes available what is due; how many lots. To be run every day, or whenever."""
    due = lots().filter(transaction__available__lte=today or timezone.now().date())
    done = 0
    for organisation, day, amount in due[:MOST]:
        if amount > 0:
            done += _mature(organisation, day)
    return done


def lots() -> QuerySet[Entry, tuple[int, dt.date, int]]:
    """(organisation, day, amount) of what has been earned and is not available yet, in the order of days."""
    of_kind = Entry.objects.filter(account__kind=Kind.EARNED, account__currency=accounts.currency())
    by_lot = of_kind.values_list("account__organisation", "transaction__available")
    return by_lot.annotate(amount=Sum("amount")).filter(amount__gt=0).order_by("transaction__available", "account")


def key(organisation: int, day: dt.date) -> str:
    """Of the transaction that makes this lot available."""
    return f"mature {organisation} {day.isoformat()}"


@transaction.atomic
def _mature(organisation: int, day: dt.date) -> int:
    """With the balance locked, as `reversing` does: what is reversed is not matured, and the other way round."""
    ledger.hold_still(Where(Kind.EARNED, organisation))
    for _, _, amount in lots().filter(account__organisation=organisation, transaction__available=day):
        ledger.post(
            [
                Posting(
                    key=key(organisation, day),
                    kind=ledger.Kind.MATURED,
                    available=day,
                    parts=(
                        Part(Where(Kind.EARNED, organisation), -amount),
                        Part(Where(Kind.PAYABLE, organisation), amount),
                    ),
                )
            ]
        )
        return 1
    return 0
