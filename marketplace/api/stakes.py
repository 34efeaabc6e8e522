"""Stakes: what is deposited, what places in groups lock of it, and moving what is free."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api import bodies, headers, pagination
from marketplace.api.amounts import Micros, Money, money
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.billing import stakes
from marketplace.billing.models import Hold
from marketplace.billing.moving import require_mover, require_viewer


class Deposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to put down, and where it comes from: credit, or earnings that are available."""

    micros: Micros
    source: Literal["credit", "payable"] = "credit"


class Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to take back of what no place locks."""

    micros: Micros


class Stakes(msgspec.Struct, frozen=True):
    """`staked` is free to be taken back, `locked` answers for places in groups."""

    staked: Money
    locked: Money


class Lock(msgspec.Struct, frozen=True):
    """What a place in a group has locked. `due`: when it is unlocked, of a place that was given up."""

    group: str
    amount: Money
    created: dt.datetime
    due: dt.datetime | None
    ended: dt.datetime | None
    ending: Literal["unlocked", "slashed"] | None
    reason: str


class OwnStakes(View):
    """At /stakes."""

    @describe("See one's stakes", answer=Stakes)
    def get(self, request: Request) -> Response:
        """What one's organisation has deposited."""
        actor = actor_of(request)
        require_viewer(actor)
        return _shown(stakes.balance(actor.organisation))


class Locks(View):
    """At /stakes/locks."""

    @describe("List locked stakes", answer=pagination.Page[Lock], query=pagination.QUERY)
    def get(self, request: Request) -> Response:
        """Newest first, those that have ended too."""
        actor = actor_of(request)
        require_viewer(actor)
        return Response(pagination.page(request, stakes.of_organisation(actor.organisation), _lock))


class Deposits(View):
    """At /stakes/deposits."""

    @describe("Deposit a stake", body=Deposit, answer=Stakes, status=201, headers=headers.ONCE)
    def post(self, request: Request) -> Response:
        """Before one takes a place in a group that asks for a stake."""
        actor = actor_of(request)
        require_mover(actor)
        asked = bodies.body(request, Deposit)
        stakes.deposit(actor, asked.micros, stakes.source(asked.source), headers.once_of(request))
        return _shown(stakes.balance(actor.organisation), 201)


class Withdrawals(View):
    """At /stakes/withdrawals."""

    @describe("Take a stake back", body=Withdrawal, answer=Stakes, status=201, headers=headers.ONCE)
    def post(self, request: Request) -> Response:
        """To credit as much as came from there, the rest to one's earnings."""
        actor = actor_of(request)
        require_mover(actor)
        asked = bodies.body(request, Withdrawal)
        stakes.withdraw(actor, asked.micros, headers.once_of(request))
        return _shown(stakes.balance(actor.organisation), 201)


def _shown(balance: stakes.Staked, status: int = 200) -> Response:
    return Response(Stakes(money(balance.staked), money(balance.locked)), status=status)


def _lock(hold: Hold) -> Lock:
    end, leaving = getattr(hold, "end", None), getattr(hold, "leaving", None)
    assert hold.member is not None, "a lock is for a place"
    return Lock(
        group=hold.member.group.slug,
        amount=money(hold.amount),
        created=hold.created,
        due=leaving.due if leaving else None,
        ended=end.time if end else None,
        ending=end.ending if end else None,
        reason=end.transaction.detail if end else "",
    )
