"""What an organisation has earned: with what, from when on it is available, and turning it into credit."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.access import Actor
from marketplace.api import amounts, balance, bodies, headers
from marketplace.api.amounts import Micros, Money, money
from marketplace.api.balance import Balance
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.billing import credit, maturing, statement
from marketplace.billing.moving import require_mover, require_viewer


class Lot(msgspec.Struct, frozen=True):
    """What becomes available on a day. Until then a dispute may take some of it back."""

    available_on: dt.date
    amount: Money


class Source(msgspec.Struct, frozen=True):
    """What was earned in the month with a model or a group's votes, less what was refunded."""

    source: Annotated[str, msgspec.Meta(description="`model:owner/name` or `group:slug`")]
    amount: Money
    answers: Annotated[int, msgspec.Meta(description="Those that were paid for")]


class Earnings(msgspec.Struct, frozen=True):
    """`earned` is not available yet, and is the sum of the `lots`; `available` may be spent or staked."""

    earned: Money
    available: Money
    lots: list[Lot]
    month: Annotated[str, msgspec.Meta(description="Of the sources: 2026-11")]
    sources: list[Source]


class ToSpend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of what is available to turn into credit."""

    micros: Micros


class OwnEarnings(View):
    """At /earnings."""

    @describe("See one's earnings", answer=Earnings, query=amounts.MONTH)
    def get(self, request: Request) -> Response:
        """The organisation's, with the day on which each part becomes available."""
        actor = actor_of(request)
        require_viewer(actor)
        return Response(_earnings(actor, amounts.month_of(request)))


class Spend(View):
    """At /earnings/spend."""

    @describe("Spend earnings", body=ToSpend, answer=Balance, status=201, headers=headers.ONCE)
    def post(self, request: Request) -> Response:
        """Turns what has been earned and is available into credit. The answer is the balance then."""
        actor = actor_of(request)
        require_mover(actor)
        asked = bodies.body(request, ToSpend)
        credit.spend_earnings(actor, asked.micros, headers.once_of(request))
        return Response(balance.balance(actor), status=201)


def _earnings(actor: Actor, month: dt.date) -> Earnings:
    mine = actor.organisation.pk
    has = statement.balances(mine)
    sources: dict[str, tuple[int, int]] = {}
    for each in statement.earned_by_day(mine, month):
        amount, count = sources.get(each.by, (0, 0))
        sources[each.by] = amount + each.amount, count + each.count
    return Earnings(
        earned=money(has.earned),
        available=money(has.payable),
        lots=[Lot(day, money(amount)) for day, amount in maturing.lots(mine)],
        month=f"{month:%Y-%m}",
        sources=[Source(name, money(amount), count) for name, (amount, count) in sorted(sources.items())],
    )
