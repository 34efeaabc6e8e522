"""Quotes: what a request would cost at most, and what it would be worth, before anything is asked."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from uuid import UUID

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api import bodies
from marketplace.api.amounts import Asked, Money, money
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.billing import quoting, splitting
from marketplace.billing.models import Quote as Row
from marketplace.groups import standing
from marketplace.predictions import questions
from marketplace.predictions.questions import MAX_ROWS, Wanted
from verification.mode import Target
from verification.registry import MODES


class NewQuote(Wanted, frozen=True, kw_only=True):
    """What is to be asked, as for a prediction but without inputs: so many rows of a model or a group."""

    rows: Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)] = 1


class QuoteLine(msgspec.Struct, frozen=True):
    """A seller's part: its price, how many of the rows are free now, and what the others may come to at most."""

    owner: str
    price: Asked
    free: Annotated[int, msgspec.Meta(description="Of the rows; less if others are asked before")]
    most: Money


class Quote(msgspec.Struct, frozen=True):
    """Prices that are promised until `expires`, for as many predictions as one likes: pass `id` as their `quote`.

    `total` is what is set aside for one such request: the most that it can cost. What does not end with an answer
    costs nothing. `fee` is the marketplace's part of the total, the rest is its sellers'.
    """

    id: UUID
    target: Annotated[str, msgspec.Meta(description="`model:owner/name@version` or `group:slug`")]
    mode: str
    rows: int
    deadline: float
    total: Money
    lines: list[QuoteLine]
    fee: Money
    guarantee: str
    caveats: tuple[str, ...]
    inferences: Annotated[int, msgspec.Meta(description="How many times a model runs for each row")]
    created: dt.datetime
    expires: dt.datetime


class Quotes(View):
    """At /quotes."""

    @describe("Ask for a quote", body=NewQuote, answer=Quote, status=201)
    def post(self, request: Request) -> Response:
        """What a prediction would cost at most, and what it would be worth. Nothing is set aside yet."""
        actor, wanted = actor_of(request), bodies.body(request, NewQuote)
        asked, _, mode, _ = questions.wanted(actor, wanted)
        row = quoting.quote(actor, asked, mode, wanted.rows, wanted.deadline)
        return Response(_shown(row), status=201, headers={"Location": f"/api/v1/quotes/{row.pk}"})


class OneQuote(View):
    """At /quotes/{id}."""

    @describe("Get a quote", answer=Quote)
    def get(self, request: Request, identifier: UUID) -> Response:
        """One that the organisation was given, with the free rows that are left now."""
        return Response(_shown(quoting.visible(actor_of(request), identifier)))


def _shown(row: Row) -> Quote:
    mode, target = MODES[row.mode], _target(row)
    charges = quoting.charges(row)
    worth = mode.quote(target, mode.Params())
    total = sum(each.most for each in charges)
    lines = [
        QuoteLine(
            owner=each.line.owner,
            price=Asked(money(each.line.micros), each.line.unit, each.line.free_rows),
            free=each.free,
            most=money(each.most),
        )
        for each in charges
    ]
    return Quote(
        id=row.pk,
        target=target.name,
        mode=row.mode,
        rows=row.rows,
        deadline=row.seconds,
        total=money(total),
        lines=lines,
        fee=money(splitting.share(total, (splitting.WHOLE - row.fee, row.fee))[1]),
        guarantee=worth.guarantee,
        caveats=worth.caveats,
        inferences=worth.inferences,
        created=row.created,
        expires=row.expires,
    )


def _target(row: Row) -> Target:
    """What it is for, with as many members as it has now."""
    if row.version is not None:
        return Target(f"model:{row.version.model}@{row.version.number}", ())
    assert row.group is not None, "the quote is for one of them"
    return standing.standing(row.group.pk) or Target(f"group:{row.group.slug}", ())
