"""The steps of money, each with what a killed process was about to do, how the system goes on, and what is right.

A step is prepared, carried out by a process that may be killed at any line, gone on with as the system would (the
client sends the same again, another worker takes over, the sweep comes), and then looked at.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from typing import Any

from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone

from marketplace.accounts.models import User
from marketplace.billing import adjusting, credit, maturing, reversing, settling, stakes
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.models import Adjustment, Entry, Hold, HoldEnd, Transaction
from marketplace.errors import Conflict
from marketplace.groups.models import Member
from marketplace.predictions import actions, idempotency, questions
from marketplace.predictions.models import IdempotencyKey, Prediction
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.billing.market import PRICE, Market, audited
from tests.marketplace.groups import founded
from tests.marketplace.people import Person
from verification.ends import CANCELLED, CERTIFIED, DISPUTE_LOST, EXPIRED, FAILED, Ending

RICH = 10**12  # micro-units that the buyer has to spend
STAKE = 2_000
AMOUNT = 700


class World:
    """Asha sells, bela buys; both are members of a group that asks for a stake; two of the staff."""

    def __init__(self, market: Market) -> None:
        self.market, self.cast = market, market.cast
        self.buyer, self.seller = self.cast.bela, self.cast.asha
        credit.grant(self.cast.staff, self.buyer.organisation, RICH, "kills", "to spend")
        owners = founded.owners(self.cast)
        for each in owners:
            credit.grant(self.cast.staff, each.person.organisation, 10**9, f"kills {each.slug}", "to stake")
            stakes.deposit(each.actor, 10**8, Kind.CREDIT, "kills")
        group = founded.complete(founded.found(owners[0], stake=STAKE), owners)
        self.seat: Member = owners[0].seat(founded.formed(founded.signed(group, owners)))
        self.second = User.objects.create_superuser("second@example.org", "correct horse battery staple", name="2")
        self.second.user_permissions.add(*Permission.objects.filter(content_type__app_label="billing"))


class Step(ABC):
    """`name` as in the table. `number` tells what belongs to one kill from what belongs to another."""

    name: str
    then: str  # how the system goes on

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """What was there before."""

    @abstractmethod
    def do(self) -> object:
        """In the process that is killed."""

    def go_on(self) -> None:
        self.do()

    @abstractmethod
    def kept(self) -> bool:
        """Whether all of it has happened; raises AssertionError where a part of it has, or twice."""

    def look(self) -> None:
        """After the system went on: everything is as it should be."""
        assert self.kept()

    @property
    def key(self) -> str:
        return f"{self.name} {self.number}"


def once(found: int) -> bool:
    assert found in (0, 1), f"{found} times"
    return found == 1


class HoldAtPost(Step):
    """The client sends the same again with its Idempotency-Key; then a worker certifies it."""

    name = "hold, with POST"
    then = "the client asks again; a worker certifies it"

    def do(self) -> Prediction:
        actor = self.world.buyer.actor
        body = Body(**answering.request(model=f"{self.world.seller.name}/digits"))

        def make() -> Prediction:
            return actions.create(actor, questions.read(actor, body))

        return idempotency.once(actor.organisation, self.key, b"the same", make)[0]

    def go_on(self) -> None:
        self.world.market.end(self.do())

    def prepare(self) -> None:
        self.before = Prediction.objects.count()

    def kept(self) -> bool:
        asked = self._asked()
        assert Prediction.objects.count() == self.before + len(asked), "one without its key"
        assert not Hold.objects.filter(member=None, prediction=None).exists(), "something is held for nothing"
        assert all(each.hold_id for each in asked)
        return once(len(asked))

    def look(self) -> None:
        assert self.kept()
        (asked,) = self._asked()
        assert HoldEnd.objects.get(hold=asked.hold_id).posted == PRICE

    def _asked(self) -> list[Prediction]:
        mine = IdempotencyKey.objects.filter(key=self.key).values("prediction")
        return list(Prediction.objects.filter(pk__in=mine))


class End(Step):
    """A worker reports how a prediction ended; another does the same, or the sweep finds it first."""

    ending: Ending
    after: Ending | None = None  # what comes next, where it is not the same

    def prepare(self) -> None:
        self.asked = self.world.market.ask(self.world.buyer, self.world.seller)

    def do(self) -> None:
        self.world.market.end(self.asked, ending=self.ending)

    def go_on(self) -> None:
        self.world.market.end(self.asked, ending=self.after or self.ending)

    def kept(self) -> bool:
        ends = list(HoldEnd.objects.filter(hold=self.asked.hold_id))
        self.asked.refresh_from_db()
        assert (self.asked.completed is not None) == bool(ends), "ended without its money, or the other way round"
        for each in ends:
            expected = PRICE if self.asked.status == "certified" else 0
            assert (each.ending, each.posted) == (self.asked.status, expected)
        return once(len(ends))


class EndCertified(End):
    name = "settle, certified"
    then = "another worker reports the same"
    ending = CERTIFIED


class EndCertifiedThenSwept(End):
    name = "settle, certified, late"
    then = "the sweep expires it"
    ending = CERTIFIED

    def go_on(self) -> None:
        actions.expire([self.asked.pk])


class EndFailed(End):
    name = "settle, failed"
    then = "another worker certifies it"
    ending = FAILED
    after = CERTIFIED


class EndExpired(End):
    name = "settle, expired"
    then = "the sweep comes again"
    ending = EXPIRED

    def do(self) -> None:
        actions.expire([self.asked.pk])

    def go_on(self) -> None:
        self.do()


class EndCancelled(End):
    name = "settle, cancelled"
    then = "the client withdraws it again"
    ending = CANCELLED

    def do(self) -> None:
        actions.cancel(Prediction.objects.get(pk=self.asked.pk))

    def go_on(self) -> None:
        self.do()


class Reverse(Step):
    name = "reverse, dispute lost"
    then = "it is reversed again"

    def prepare(self) -> None:
        self.asked = self.world.market.ask(self.world.buyer, self.world.seller)
        self.world.market.end(self.asked)

    def do(self) -> None:
        reversing.reverse(self.asked.hold_id, DISPUTE_LOST)

    def kept(self) -> bool:
        return once(Transaction.objects.filter(reverses__ended__hold=self.asked.hold_id).count())


class Mature(Step):
    name = "mature"
    then = "the next day's run"

    def prepare(self) -> None:
        """A lot of a day of its own."""
        usual = settling.AVAILABLE_AFTER
        settling.AVAILABLE_AFTER = usual + dt.timedelta(days=self.number)
        try:
            asked = self.world.market.ask(self.world.buyer, self.world.seller)
            self.world.market.end(asked)
            self.day = timezone.now().date() + settling.AVAILABLE_AFTER
        finally:
            settling.AVAILABLE_AFTER = usual

    def do(self) -> None:
        maturing.mature(self.day)

    def kept(self) -> bool:
        lots = Entry.objects.filter(
            account__kind=Kind.PAYABLE, transaction__kind="matured", transaction__available=self.day
        )
        assert all(each.amount > 0 for each in lots)
        return once(lots.count())


class Grant(Step):
    name = "grant"
    then = "it is granted again, with its key"

    def do(self) -> None:
        credit.grant(self.world.cast.staff, self.world.buyer.organisation, AMOUNT, self.key, "test")

    def kept(self) -> bool:
        return once(Transaction.objects.filter(key=f"grant {self.key}").count())


class Adjust(Step):
    name = "adjust, approved by a second person"
    then = "it is approved again"

    def prepare(self) -> None:
        to, of = Where(Kind.CREDIT, self.world.buyer.organisation.pk), Where(Kind.ADJUSTED)
        self.adjustment = adjusting.propose(self.world.cast.staff, to, of, AMOUNT, self.key).pk

    def do(self) -> None:
        adjusting.approve(self.world.second, self.adjustment)

    def go_on(self) -> None:
        try:
            self.do()
        except Conflict:
            assert self.kept()

    def kept(self) -> bool:
        found = Adjustment.objects.get(pk=self.adjustment)
        moved = Transaction.objects.filter(key=f"adjust {self.adjustment}").count()
        assert (found.transaction_id is not None) == bool(moved)
        return once(moved)


class Stake(Step):
    name = "stake, deposit"
    then = "it is deposited again, with its key"

    def do(self) -> None:
        stakes.deposit(self.world.seller.actor, AMOUNT, Kind.CREDIT, self.key)

    def kept(self) -> bool:
        return once(Transaction.objects.filter(key__endswith=self.key, kind="staked").count())


class Lock(Step):
    name = "stake, lock"
    then = "the place is taken again"

    def prepare(self) -> None:
        with transaction.atomic():
            stakes.slash([self.world.seat], "to begin with")

    def do(self) -> None:
        stakes.lock(self.world.seat)

    def kept(self) -> bool:
        return once(Hold.objects.filter(member=self.world.seat, end__isnull=True).count())


class Slash(Step):
    name = "stake, slash"
    then = "the evidence is handed in again"

    def prepare(self) -> None:
        stakes.lock(self.world.seat)
        standing = stakes.standing(self.world.seat)
        assert standing is not None
        self.hold = standing.pk

    def do(self) -> None:
        with transaction.atomic():  # in which the evidence is kept
            stakes.slash([self.world.seat], self.key)

    def kept(self) -> bool:
        return once(HoldEnd.objects.filter(hold=self.hold, ending="slashed").count())


STEPS: tuple[type[Step], ...] = (
    *(HoldAtPost, EndCertified, EndCertifiedThenSwept, EndFailed, EndExpired, EndCancelled),
    *(Reverse, Mature, Grant, Adjust, Stake, Lock, Slash),
)


def balanced(world: World) -> dict[str, int]:
    """The whole ledger, checked; and that the buyer was charged for what was certified and for nothing else."""
    totals = audited()
    buyer: Person = world.buyer
    posted = HoldEnd.objects.filter(hold__organisation=buyer.organisation, hold__member=None, posted__gt=0)
    kept = posted.exclude(transaction__reversal__isnull=False)
    credited = Transaction.objects.filter(key__startswith="grant grant").count()
    adjusted = Adjustment.objects.filter(state="approved").count()
    mine = Entry.objects.filter(account__organisation=buyer.organisation)
    have: Any = sum(mine.filter(account__kind__in=("credit", "free", "held")).values_list("amount", flat=True))
    welcome, to_stake, staked = 1_000_000, 10**9, 10**8
    given = RICH + welcome + to_stake - staked + AMOUNT * (credited + adjusted)
    assert have == given - PRICE * kept.count(), "the buyer has another amount than what was granted and charged"
    return totals
