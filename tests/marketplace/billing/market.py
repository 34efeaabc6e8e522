"""Three who sell to each other, and what they do at once: for tests of money in a hurry."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from assay.errors import AssayError
from marketplace.billing import pricing
from marketplace.billing.models import Account, Balance, Entry, Hold, Spending, Transaction
from marketplace.billing.pricing import Asking
from marketplace.catalogue.models import ModelVersion
from marketplace.predictions import actions, questions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.people import Cast, Person
from verification.ends import CERTIFIED, Ending

PRICE = 1_001  # micro-units for a row: not a multiple of ten, so that fees are rounded


class Market:
    """Everybody of the cast but tariq sells digits, each row for PRICE, and may ask the others."""

    def __init__(self, cast: Cast, free_rows: int = 0) -> None:
        self.cast = cast
        self.people = [cast.asha, cast.bela, cast.sam]
        self.versions: dict[str, ModelVersion] = {}
        for each in self.people:
            self.versions[each.name] = version = answering.digits(each)
            asking = Asking(f"0.00{PRICE}", free_rows)
            pricing.set_for_model(each.actor, version.model, "direct", asking)

    def ask(self, buyer: Person, seller: Person, rows: int = 1) -> Prediction:
        three = answering.a_three() | {"shape": [rows, 64], "data": [3.0] * 64 * rows}
        body = Body(**answering.request(model=f"{seller.name}/digits", inputs=[three]))
        return actions.create(buyer.actor, questions.read(buyer.actor, body))

    def ending(self, prediction: Prediction, ending: Ending = CERTIFIED) -> list[Change]:
        """What a worker reports of it."""
        status = Status(ending.status)
        document = answering.signed(self.cast.node_key, prediction) if status == Status.CERTIFIED else None
        error = AssayError("because") if status in (Status.FAILED, Status.EXPIRED) else None
        return [
            Change(prediction.pk, Status.DISPATCHED),
            Change(prediction.pk, status, certificate=document, error=error, ending=ending),
        ]

    def end(self, *predictions: Prediction, ending: Ending = CERTIFIED) -> None:
        actions.apply([change for each in predictions for change in self.ending(each, ending)])


def at_once(doings: Sequence[Callable[[], Any]]) -> list[Any]:
    """Does all of this at once, each in a thread with a connection of its own; what each gave."""
    together = threading.Barrier(len(doings))

    def do(doing: Callable[[], Any]) -> Any:
        try:
            together.wait(30)
            return doing()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(doings)) as threads:
        return [each.result() for each in [threads.submit(do, doing) for doing in doings]]


def shuffled(things: Sequence[Any], rng: random.Random) -> list[Any]:
    return rng.sample(things, len(things))


def audited() -> dict[str, int]:
    """The sums of all balances by kind of account, once everything holds that must hold of a ledger."""
    sums: dict[int, int] = {}
    by_transaction: dict[Any, int] = {}
    for moved, account, amount in Entry.objects.values_list("transaction", "account", "amount"):
        sums[account] = sums.get(account, 0) + amount
        by_transaction[moved] = by_transaction.get(moved, 0) + amount
    assert not any(by_transaction.values())
    assert by_transaction.keys() == set(Transaction.objects.values_list("pk", flat=True))
    totals: dict[str, int] = {}
    for balance in Balance.objects.select_related("account"):
        assert balance.amount == sums.get(balance.account_id, 0), balance
        assert balance.amount >= 0 or balance.account.kind in ("granted", "adjusted"), balance
        totals[balance.account.kind] = totals.get(balance.account.kind, 0) + balance.amount
    assert sum(totals.values()) == 0
    still_open = Hold.objects.filter(end__isnull=True)
    for account in Account.objects.filter(kind__in=("held", "locked")):
        assert sum(each.amount for each in still_open.filter(account=account)) == sums.get(account.pk, 0)
    for spent in Spending.objects.filter(api_key=None):
        assert spent.amount == _spent(spent), spent
    return {kind: amount for kind, amount in totals.items() if amount}


def _spent(counted: Spending) -> int:
    """What counts against a month: what is held, and what was posted and not taken back."""
    holds = Hold.objects.filter(organisation=counted.organisation, month=counted.month, member=None)
    total = 0
    for hold in holds.select_related("end__transaction__reversal"):
        ended = getattr(hold, "end", None)
        if ended is None:
            total += hold.amount
        elif not hasattr(ended.transaction, "reversal"):
            total += ended.posted
    return total
