"""Many at once: nobody is locked out for good, no money is made or lost, nothing happens twice.

What goes wrong in a thread (a deadlock, above all) is raised in the test.
"""

from __future__ import annotations

import random

import pytest
from django.db import transaction
from django.utils import timezone

from marketplace.billing import credit, maturing, pricing, reversing, settling, stakes
from marketplace.billing.accounts import Kind
from marketplace.billing.models import FreeUse, Hold, HoldEnd, Spending, Transaction
from marketplace.billing.pricing import Asking
from marketplace.errors import Conflict, PaymentRequired
from marketplace.predictions import actions
from tests.marketplace.billing.books import Books
from tests.marketplace.billing.market import PRICE, Market, at_once, audited, shuffled
from verification.ends import CANCELLED, CERTIFIED, DISPUTE_LOST, EXPIRED, FAILED

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 6
SEEDS = [1, 2, 3]


@pytest.fixture
def market(cast) -> Market:
    return Market(cast)


def unless(error: type[Exception], act, *arguments):
    """What `act` gives; None where it is refused so."""
    try:
        return act(*arguments)
    except error:
        return None


def test_who_asks_faster_than_there_is_credit_is_refused_in_time(cast, market):
    """Eight at once, of which there is credit for three."""
    pricing.set_for_model(cast.asha.actor, market.versions["asha"].model, "direct", Asking("0.3"))
    made = at_once([lambda: unless(PaymentRequired, market.ask, cast.bela, cast.asha)] * 8)
    assert sum(each is not None for each in made) == 3
    assert Books().of(cast.bela) == {"free": 100_000, "held": 900_000}
    audited()


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_asks_everybody_while_batches_end_in_any_order_and_twice(cast, market, seed):
    """Overlapping batches by two workers, ends that contradict each other, and new questions meanwhile."""
    rng = random.Random(seed)
    pairs = [(a, b) for a in market.people for b in market.people if a is not b]
    asked = [market.ask(*rng.choice(pairs)) for _ in range(30)]
    endings = (CERTIFIED, CERTIFIED, FAILED, EXPIRED, CANCELLED)

    def worker(order, ending):
        def work() -> None:
            for start in range(0, len(order), 7):
                market.end(*order[start : start + 7], ending=ending)

        return work

    def asking(pairs):
        return lambda: [market.ask(*pair).pk for pair in pairs]

    doings = [worker(shuffled(asked, rng), rng.choice(endings)) for _ in range(THREADS - 2)]
    doings += [asking([rng.choice(pairs) for _ in range(10)]) for _ in range(2)]
    at_once(doings)
    assert set(HoldEnd.objects.values_list("hold", flat=True)) == {each.hold_id for each in asked}, seed
    totals = audited()
    posted = HoldEnd.objects.filter(posted__gt=0).count()
    assert totals.get("earned", 0) + totals.get("fees", 0) == posted * PRICE
    assert totals["held"] == Hold.objects.filter(end=None).count() * PRICE == 20 * PRICE


def test_free_rows_come_back_and_go_out_in_any_order(cast):
    """Of two models: whoever ends them in one order, and in the other, and asks, never waits for each other."""
    market = Market(cast, free_rows=10)
    asked = [market.ask(cast.sam, seller, rows=12) for _ in range(5) for seller in (cast.asha, cast.bela)]
    assert sorted(FreeUse.objects.values_list("rows", flat=True)) == [10, 10]

    def ending(order):
        return lambda: market.end(*order, ending=FAILED)

    def asking(order):
        return lambda: [market.ask(cast.sam, seller, rows=3).pk for seller in order * 4]

    both = [cast.asha, cast.bela]
    pairs = [asked[i : i + 2] for i in range(0, 10, 2)]
    at_once(
        [
            *(ending(pair if i % 2 else pair[::-1]) for i, pair in enumerate(pairs)),
            asking(both),
            asking(both[::-1]),
        ]
    )
    audited()
    holds = Hold.objects.filter(end=None)
    kept = {each.prediction.version.model_id: 0 for each in holds}
    assert set(FreeUse.objects.values_list("rows", flat=True)) <= set(range(11)), kept


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_taken_back_while_the_same_people_buy_and_sell(cast, market, seed):
    """Each reversal by two at once; it counts once."""
    rng = random.Random(seed)
    pairs = [(a, b) for a in market.people for b in market.people if a is not b]
    posted = [market.ask(*rng.choice(pairs)) for _ in range(12)]
    market.end(*posted)
    more = [market.ask(*rng.choice(pairs)) for _ in range(12)]

    def taking_back(order):
        return lambda: [reversing.reverse(each.hold_id, DISPUTE_LOST) for each in order]

    at_once(
        [
            *(taking_back(shuffled(posted, rng)) for _ in range(3)),
            *(lambda half=half: market.end(*shuffled(half, rng)) for half in (more[:6], more[6:], more)),
        ]
    )
    totals = audited()
    assert Transaction.objects.filter(kind="reversed").count() == len(posted)
    assert totals["earned"] + totals["fees"] == len(more) * PRICE
    assert sum(Spending.objects.values_list("amount", flat=True)) == len(more) * PRICE


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_taken_back_has_not_matured_and_the_other_way_round(cast, market, seed):
    """By clocks that differ by more than a week: whoever is first is first."""
    rng = random.Random(seed)
    posted = [market.ask(cast.bela, rng.choice([cast.asha, cast.sam])) for _ in range(10)]
    market.end(*posted)
    today = timezone.now().date() + settling.AVAILABLE_AFTER

    def taking_back(order):
        return lambda: [unless(Conflict, reversing.reverse, each.hold_id, DISPUTE_LOST) for each in order]

    at_once([*(taking_back(shuffled(posted, rng)) for _ in range(2)), *([lambda: maturing.mature(today)] * 2)])
    totals = audited()
    back = Transaction.objects.filter(kind="reversed").count()
    kept = (len(posted) - back) * PRICE
    assert totals.get("payable", 0) + totals.get("fees", 0) == kept
    assert "earned" not in totals
    assert maturing.mature(today) == 0


def test_the_same_grant_and_the_same_deposit_at_once_happen_once(cast, market):
    organisation = cast.bela.organisation
    at_once([lambda: credit.grant(cast.staff, organisation, 700, "same", "test")] * 4)
    at_once([lambda: stakes.deposit(cast.bela.actor, 500, Kind.CREDIT, "same")] * 4)
    assert Books().of(cast.bela) == {"free": 1_000_000, "credit": 200, "staked": 500}


def test_depositing_and_withdrawing_at_once(cast, market):
    credit.grant(cast.staff, cast.bela.organisation, 10_000, "tests", "test")
    stakes.deposit(cast.bela.actor, 5_000, Kind.CREDIT, "first")

    def moving(act, name, *arguments):
        return lambda: [act(cast.bela.actor, 10, *arguments, f"{name} {i}") for i in range(20)]

    at_once(
        [
            *(moving(stakes.deposit, f"in {i}", Kind.CREDIT) for i in range(2)),
            *(moving(stakes.withdraw, f"out {i}") for i in range(3)),
        ]
    )
    audited()
    assert Books().of(cast.bela) == {"free": 1_000_000, "credit": 5_200, "staked": 4_800}


def test_a_withdrawal_sent_again_is_the_same_withdrawal(cast, market):
    credit.grant(cast.staff, cast.bela.organisation, 1_000, "tests", "test")
    stakes.deposit(cast.bela.actor, 1_000, Kind.CREDIT, "in")
    for _ in range(2):
        stakes.withdraw(cast.bela.actor, 600, "out")
    assert Books().of(cast.bela) == {"free": 1_000_000, "credit": 600, "staked": 400}
    with pytest.raises(Conflict):
        stakes.withdraw(cast.bela.actor, 601, "out")


def test_a_question_that_is_given_up_leaves_nothing(cast, market):
    with transaction.atomic():
        market.ask(cast.bela, cast.asha)
        transaction.set_rollback(True)
    assert (Books().of(cast.bela), Hold.objects.count()) == ({"free": 1_000_000}, 0)
    assert not Spending.objects.exists()


def test_withdrawing_a_question_while_it_is_answered(cast, market):
    for _ in range(5):
        asked = market.ask(cast.bela, cast.asha)
        at_once([lambda: market.end(asked), lambda: unless(Conflict, actions.cancel, asked)])  # noqa: B023
        assert HoldEnd.objects.filter(hold=asked.hold_id).count() == 1
        asked.refresh_from_db()
        assert asked.hold.end.posted == (PRICE if asked.status == "certified" else 0)
    audited()
