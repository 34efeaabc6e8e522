"""What becomes of a hold when its prediction ends: posted, in part, or returned. In the same transaction.

What an end does is its Ending's word (`verification.ends`); which owners' work a certificate shows is the mode's.
Any number of ends is settled at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.db.models import Q
from django.utils import timezone

from assay.certificate import AnyCertificate
from marketplace.billing import free_rows, ledger, pricing, splitting
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Hold, Spending
from marketplace.billing.pricing import Charge
from marketplace.db.statements import Statement
from verification.ends import Ending
from verification.registry import MODES

AVAILABLE_AFTER = dt.timedelta(days=7)  # until then a dispute may take back what was earned

_OPEN = Statement(
    """
    SELECT hold.id, hold.organisation_id, hold.amount, hold.free, hold.lines, hold.fee, hold.api_key_id, hold.month
    FROM billing_hold AS hold LEFT JOIN billing_holdend AS ended ON ended.hold_id = hold.id
    WHERE hold.id = ANY(ARRAY(SELECT unnest($1))) AND ended.hold_id IS NULL ORDER BY hold.id
    """,
    "bigint[]",
)
_COUNT = Statement(
    """
    WITH locked AS (
        SELECT spending.id, back.amount
        FROM unnest($1, $2, $3, $4) AS back(organisation, key, month, amount)
        JOIN billing_spending AS spending ON spending.organisation_id = back.organisation
            AND spending.month = back.month AND spending.api_key_id IS NOT DISTINCT FROM back.key
        ORDER BY spending.id FOR NO KEY UPDATE OF spending
    )
    UPDATE billing_spending AS spending SET amount = spending.amount - locked.amount FROM locked
    WHERE spending.id = locked.id RETURNING spending.organisation_id, spending.api_key_id, month, spending.amount
    """,
    *("bigint[]", "bigint[]", "date[]", "bigint[]"),
)
_END = Statement(
    """
    INSERT INTO billing_holdend (hold_id, transaction_id, ending, posted, time)
    SELECT *, now() FROM unnest($1, $2, $3, $4) RETURNING hold_id
    """,
    *("bigint[]", "uuid[]", "text[]", "bigint[]"),
)


@dataclass(frozen=True)
class Ended:
    """A prediction's hold, if it has one, and how the prediction ended."""

    hold: int | None
    ending: Ending
    certificate: AnyCertificate | None = None
    prediction: UUID | None = None


@dataclass(frozen=True)
class Open:
    """A hold that has not ended."""

    id: int
    buyer: int
    amount: int
    free: int
    charges: tuple[Charge, ...]
    fee: int
    key: int | None
    month: dt.date


@dataclass(frozen=True)
class Settlement:
    """What an end makes of a hold: what is posted, to whom; the rest goes back."""

    hold: Open
    ending: Ending
    shares: tuple[Part, ...] = ()
    paid: tuple[Charge, ...] = ()  # those of who is paid, free rows included

    @property
    def unpaid(self) -> list[Charge]:
        """Of who has not answered."""
        return [each for each in self.hold.charges if each not in self.paid]

    @property
    def posted(self) -> int:
        return sum(amount for _, amount in self.shares)

    @property
    def returned(self) -> int:
        return self.hold.amount - self.posted

    @property
    def posting(self) -> Posting:
        """Free credit is spent first, so credit comes back first."""
        free = self.hold.free - min(self.hold.free, self.posted)
        buyer = self.hold.buyer
        return Posting(
            key=f"end {self.hold.id}",
            kind=ledger.Kind.POSTED if self.posted else ledger.Kind.RETURNED,
            detail=self.ending.name,
            available=timezone.now().date() + AVAILABLE_AFTER if self.posted else None,
            parts=(
                Part(Where(Kind.HELD, buyer), -self.hold.amount),
                Part(Where(Kind.FREE, buyer), free),
                Part(Where(Kind.CREDIT, buyer), self.returned - free),
                *self.shares,
            ),
        )


def settle(ended: Sequence[Ended]) -> None:
    """Ends these holds; those that have ended already stay as they are.

    To be called in the transaction in which the predictions end, with their rows locked. Money is locked in one
    order everywhere: free rows, spending, balances.
    """
    if not ended:
        return
    by_hold = {each.hold: each for each in ended if each.hold is not None}
    settled = [settlement(each, by_hold[each.id]) for each in _open(by_hold)] if by_hold else []
    unpaid = [(each.hold.buyer, each.hold.month, charge) for each in settled for charge in each.unpaid]
    free_rows.give_back([*unpaid, *_not_given(ended)])
    if not settled:
        return
    count_back((each.hold, each.returned) for each in settled)
    posted = ledger.post([each.posting for each in settled], savepoint=False)
    _END.rows(
        [each.hold.id for each in settled],
        [str(each) for each in posted],
        [each.ending.name for each in settled],
        [each.posted for each in settled],
    )


def settlement(hold: Open, ended: Ended) -> Settlement:
    """What this end makes of this hold. Moves nothing."""
    certificate, paid = ended.certificate, answered(hold.charges, ended)
    if certificate is None or not paid:
        return Settlement(hold, ended.ending)
    mode = MODES[certificate.mode]
    units = mode.meter.used(certificate)
    amounts = [pricing.used(each, units) for each in paid]
    if not sum(amounts):
        return Settlement(hold, ended.ending, paid=tuple(paid))  # who answered gave its free rows
    platform, verifier = hold.fee, min(mode.verifying, splitting.WHOLE - hold.fee)
    weights = [amount * (splitting.WHOLE - platform - verifier) for amount in amounts]
    weights += [sum(amounts) * platform, sum(amounts) * verifier]
    to = [Where(Kind.EARNED, each.line.seller) for each in paid]
    to += [Where(Kind.FEES), Where(Kind.VERIFICATION)]
    shares = zip(to, splitting.share(sum(amounts), weights), strict=True)
    parts = tuple(Part(where, amount) for where, amount in shares if amount)
    return Settlement(hold, ended.ending, parts, tuple(paid))


def answered(charges: Iterable[Charge], ended: Ended) -> list[Charge]:
    """Those whose work the certificate shows, where that is paid for."""
    certificate = ended.certificate
    if ended.ending.money != "posted" or certificate is None:
        return []
    owners = MODES[certificate.mode].owners(certificate)
    return [each for each in charges if each.line.member is None or each.line.owner in owners]


def _not_given(ended: Iterable[Ended]) -> Iterator[tuple[int, dt.date, Charge]]:
    """Free rows that were taken by what costs nothing, of who has not answered."""
    free = {each.prediction: each for each in ended if each.hold is None and each.prediction is not None}
    for taken in free_rows.release(list(free)):
        given = answered(taken.charges, free[taken.prediction])
        yield from ((taken.buyer, taken.month, charge) for charge in taken.charges if charge not in given)


def count_back(returned: Iterable[tuple[Open, int]]) -> None:
    """Takes what is returned off the month's spending, of the organisation and of the key."""
    sums: dict[tuple[int, int | None, dt.date], int] = {}
    for hold, amount in returned:
        for key in {None, hold.key}:
            kept = hold.buyer, key, hold.month
            sums[kept] = sums.get(kept, 0) + amount
    rows = [(*key, amount) for key, amount in sums.items() if amount]
    if rows:
        _COUNT.rows(*(list(column) for column in zip(*rows, strict=True)))


def hold_counts_still(hold: Open) -> None:
    """Locks the month's spending that this hold counts against, until the transaction ends."""
    counts = Spending.objects.filter(organisation=hold.buyer, month=hold.month)
    mine = counts.filter(Q(api_key=None) | Q(api_key=hold.key))
    list(mine.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def held(hold: Hold) -> Open:
    """A hold for a prediction, from its row."""
    charges = msgspec.convert(hold.lines, tuple[Charge, ...])
    assert hold.fee is not None, "it is for a prediction"
    return Open(
        *(hold.pk, hold.organisation_id, hold.amount, hold.free, charges, hold.fee, hold.api_key_id, hold.month)
    )


def _open(holds: Iterable[int]) -> list[Open]:
    found = _OPEN.rows(list(holds))
    return [
        Open(hold, buyer, amount, free, msgspec.json.decode(lines, type=tuple[Charge, ...]), fee, key, month)
        for hold, buyer, amount, free, lines, fee, key, month in found
    ]
