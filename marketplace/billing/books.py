"""The books: trial balance, journal, and closing a period, after which PostgreSQL takes no transaction of it.

The journal is every entry with its transaction, in the order of the transactions, as CSV: the same days give the
same bytes for ever, once they are closed.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg2.errors import LockNotAvailable

from assay.errors import Refused
from marketplace import text
from marketplace.accounts import audit
from marketplace.accounts.audit import Action
from marketplace.accounts.models import User
from marketplace.billing import money, moving
from marketplace.billing.models import Period
from marketplace.errors import Conflict

CLOSE = "billing.add_period"  # a permission of staff
BATCH = 500  # transactions read at once
PATIENCE = "5s"  # that closing waits for what is in flight; meanwhile others wait for it
FIRST_DAY = dt.date(2000, 1, 1)  # before any transaction
COLUMNS = (
    *("day", "posted", "transaction", "kind", "key", "detail", "reverses", "made_by"),
    *("organisation", "account", "currency", "amount"),
)

_TRIAL = """
SELECT account.kind, account.currency, count(DISTINCT account.id), coalesce(sum(moved.amount), 0)::bigint
FROM billing_account AS account LEFT JOIN (
    SELECT entry.account_id, sum(entry.amount) AS amount
    FROM billing_entry AS entry JOIN billing_transaction AS posting ON posting.id = entry.transaction_id
    WHERE posting.day <= %s GROUP BY entry.account_id
) AS moved ON moved.account_id = account.id
GROUP BY account.kind, account.currency ORDER BY account.currency, account.kind
"""
# an organisation's slug never changes: certificates name owners by it
_JOURNAL = """
SELECT posting.id, posting.day, posting.posted, posting.kind, posting.key, posting.detail, posting.reverses_id,
    posting.made_by_id, organisation.slug, account.kind, account.currency, entry.amount
FROM (
    SELECT * FROM billing_transaction WHERE id > %s AND day BETWEEN %s AND %s ORDER BY id LIMIT %s
) AS posting
JOIN billing_entry AS entry ON entry.transaction_id = posting.id
JOIN billing_account AS account ON account.id = entry.account_id
LEFT JOIN accounts_organisation AS organisation ON organisation.id = account.organisation_id
ORDER BY posting.id, entry.id
"""
_COUNT = "SELECT count(*) FROM billing_transaction WHERE day BETWEEN %s AND %s"


class Total(NamedTuple):
    """What is on all accounts of a kind."""

    kind: str
    currency: str
    accounts: int
    amount: int  # micro-units


def trial_balance(at: dt.date | None = None) -> list[Total]:
    """What was on all accounts at the end of a day (UTC), or is now: its sum is 0 in each currency."""
    with connection.cursor() as cursor:
        cursor.execute(_TRIAL, [at or dt.date.max])
        return [Total(*row) for row in cursor.fetchall()]


def journal(first: dt.date, last: dt.date) -> Iterator[str]:
    """The days' journal as CSV, many lines at once: it may be of any length."""
    yield _lines([COLUMNS])
    after = "00000000-0000-0000-0000-000000000000"
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_JOURNAL, [after, first, last, BATCH])
            rows = cursor.fetchall()
        if not rows:
            return
        yield _lines(_cells(*row) for row in rows)
        after = rows[-1][0]


def _cells(*row: Any) -> tuple[object, ...]:
    """A row of _JOURNAL as one of COLUMNS."""
    identifier, day, posted, kind, key, detail, reverses, by, slug, account, currency, amount = row
    at = posted.astimezone(dt.UTC).isoformat(timespec="microseconds")
    about = (day, at, identifier, kind, text.cell(key), text.cell(detail), reverses or "", by or "")
    return (*about, slug or "platform", account, currency, money.number(amount))


def digest(first: dt.date, last: dt.date) -> bytes:
    """SHA-256 of the days' journal."""
    hashed = hashlib.sha256()
    for lines in journal(first, last):
        hashed.update(lines.encode())
    return hashed.digest()


def closed() -> Period | None:
    """The period that was closed last."""
    return Period.objects.order_by("-last_day").first()


def begins(before: Period | None) -> dt.date:
    """The first day that comes after a period that is closed."""
    return FIRST_DAY if before is None else before.last_day + dt.timedelta(days=1)


def require_closable(last: dt.date) -> Period | None:
    """Raises Refused for today and later, Conflict for what is closed; else the period before it."""
    yesterday = timezone.now().astimezone(dt.UTC).date() - dt.timedelta(days=1)
    if last > yesterday:
        raise Refused(
            "the day is not over yet, in UTC",
            pointer="/last_day",
            expected=f"{yesterday} or before",
            got=last.isoformat(),
        )
    return _before(last)


def close(by: User, last: dt.date) -> Period:
    """Closes all days up to this one, for ever. Raises Refused for today and later, Conflict, Forbidden."""
    moving.require_finance(by, CLOSE)
    before = require_closable(last)
    seen = _count(before, last)
    balance, hashed = trial_balance(last), digest(begins(before), last)  # long, and while others go on posting
    with transaction.atomic():
        _rest()
        now = _before(last)  # and nothing is written from here on
        if (now, _count(now, last)) != (before, seen):
            balance, hashed = trial_balance(last), digest(begins(now), last)
        period = Period.objects.create(last_day=last, trial_balance=stored(balance), sha256=hashed, closed_by=by)
        audit.record(None, by, Action.PERIOD_CLOSED, period)
        return period


def stored(totals: list[Total]) -> list[list[object]]:
    """A trial balance as it is kept with a period: what is not 0."""
    return [[f"{each.kind} {each.currency}", each.amount] for each in totals if each.amount]


def _before(last: dt.date) -> Period | None:
    before = closed()
    if before is not None and before.last_day >= last:
        raise Conflict(
            "that is closed already",
            pointer="/last_day",
            expected=f"after {before.last_day}",
            got=last.isoformat(),
        )
    return before


def _count(before: Period | None, last: dt.date) -> int:
    """Transactions only grow in number, so two counts that are alike have counted the same ones."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [begins(before), last])
        return int(cursor.fetchone()[0])


def _rest() -> None:
    """Waits until nobody is posting, and keeps everybody from it. Raises Conflict."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            cursor.execute("SELECT ledger_rests()")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise Conflict("the ledger does not come to rest: try again in a moment") from error


def _lines(rows: Iterable[tuple[object, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
