"""Taking back what was posted: once, whole, and only while none of it is available to its earners."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from marketplace.billing import ledger, maturing, settling
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Overdrawn, Part, Posting
from marketplace.billing.models import Entry, Hold, HoldEnd, Transaction
from marketplace.errors import Conflict
from verification.ends import Ending


@transaction.atomic
def reverse(hold: int, ending: Ending, detail: str = "") -> None:
    """Gives the buyer back all that was posted for this hold. Doing it again changes nothing.

    Raises Conflict where the money is available to its earners already: then it is theirs.
    """
    ended = HoldEnd.objects.select_related("hold", "transaction").get(pk=hold)
    of = settling.held(ended.hold)
    settling.hold_counts_still(of)  # before balances, as everywhere; from here on one reversal after the other
    if not ended.posted or Transaction.objects.filter(reverses=ended.transaction).exists():
        return
    free = min(of.free, ended.posted)  # free credit was spent first
    parts = (
        *(Part(where, -amount) for where, amount in _shares(ended)),
        Part(Where(Kind.FREE, of.buyer), free),
        Part(Where(Kind.CREDIT, of.buyer), ended.posted - free),
    )
    ledger.hold_still(
        *(where for where, _ in parts)
    )  # nothing of this matures meanwhile: `maturing` locks the same
    _require_in_time(ended.transaction, [where for where, _ in parts if where.kind == Kind.EARNED])
    settling.count_back([(of, ended.posted)])
    ledger.post(
        [
            Posting(
                key=f"reverse {hold}",
                kind=ledger.Kind.REVERSED,
                detail=f"{ending.name} {detail}".strip(),
                available=ended.transaction.available,
                reverses=ended.transaction_id,
                parts=parts,
            )
        ]
    )


def reverse_request(request: bytes, group: int, ending: Ending, detail: str) -> bool:
    """The same for the prediction of this id that a group has answered; whether there was anything to take back.

    What is available to its earners already stays with them: evidence that comes so late costs stakes alone; and
    so does what was posted and is not where it was, which staff have moved.
    """
    asked = {"prediction": UUID(bytes=request), "prediction__group": group}
    for hold in Hold.objects.filter(**asked, end__posted__gt=0, end__transaction__reversal__isnull=True):
        with suppress(Conflict, Overdrawn):
            reverse(hold.pk, ending, detail)
            return True
    return False


def _shares(ended: HoldEnd) -> list[Part]:
    """What was posted, to whom."""
    paid = (Kind.EARNED, Kind.FEES, Kind.VERIFICATION)
    entries = Entry.objects.filter(transaction=ended.transaction, account__kind__in=paid).select_related("account")
    return [Part(Where(Kind(e.account.kind), e.account.organisation_id), e.amount) for e in entries.order_by("pk")]


def _require_in_time(posted: Transaction, earners: list[Where]) -> None:
    """By the calendar, and by what has matured: clocks differ."""
    day = posted.available
    matured = [maturing.key(each.organisation, day) for each in earners if each.organisation and day]
    if day is None or day <= timezone.now().date() or Transaction.objects.filter(key__in=matured).exists():
        raise Conflict(
            "what was paid for this is available to its earners already",
            code="too-late-to-reverse",
            expected=f"before {day}",
        )
