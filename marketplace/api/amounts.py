"""Amounts of money as the API writes them: whole micro-units and their currency, never a fraction."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from rest_framework.request import Request

from marketplace.billing import accounts
from marketplace.billing import money as amounts
from marketplace.billing.costs import Cost as Costing
from marketplace.billing.models import Price
from marketplace.billing.months import month_named, this_month

Micros = Annotated[
    int, msgspec.Meta(ge=1, le=amounts.MOST, description="Micro-units of the marketplace's currency")
]
MONTH = {"month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "description": "UTC; this one by default"}}


class Money(msgspec.Struct, frozen=True):
    """An amount. `micros`: millionths of the currency's unit."""

    micros: int
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]


class Asked(msgspec.Struct, frozen=True):
    """What is asked for one row or second of proof, 0 for free; so many rows a month cost each buyer nothing."""

    amount: Money
    unit: Annotated[str, msgspec.Meta(extra_json_schema={"enum": Price.Unit.values})]
    free_rows: int


class Cost(msgspec.Struct, frozen=True):
    """What was set aside for a prediction; what was charged in the end, what came back, and why (`ending`).

    All but `quoted` are null until it has ended.
    """

    quoted: Money
    charged: Money | None
    returned: Money | None
    ending: Annotated[str | None, msgspec.Meta(description="certified | contested | failed | expired | …")]


def money(micros: int) -> Money:
    """In the currency in which this marketplace sells."""
    return Money(micros, accounts.currency())


def maybe(micros: int | None) -> Money | None:
    return None if micros is None else money(micros)


def cost(shown: Costing) -> Cost:
    return Cost(money(shown.quoted), maybe(shown.charged), maybe(shown.returned), shown.ending)


def month_of(request: Request) -> dt.date:
    """The month that `?month=2026-11` names, by its first day. Raises Refused."""
    text = request.query_params.get("month")
    return this_month() if text is None else month_named(text, "month")
