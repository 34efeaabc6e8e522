"""Stakes: what an owner deposits, what a place in a group locks of it, and who loses it.

A group may ask for a stake of each member. It is locked when the place is taken, stays locked for RELEASED_AFTER
once the place is given up, and is lost as a whole on evidence that convicts the member by signatures of its own.
What rests on others' word costs a strike and no stake. A lock is a hold like any other: it ends once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation
from marketplace.billing import accounts, ledger, money, moving
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Overdrawn, Part, Posting
from marketplace.billing.models import Account, Balance, Entry, Hold, HoldEnd, Leaving, Transaction
from marketplace.billing.months import this_month
from marketplace.catalogue.held import held
from marketplace.errors import Conflict, PaymentRequired
from marketplace.groups.models import Group, Member

RELEASED_AFTER = dt.timedelta(days=14)  # evidence may take its time
SOURCES = (Kind.CREDIT, Kind.PAYABLE)  # what may be deposited: free credit may not
SLASHED, UNLOCKED = "slashed", "unlocked"
SWEEP = 500  # locks in one run
STAYS = Q(state__in=(Member.State.ACCEPTED, Member.State.JOINING)) & ~Q(group__state=Group.State.WITHDRAWN)

# --- deposits ---------------------------------------------------------------------------------------------------


def deposit(actor: Actor, amount: int, origin: Kind, key: str) -> None:
    """Puts credit, or earnings that are available, down as stake; the same key does so once. Raises Conflict."""
    moving.require_mover(actor)
    moving.require_positive(amount)
    mine = actor.organisation.pk
    parts = Part(Where(origin, mine), -amount), Part(Where(Kind.STAKED, mine), amount)
    _move(actor, f"stake {mine} {key}", ledger.Kind.STAKED, parts, amount)


@transaction.atomic
def withdraw(actor: Actor, amount: int, key: str) -> None:
    """Takes back what no place locks: to credit as much as came from there, the rest to earnings.

    Raises Conflict.
    """
    moving.require_mover(actor)
    moving.require_positive(amount)
    mine = actor.organisation.pk
    key = f"unstake {mine} {key}"
    ledger.hold_still(*(Where(kind, mine) for kind in (*SOURCES, Kind.STAKED)))  # one withdrawal after the other
    credit = min(amount, _from_credit(mine, key))
    parts = (
        Part(Where(Kind.STAKED, mine), -amount),
        Part(Where(Kind.CREDIT, mine), credit),
        Part(Where(Kind.PAYABLE, mine), amount - credit),
    )
    _move(actor, key, ledger.Kind.UNSTAKED, parts, -amount)


def _move(actor: Actor, key: str, kind: ledger.Kind, parts: tuple[Part, ...], amount: int) -> None:
    posting = Posting(key=key, kind=kind, parts=parts, made_by=actor.user.pk)
    says = money.words(amount, accounts.currency())
    try:
        moving.once(posting, actor.organisation, actor.user, Action.STAKE_MOVED, says)
    except Overdrawn as error:
        raise Conflict("there is not so much to move", code="too-little-to-stake") from error


def _balance(organisation: int) -> QuerySet[Balance]:
    return Balance.objects.filter(account__organisation=organisation, account__kind=Kind.STAKED)


def _from_credit(organisation: int, key: str) -> int:
    """How much more was deposited from credit than went back there; or what went back under this key before."""
    credit = Entry.objects.filter(account__organisation=organisation, account__kind=Kind.CREDIT)
    if Transaction.objects.filter(key=key).exists():
        return credit.filter(transaction__key=key).aggregate(sum=Sum("amount"))["sum"] or 0
    # from what moved the stake, one by one: on the account for credit is every prediction ever asked
    staked = Entry.objects.filter(account__organisation=organisation, account__kind=Kind.STAKED)
    moves = staked.filter(transaction__kind__in=(ledger.Kind.STAKED, ledger.Kind.UNSTAKED))
    of_credit = Subquery(credit.filter(transaction=OuterRef("transaction")).values("amount"))
    return -(moves.annotate(of_credit=of_credit).aggregate(sum=Sum("of_credit"))["sum"] or 0)


# --- locks ------------------------------------------------------------------------------------------------------


@transaction.atomic
def lock(seat: Member) -> None:
    """Locks what the group asks of a member, whose place is being taken; locked already, it changes nothing.

    Raises PaymentRequired with what is missing.
    """
    amount, owner = seat.group.stake, seat.organisation_id
    if not amount or standing(seat) is not None:
        return
    Leaving.objects.filter(hold__member=seat, hold__end__isnull=True).delete()
    if standing(seat) is not None:
        return
    posting = Posting(
        key=f"lock {seat.pk} {timezone.now().isoformat()}",
        kind=ledger.Kind.LOCKED,
        detail=f"group:{seat.group.slug}",
        parts=(Part(Where(Kind.STAKED, owner), -amount), Part(Where(Kind.LOCKED, owner), amount)),
    )
    try:
        (posted,) = ledger.post([posting])
    except Overdrawn as error:
        raise _stake_missing(owner, amount) from error
    account = Account.objects.get(organisation=owner, kind=Kind.LOCKED, currency=accounts.currency())
    Hold.objects.create(
        organisation_id=owner,
        account=account,
        transaction_id=posted,
        amount=amount,
        month=this_month(),
        member=seat,
    )


def standing(seat: Member) -> Hold | None:
    """What is locked for a place that has not been given up."""
    return Hold.objects.filter(member=seat, end__isnull=True, leaving__isnull=True).first()


def sweep(now: dt.datetime | None = None) -> int:
    """Notices places that were given up, or taken without a lock, and unlocks what is due; how many locks.

    To be run every minute, or whenever.
    """
    now = now or timezone.now()
    _lock_places()
    with transaction.atomic():
        _note_who_has_gone(now)
    with transaction.atomic():
        return len(_end(_held(_gone().filter(leaving__due__lte=now)), UNLOCKED))


def _lock_places() -> None:
    """Of those whom nobody asked here: members may bring in another with an epoch that only their nodes know, and
    its own key's consent. Who has too little is asked once there is enough, and stands in nobody's way meanwhile.
    Who has lost a stake is not asked for another.
    """
    theirs = Hold.objects.filter(member=OuterRef("pk")).filter(Q(end__isnull=True) | Q(end__ending=SLASHED))
    places = Member.objects.filter(state=Member.State.ACCEPTED, group__stake__gt=0).filter(~Exists(theirs))
    places = places.filter(
        organisation__accounts__kind=Kind.STAKED,
        organisation__accounts__currency=accounts.currency(),
        organisation__accounts__balance__amount__gte=F("group__stake"),
    )
    for seat in places.exclude(group__state=Group.State.WITHDRAWN).order_by("pk")[:SWEEP]:
        with suppress(PaymentRequired), transaction.atomic():
            standing = held(seat, "group")
            if standing.state == Member.State.ACCEPTED:
                lock(standing)


def _note_who_has_gone(now: dt.datetime) -> None:
    """And who has come back, by whatever way."""
    Leaving.objects.filter(hold__end__isnull=True, hold__member__in=Member.objects.filter(STAYS)).delete()
    for each in _held(_gone().filter(leaving__isnull=True).select_related("member__group")):
        Leaving.objects.get_or_create(hold=each, defaults={"due": _due(each, now)})


def _gone() -> QuerySet[Hold]:
    """What is locked for places that have been given up."""
    locks = Hold.objects.filter(member__isnull=False, end__isnull=True)
    return locks.exclude(member__in=Member.objects.filter(STAYS)).order_by("pk")


def slash(seats: Iterable[Member], detail: str) -> int:
    """Takes all that is locked for these places, whose members have been convicted by evidence; how many locks.

    To be called in the transaction that keeps the evidence.
    """
    locked = Hold.objects.filter(member__in=[seat.pk for seat in seats], end__isnull=True).order_by("pk")
    found = _end(_held(locked.select_related("organisation")), SLASHED, detail)
    for each in found:
        says = f"{money.words(each.amount, accounts.currency())}: {detail}"
        audit.record(each.organisation, None, Action.STAKE_SLASHED, says)
    return len(found)


def _held(locks: QuerySet[Hold]) -> list[Hold]:
    """The first of these, as they are with their members held: none is unlocked and slashed at once."""
    members = list(locks.values_list("member", flat=True)[:SWEEP])
    seats = Member.objects.select_for_update(no_key=True).filter(pk__in=members)
    list(seats.order_by("pk").values_list("pk"))
    return list(locks.filter(member__in=members))


def _end(locks: list[Hold], ending: str, detail: str = "") -> list[Hold]:
    """All in one statement, which locks balances in one order."""
    lost = ending == SLASHED
    postings = [
        Posting(
            key=f"end {each.pk}",
            kind=ledger.Kind.SLASHED if lost else ledger.Kind.UNLOCKED,
            detail=detail,
            parts=(
                Part(Where(Kind.LOCKED, each.organisation_id), -each.amount),
                Part(Where(Kind.SLASHED) if lost else Where(Kind.STAKED, each.organisation_id), each.amount),
            ),
        )
        for each in locks
    ]
    for each, posted in zip(locks, ledger.post(postings), strict=True):
        HoldEnd.objects.create(hold=each, transaction_id=posted, ending=ending, posted=each.amount if lost else 0)
    return locks


def _due(hold: Hold, now: dt.datetime) -> dt.datetime:
    """At once where the group never served: nobody has relied on the member."""
    member = hold.member
    assert member is not None, "a lock is for a place"
    served = member.group.epochs.filter(stood__isnull=False).exists()
    return now + RELEASED_AFTER if served else now


def _stake_missing(owner: int, amount: int) -> PaymentRequired:
    currency = accounts.currency()
    staked = _balance(owner).filter(account__currency=currency).values_list("amount", flat=True).first() or 0
    return PaymentRequired(
        f"the group asks for a stake of {money.words(amount, currency)}",
        amount - staked,
        currency,
        code="stake-missing",
        expected=f"{money.words(amount, currency)} deposited and not locked",
        got=money.words(staked, currency),
        hint="Deposit a stake first: under Earnings, or POST /api/v1/stakes/deposits.",
    )


class Staked(NamedTuple):
    """What an organisation has deposited, in micro-units: free, and locked."""

    staked: int
    locked: int


def balance(organisation: Organisation) -> Staked:
    kinds = (Kind.STAKED, Kind.LOCKED)
    own = Balance.objects.filter(account__organisation=organisation, account__kind__in=kinds)
    found = dict(own.filter(account__currency=accounts.currency()).values_list("account__kind", "amount"))
    return Staked(found.get(Kind.STAKED, 0), found.get(Kind.LOCKED, 0))


def source(name: str) -> Kind:
    """What a deposit is made of, by its name. Raises Refused."""
    for kind in SOURCES:
        if kind.value == name:
            return kind
    raise Refused("a stake is not made of this", pointer="/source", expected=" | ".join(SOURCES), got=name[:40])


def of_organisation(organisation: Organisation) -> QuerySet[Hold]:
    """Its locks, newest first, with their groups, ends and when they are released."""
    locks = Hold.objects.filter(organisation=organisation, member__isnull=False)
    return locks.select_related("member__group", "end__transaction", "leaving").order_by("-pk")
