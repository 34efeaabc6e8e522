"""Amounts of money as the API writes them: whole micro-units and their currency, never a fraction."""

from __future__ import annotations

from typing import Annotated

import msgspec

from marketplace.billing import accounts
from marketplace.billing.models import Price


class Money(msgspec.Struct, frozen=True):
    """An amount. `micros`: millionths of the currency's unit."""

    micros: int
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]


def money(micros: int) -> Money:
    """In the currency in which this marketplace sells."""
    return Money(micros, accounts.currency())


class Asked(msgspec.Struct, frozen=True):
    """What is asked for one row or second of proof, 0 for free; so many rows a month cost each buyer nothing."""

    amount: Money
    unit: Annotated[str, msgspec.Meta(extra_json_schema={"enum": Price.Unit.values})]
    free_rows: int
