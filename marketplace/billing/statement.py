"""What a person is shown of an organisation's money: balances, the history with the end of every hold, spending
and earnings by day.

Reads only; each list in one query however long it is. Who may see it is asked before.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.billing import accounts, months
from marketplace.billing.accounts import Kind
from marketplace.billing.models import Balance
from marketplace.billing.settling import AVAILABLE_AFTER
from marketplace.db.statements import Statement

PAGE = 50
BATCH = 500  # movements read at once where all are wanted
NEWEST = 2**63 - 1  # before which all movements are
DAY = dt.timedelta(days=1)

SPENT = (Kind.FREE, Kind.CREDIT)  # the accounts that predictions are paid from
EARNED = (Kind.PAYABLE,)  # what has become available of earnings


@dataclass(frozen=True)
class Balances:
    """Micro-units by kind of account."""

    free: int = 0
    credit: int = 0
    held: int = 0
    earned: int = 0
    payable: int = 0
    staked: int = 0
    locked: int = 0

    @property
    def available(self) -> int:
        """What may be spent now."""
        return self.free + self.credit


def balances(organisation: int) -> Balances:
    """One query."""
    found = Balance.objects.filter(account__organisation=organisation, account__currency=accounts.currency())
    return Balances(**dict(found.values_list("account__kind", "amount")))


@dataclass(frozen=True)
class Purse:
    """What every page says of a person's own organisation."""

    available: int
    alert: int  # percent of a cap that have been reached this month: 0, 80 or 100


_PURSE = Statement(
    """
    SELECT coalesce(sum(balance.amount), 0)::bigint, coalesce((
        SELECT max(greatest(alert.percent, (
            SELECT max(level) FROM unnest(ARRAY[0, 80, 100]) AS level
            WHERE level * cap.amount::numeric <= 100 * coalesce(spent.amount, 0)::numeric)))
        FROM billing_cap AS cap JOIN accounts_organisation AS mine ON mine.id = cap.organisation_id
        LEFT JOIN billing_capalert AS alert ON alert.cap_id = cap.id AND alert.month = $3
        LEFT JOIN billing_spending AS spent ON spent.organisation_id = cap.organisation_id AND spent.month = $3
            AND spent.api_key_id IS NOT DISTINCT FROM cap.api_key_id
        WHERE mine.personal_of_id = $1), 0)
    FROM accounts_organisation AS mine JOIN billing_account AS account ON account.organisation_id = mine.id
    JOIN billing_balance AS balance ON balance.account_id = account.id
    WHERE mine.personal_of_id = $1 AND account.currency = $2 AND account.kind IN ('free', 'credit')
    """,
    *("bigint", "text", "date"),
)


def purse(user: int) -> Purse:
    """One query."""
    return Purse(*_PURSE.rows(user, accounts.currency(), months.this_month())[0])


# --- history ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Movement:
    """Something that moved an organisation's money, once; with a hold, what became of it.

    `amount` is what it added, or took away where it is negative. Of a hold: `quoted`, at most; once it has ended
    `charged`, how (`ending`) and whether that was refunded since. `certificate`: 64 hexadecimal digits, or empty.
    """

    id: int  # the place in the order, for the next page
    kind: str  # ledger.Kind
    detail: str
    time: dt.datetime
    amount: int
    prediction: UUID | None
    target: str
    mode: str
    rows: int
    certificate: str
    quoted: int | None
    charged: int | None
    ending: str
    ended: dt.datetime | None
    refunded: bool

    @property
    def returned(self) -> int | None:
        """Of what was quoted, when the hold ended."""
        return None if self.quoted is None or self.charged is None else self.quoted - self.charged


# $1 organisation, $2 currency, $3 kinds of account, $4 before which entry, $5 how many. A transaction stands where
# the first of its entries on these accounts does. That a hold was posted or returned is told with the hold.
_HISTORY = Statement(
    """
    WITH mine AS MATERIALIZED (
        SELECT id FROM billing_account WHERE organisation_id = $1 AND currency = $2 AND kind = ANY($3)
    ), place AS (
        SELECT first.id, first.transaction_id FROM mine, LATERAL (
            SELECT entry.id, entry.transaction_id
            FROM billing_entry AS entry JOIN billing_transaction AS moved ON moved.id = entry.transaction_id
            WHERE entry.account_id = mine.id AND entry.id < $4 AND moved.kind NOT IN ('posted', 'returned')
                AND NOT EXISTS (
                    SELECT FROM billing_entry AS other JOIN mine AS also ON also.id = other.account_id
                    WHERE other.transaction_id = entry.transaction_id AND other.id < entry.id)
            ORDER BY entry.id DESC LIMIT $5
        ) AS first
        ORDER BY first.id DESC LIMIT $5
    )
    SELECT place.id, moved.kind, moved.detail, moved.posted, (
            SELECT sum(entry.amount)::bigint FROM billing_entry AS entry JOIN mine ON mine.id = entry.account_id
            WHERE entry.transaction_id = moved.id
        ), asked.id::text, coalesce(asked.target, ''), coalesce(asked.mode, ''), coalesce(asked.rows, 0),
        coalesce(encode(certificate.sha256, 'hex'), ''), hold.amount, ended.posted, coalesce(ended.ending, ''),
        ended.time, EXISTS (SELECT FROM billing_transaction WHERE reverses_id = ended.transaction_id)
    FROM place JOIN billing_transaction AS moved ON moved.id = place.transaction_id
    LEFT JOIN billing_hold AS hold ON hold.member_id IS NULL AND hold.id = coalesce(
        (SELECT id FROM billing_hold WHERE transaction_id = moved.id),
        (SELECT hold_id FROM billing_holdend WHERE transaction_id = moved.reverses_id))
    LEFT JOIN billing_holdend AS ended ON ended.hold_id = hold.id
    LEFT JOIN predictions_prediction AS asked ON asked.hold_id = hold.id
    LEFT JOIN certificates_certificate AS certificate ON certificate.id = asked.certificate_id
    ORDER BY place.id DESC
    """,
    *("bigint", "text", "text[]", "bigint", "bigint"),
)


def history(
    organisation: int, before: int = NEWEST, limit: int = PAGE, kinds: tuple[Kind, ...] = SPENT
) -> list[Movement]:
    """What moved on these accounts, newest first, before this place in the order. One query."""
    found = _HISTORY.rows(organisation, accounts.currency(), [str(kind) for kind in kinds], before, limit)
    return [_movement(*row) for row in found]


def whole_history(organisation: int) -> Iterator[Movement]:
    """All of it, newest first, some at a time: it may be of any length."""
    before = NEWEST
    while some := history(organisation, before, BATCH):
        yield from some
        before = some[-1].id


def _movement(*row: Any) -> Movement:
    fields = dict(zip((field.name for field in dataclasses.fields(Movement)), row, strict=True))
    return Movement(**fields | {"prediction": UUID(fields["prediction"]) if fields["prediction"] else None})


# --- by day -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Daily:
    """What predictions that were asked, or paid for, on a day came to: `by` mode, or by what was asked."""

    day: dt.date  # UTC
    by: str
    amount: int
    count: int
    free: int = 0  # of them, for which nothing was held


_SPENT = Statement(
    """
    SELECT (asked.created AT TIME ZONE 'UTC')::date AS day, asked.mode,
        coalesce(sum(coalesce(ended.posted, hold.amount)) FILTER (WHERE back.id IS NULL), 0)::bigint,
        count(*), count(*) FILTER (WHERE hold.id IS NULL)
    FROM predictions_prediction AS asked LEFT JOIN billing_hold AS hold ON hold.id = asked.hold_id
    LEFT JOIN billing_holdend AS ended ON ended.hold_id = hold.id
    LEFT JOIN billing_transaction AS back ON back.reverses_id = ended.transaction_id
    WHERE asked.organisation_id = $1 AND asked.created >= $2::timestamp AT TIME ZONE 'UTC'
        AND asked.created < $3::timestamp AT TIME ZONE 'UTC'
    GROUP BY 1, 2 ORDER BY 1, 2
    """,
    *("bigint", "date", "date"),
)
# $1 organisation, $2 currency, $3 and $4 the month and the one after, $5 by when reversals have come. Entries are
# written in the order of days, but for clocks that differ: what lies a day outside is not read.
_EARNED = Statement(
    """
    WITH before AS (
        SELECT id FROM billing_transaction WHERE day < $3 - 1 ORDER BY day DESC LIMIT 1
    ), after AS (
        SELECT id FROM billing_transaction WHERE day > $5 ORDER BY day LIMIT 1
    )
    SELECT (ended.time AT TIME ZONE 'UTC')::date AS day, split_part(asked.target, '@', 1) AS target,
        sum(entry.amount)::bigint, sum(CASE moved.kind WHEN 'posted' THEN 1 ELSE -1 END)
    FROM billing_account AS account JOIN billing_entry AS entry ON entry.account_id = account.id
    JOIN billing_transaction AS moved ON moved.id = entry.transaction_id
    JOIN billing_holdend AS ended ON ended.transaction_id = coalesce(moved.reverses_id, moved.id)
    JOIN predictions_prediction AS asked ON asked.hold_id = ended.hold_id
    WHERE account.organisation_id = $1 AND account.currency = $2 AND account.kind = 'earned'
        AND entry.id >= coalesce((
            SELECT min(first.id) FROM billing_entry AS first JOIN before ON first.transaction_id = before.id), 0)
        AND entry.id <= coalesce((
            SELECT max(last.id) FROM billing_entry AS last JOIN after ON last.transaction_id = after.id), $6)
        AND moved.kind IN ('posted', 'reversed')
        AND ended.time >= $3::timestamp AT TIME ZONE 'UTC' AND ended.time < $4::timestamp AT TIME ZONE 'UTC'
    GROUP BY 1, 2 ORDER BY 1, 2
    """,
    *("bigint", "text", "date", "date", "date", "bigint"),
)


def spent_by_day(organisation: int, month: dt.date) -> list[Daily]:
    """By mode: all that was asked in a month, what was charged for it, less refunds, and what is still held.

    One query.
    """
    return [Daily(*row) for row in _SPENT.rows(organisation, month, months.month_after(month))]


def earned_by_day(organisation: int, month: dt.date) -> list[Daily]:
    """By what was asked (`model:owner/name`, `group:slug`): earned in a month, less refunds. One query."""
    after = months.month_after(month)
    late = after + AVAILABLE_AFTER + DAY
    return [Daily(*row) for row in _EARNED.rows(organisation, accounts.currency(), month, after, late, NEWEST)]
