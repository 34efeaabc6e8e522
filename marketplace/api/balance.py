"""An organisation's money: what there is, what was spent, what became of each hold, and how much may be spent."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from uuid import UUID

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.access import Actor
from marketplace.accounts.models import ApiKey
from marketplace.api import amounts, bodies, pagination
from marketplace.api.amounts import Money, maybe, money
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.billing import caps, costs, statement
from marketplace.billing import money as units
from marketplace.billing.caps import Capped
from marketplace.billing.models import Hold
from marketplace.billing.moving import require_mover, require_viewer


class CapAlert(msgspec.Struct, frozen=True):
    """That so many percent of a cap have been reached this month; at 100, maybe that a request was refused."""

    percent: int
    time: dt.datetime


class Cap(msgspec.Struct, frozen=True):
    """The most that may be spent in a calendar month (UTC), by the organisation or, if `key` names one, by a key.

    `used` counts what is held, until it is returned. `amount` is null where there is no cap.
    """

    key: Annotated[int | None, msgspec.Meta(description="Its id, as in /keys")]
    amount: Money | None
    used: Money
    left: Money | None
    alerts: list[CapAlert]


class NewCap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that may be spent in a month."""

    micros: Annotated[int, msgspec.Meta(ge=0, le=units.MOST, description="Micro-units of the currency")]


class Balance(msgspec.Struct, frozen=True):
    """`available` may be spent now: `free` credit, which is spent first, and `credit`. `held` is set aside.

    `spent` is this month's (UTC), what is held included. `caps`: those that are set.
    """

    available: Money
    credit: Money
    free: Money
    held: Money
    spent: Money
    caps: list[Cap]


class Spent(msgspec.Struct, frozen=True):
    """What was asked on a day in a mode, what was charged for it, less refunds, and what is still held for it."""

    day: dt.date
    mode: str
    amount: Money
    predictions: Annotated[int, msgspec.Meta(description="All of them, however they ended")]
    free: Annotated[int, msgspec.Meta(description="Of the predictions, those that could cost nothing")]


class Usage(msgspec.Struct, frozen=True):
    """A month (UTC) by day and mode."""

    month: Annotated[str, msgspec.Meta(description="2026-11")]
    total: Money
    days: list[Spent]


class Held(msgspec.Struct, frozen=True):
    """What was set aside for a prediction and, once it has ended, what became of it.

    `free`: of what was quoted, what came from free credit.
    """

    id: int
    created: dt.datetime
    prediction: UUID
    target: str
    mode: str
    rows: int
    quoted: Money
    free: Money
    charged: Money | None
    returned: Money | None
    ending: str | None
    ended: dt.datetime | None
    refunded: Annotated[dt.datetime | None, msgspec.Meta(description="When what had been charged was taken back")]
    certificate: Annotated[str | None, msgspec.Meta(description="Its SHA-256")]


class OwnBalance(View):
    """At /balance."""

    @describe("See one's balance", answer=Balance)
    def get(self, request: Request) -> Response:
        """The organisation's, of whose members one is."""
        return Response(balance(actor_of(request)))


class OwnUsage(View):
    """At /usage."""

    @describe("See what was spent", answer=Usage, query=amounts.MONTH)
    def get(self, request: Request) -> Response:
        """By day and mode, in a month."""
        actor = actor_of(request)
        require_viewer(actor)
        month = amounts.month_of(request)
        days = statement.spent_by_day(actor.organisation.pk, month)
        shown = [Spent(each.day, each.by, money(each.amount), each.count, each.free) for each in days]
        return Response(Usage(f"{month:%Y-%m}", money(sum(each.amount for each in days)), shown))


class Holds(View):
    """At /holds."""

    @describe("List holds", answer=pagination.Page[Held], query=pagination.QUERY)
    def get(self, request: Request) -> Response:
        """What was set aside for each prediction that costs something, newest first, and how that ended."""
        return Response(pagination.page(request, costs.holds(actor_of(request)), _held, by=pagination.KEY))


class OwnCap(View):
    """At /cap."""

    @describe("Cap the organisation", body=NewCap, answer=Cap)
    def put(self, request: Request) -> Response:
        """From the next request on; what would exceed it is refused with a 402."""
        actor = actor_of(request)
        require_mover(actor)
        return _set(actor, None, bodies.body(request, NewCap).micros)

    @describe("Uncap the organisation", answer=Cap)
    def delete(self, request: Request) -> Response:
        """Removes its cap; those of its keys stay."""
        return _set(actor_of(request), None, None)


class KeyCap(View):
    """At /keys/{id}/cap."""

    @describe("Cap an API key", body=NewCap, answer=Cap)
    def put(self, request: Request, identifier: int) -> Response:
        """From the next request with it on, and within the organisation's."""
        actor = actor_of(request)
        key = caps.key_of(actor, identifier)
        return _set(actor, key, bodies.body(request, NewCap).micros)

    @describe("Uncap an API key", answer=Cap)
    def delete(self, request: Request, identifier: int) -> Response:
        """Removes its cap; the organisation's stays."""
        actor = actor_of(request)
        return _set(actor, caps.key_of(actor, identifier), None)


def balance(actor: Actor) -> Balance:
    """Raises Forbidden."""
    capped = caps.caps_of(actor)
    has = statement.balances(actor.organisation.pk)
    return Balance(
        available=money(has.available),
        credit=money(has.credit),
        free=money(has.free),
        held=money(has.held),
        spent=money(capped[0].used),
        caps=[_cap(each) for each in capped if each.amount is not None],
    )


def _set(actor: Actor, key: ApiKey | None, amount: int | None) -> Response:
    caps.set_cap(actor, key, amount)
    return Response(_cap(caps.cap_of(actor.organisation, key)))


def _cap(shown: Capped) -> Cap:
    alerts = [CapAlert(each.percent, each.time) for each in shown.alerts]
    key = shown.key.pk if shown.key else None
    return Cap(key, maybe(shown.amount), money(shown.used), maybe(shown.left), alerts)


def _held(hold: Hold) -> Held:
    cost, read = costs.cost_of_hold(hold), vars(hold)
    return Held(
        id=hold.pk,
        created=hold.created,
        prediction=read["asked"],
        target=read["target"],
        mode=read["mode"],
        rows=read["rows"],
        quoted=money(cost.quoted),
        free=money(hold.free),
        charged=maybe(cost.charged),
        returned=maybe(cost.returned),
        ending=cost.ending,
        ended=read["ended"],
        refunded=read["refunded"],
        certificate=bytes(read["certificate"]).hex() if read["certificate"] else None,
    )
