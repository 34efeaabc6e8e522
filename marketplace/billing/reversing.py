"""Taking back what was posted: once, whole, and only while none of it is available to its earners."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from marketplace.billing import ledger, settling
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Entry, Hold, HoldEnd, Transaction
from marketplace.errors import Conflict
from verification.ends import Ending


@transaction.atomic
def reverse(hold: int, ending: Ending, detail: str = "") -> None:
    """Gives the buyer back all that was posted for this hold. Doing it again changes nothing.

    Raises Conflict where the money is available to its earners already: then it is theirs.
    """
    ended = HoldEnd.objects.select_related("hold", "transaction").get(pk=hold)
    if not ended.posted or Transaction.objects.filter(reverses=ended.transaction).exists():
        return
    taken = _shares(ended)
    _lock(taken)
    if ended.transaction.available is None or ended.transaction.available <= timezone.now().date():
        raise Conflict(
            "what was paid for this is available to its earners already",
            code="too-late-to-reverse",
            expected=f"before {ended.transaction.available}",
        )
    buyer, free = ended.hold.organisation_id, min(ended.hold.free, ended.posted)
    settling.count_back([(settling.held(ended.hold), ended.posted)])
    ledger.post(
        [
            Posting(
                key=f"reverse {hold}",
                kind=ledger.Kind.REVERSED,
                detail=f"{ending.name} {detail}".strip(),
                available=ended.transaction.available,
                reverses=ended.transaction_id,
                parts=(
                    *(Part(where, -amount) for where, amount in taken),
                    Part(Where(Kind.FREE, buyer), free),
                    Part(Where(Kind.CREDIT, buyer), ended.posted - free),
                ),
            )
        ]
    )


def reverse_request(request: bytes, group: int, ending: Ending, detail: str) -> bool:
    """The same for the prediction of this id that a group has answered; whether there was anything to take back.

    What is available to its earners already stays with them: evidence that comes so late costs stakes alone.
    """
    asked = {"prediction": UUID(bytes=request), "prediction__group": group}
    for hold in Hold.objects.filter(**asked, end__posted__gt=0, end__transaction__reversal__isnull=True):
        with suppress(Conflict):
            reverse(hold.pk, ending, detail)
            return True
    return False


def _shares(ended: HoldEnd) -> list[Part]:
    """What was posted, to whom."""
    paid = (Kind.EARNED, Kind.FEES, Kind.VERIFICATION)
    entries = Entry.objects.filter(transaction=ended.transaction, account__kind__in=paid).select_related("account")
    return [Part(Where(Kind(e.account.kind), e.account.organisation_id), e.amount) for e in entries.order_by("pk")]


def _lock(taken: list[Part]) -> None:
    """The earners' balances: nothing of this matures meanwhile (`maturing` locks the same)."""
    ledger.hold_still(*(where for where, _ in taken if where.kind == Kind.EARNED))
