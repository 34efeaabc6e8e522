"""Setting aside what a prediction may cost: with the prediction, in one transaction, or not at all.

One statement counts the amount against this month's caps, notes which are nearly or wholly used up, and takes it
from free credit and then from credit. A hold that is too large for what there is, or for a cap, raises
PaymentRequired with what is missing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.conf import settings

from assay.ids import uuid7
from marketplace.accounts.access import Actor
from marketplace.billing import accounts, free_rows, money, pricing
from marketplace.billing.free_rows import Taken
from marketplace.billing.months import this_month
from marketplace.billing.pricing import Asked, Charge, Line
from marketplace.db.statements import Statement
from marketplace.errors import Conflict, PaymentRequired

# Money is locked in one order everywhere: free rows, spending, balances; hence `free` waits for `spent`.
# $1 organisation, $2 key, $3 amount, $4 currency, $5 lines, $6 fee, $7 month, $8 transaction, $9 its fingerprint
_HOLD = Statement(
    """
    WITH account AS (
        SELECT id, kind FROM billing_account
        WHERE organisation_id = $1 AND currency = $4 AND kind IN ('free', 'credit', 'held')
    ), spent AS (
        INSERT INTO billing_spending AS kept (organisation_id, api_key_id, month, amount)
        SELECT $1, key, $7, $3 FROM unnest(ARRAY[NULL, $2]) WITH ORDINALITY AS counted(key, nth)
        WHERE nth = 1 OR $2 IS NOT NULL
        ON CONFLICT (organisation_id, api_key_id, month) DO UPDATE SET amount = kept.amount + excluded.amount
        RETURNING api_key_id, amount
    ), free AS (
        SELECT least(ledger_locked((SELECT id FROM account WHERE kind = 'free')), $3) AS part
        FROM (SELECT count(*) FROM spent) AS counted
    ), enough AS (
        SELECT part, ledger_locked((SELECT id FROM account WHERE kind = 'credit')) + part - $3 AS over FROM free
    ), moved AS (
        INSERT INTO billing_transaction (id, key, fingerprint, kind, detail, day, posted)
        SELECT $8, 'hold ' || $8, $9, 'held', '', (now() AT TIME ZONE 'UTC')::date, now()
        FROM enough WHERE over >= 0 RETURNING id
    ), written AS (
        INSERT INTO billing_entry (transaction_id, account_id, amount)
        SELECT moved.id, account.id, part.amount
        FROM moved, enough AS free,
            LATERAL (VALUES ('free', -free.part), ('credit', free.part - $3), ('held', $3)) AS part(kind, amount)
            JOIN account ON account.kind = part.kind
        WHERE part.amount <> 0
    ), hold AS (
        INSERT INTO billing_hold
            (organisation_id, account_id, transaction_id, amount, free, lines, fee, api_key_id, month, created)
        SELECT $1, account.id, moved.id, $3, free.part, $5, $6, $2, $7, now()
        FROM moved, enough AS free, account WHERE account.kind = 'held' RETURNING id
    ), alerted AS (
        INSERT INTO billing_capalert (cap_id, month, percent, time)
        SELECT cap.id, $7, level.percent, now()
        FROM spent JOIN billing_cap AS cap
            ON cap.organisation_id = $1 AND cap.api_key_id IS NOT DISTINCT FROM spent.api_key_id
        CROSS JOIN (VALUES (80), (100)) AS level(percent)
        WHERE spent.amount::numeric * 100 >= cap.amount::numeric * level.percent AND NOT EXISTS (
            SELECT FROM billing_capalert AS said
            WHERE said.cap_id = cap.id AND said.month = $7 AND said.percent = level.percent)
        FOR KEY SHARE OF cap -- which somebody may be removing
        ON CONFLICT DO NOTHING
    )
    SELECT hold.id, enough.over, cap.id, spent.api_key_id, spent.amount - cap.amount
    FROM enough CROSS JOIN spent LEFT JOIN hold ON true LEFT JOIN billing_cap AS cap
        ON cap.organisation_id = $1 AND cap.api_key_id IS NOT DISTINCT FROM spent.api_key_id
    """,
    *("bigint", "bigint", "bigint", "text", "jsonb", "int", "date", "uuid", "bytea"),
)


@dataclass(frozen=True)
class Terms:
    """At which prices something is asked: those of a quote, or those that stand."""

    lines: tuple[Line, ...]
    fee: int  # the platform's part, in hundredths of a percent
    most: int | None = None  # micro-units that the buyer is willing to pay for all of it


FREE = Terms((), 0)
RAISE = "Raise the cap (on the page Billing, or PUT /api/v1/cap, for a key PUT /api/v1/keys/{id}/cap)"


class CapReached(PaymentRequired):
    """`caps` (ids) of `month` would be exceeded, that of the organisation or of the key by `over` the most."""

    default_code = "cap-reached"

    def __init__(self, whose: str, over: int, month: dt.date, caps: frozenset[int]) -> None:
        currency = accounts.currency()
        super().__init__(
            f"this would exceed the {whose}'s cap for the month by {money.words(over, currency)}",
            over,
            currency,
            hint=f"What is held counts until it has ended. {RAISE}, or wait for the first of the month.",
        )
        self.month = month
        self.caps = caps


def standing(lines: Sequence[Line]) -> Terms:
    return Terms(tuple(lines), settings.ENV.fee)


def sold(lines: Sequence[Line], buyer: int) -> list[Line]:
    """Those that this organisation has to pay: nobody pays oneself."""
    return [line for line in lines if line.seller != buyer]


def hold(actor: Actor, terms: Terms, asked: Asked, prediction: UUID | None = None) -> int | None:
    """Sets aside what this may cost at most; the hold, or None where it costs nothing.

    To be called in the transaction that stores the prediction, which has to be given up if this raises
    PaymentRequired, or Conflict. Where it costs nothing, the free rows that it took are kept by its id.
    """
    buyer, month = actor.organisation.pk, this_month()
    lines = sold(terms.lines, buyer)
    if not lines:
        return None
    free = free_rows.take(buyer, month, lines, asked.rows)
    charges = [pricing.charge(line, asked, rows) for line, rows in zip(lines, free, strict=True)]
    amount = sum(each.most for each in charges)
    if not amount:
        if any(free) and prediction is not None:
            free_rows.keep(Taken(prediction, buyer, month, tuple(charges)))
        return None
    if terms.most is not None and amount > terms.most:
        raise _too_dear(amount, terms.most)
    return _hold(actor, amount, charges, terms.fee, month)


def _hold(actor: Actor, amount: int, charges: Sequence[Charge], fee: int, month: dt.date) -> int:
    buyer, key = actor.organisation.pk, actor.key.pk if actor.key else None
    accounts.open_for([buyer])
    said, moved = json.dumps(msgspec.to_builtins(charges)), uuid7()
    row = buyer, key, amount, accounts.currency(), said, fee, month, str(moved), moved.bytes.ljust(32, b"\0")
    made = _HOLD.rows(*row)
    hold, over = made[0][:2]
    if hold is None:
        raise _too_little(amount, -over)
    exceeded = [(beyond, cap, capped) for _, _, cap, capped, beyond in made if beyond is not None and beyond > 0]
    if exceeded:
        most, _, capped = max(exceeded, key=lambda each: each[0])
        whose = "organisation" if capped is None else "key"
        raise CapReached(whose, most, month, frozenset(cap for _, cap, _ in exceeded))
    return int(hold)


def _too_dear(amount: int, most: int) -> Conflict:
    currency = accounts.currency()
    return Conflict(
        "this costs more than you are willing to pay",
        code="too-dear",
        pointer="/most",
        expected=f"{money.words(most, currency)} at most",
        got=money.words(amount, currency),
        hint="Its price may have changed since you saw it, or your free rows are used up. Look again.",
    )


def _too_little(amount: int, missing: int) -> PaymentRequired:
    currency = accounts.currency()
    return PaymentRequired(
        f"there is too little credit: {money.words(missing, currency)} is missing",
        missing,
        currency,
        expected=f"{money.words(amount, currency)} available",
        got=money.words(amount - missing, currency),
        hint="Ask for fewer rows, or ask who runs this marketplace for credit: none is sold here yet.",
    )
