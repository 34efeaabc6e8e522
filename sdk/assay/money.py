"""What is charged, as the server says it: amounts, quotes, balances. No certificate proves any of this.

>>> str(Money(1_234_567, "USD"))
'USD 1.234567'
>>> str(Money(-2_500_000, "USD"))
'USD -2.50'
>>> micros("0.0005", "/price")
500
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from assay.errors import Refused

UNIT = 1_000_000  # micro-units in one unit of a currency
MOST = 10**15  # micro-units in any amount that somebody may write: a thousand million units
_DECIMAL = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,6}))?", re.ASCII)


def number(amount: int) -> str:
    """An amount in micro-units. At least two decimal places, and as many as it takes: nothing is rounded away."""
    whole, part = divmod(abs(amount), UNIT)
    places = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{places}"


def micros(text: str, pointer: str, most: int = MOST) -> int:
    """What somebody wrote, `12`, `0.05`, in micro-units. Raises Refused naming the field."""
    match = _DECIMAL.fullmatch(text.strip())
    amount = -1 if match is None else int(match[1]) * UNIT + int((match[2] or "").ljust(6, "0"))
    if not 0 <= amount <= most:
        raise Refused(
            "not an amount",
            pointer=pointer,
            expected=f"0 to {number(most)}, at most six decimal places",
            got=text[:40],
        )
    return amount


class Money(msgspec.Struct, frozen=True):
    """An amount. `micros`: millionths of the currency's unit; whole, never rounded."""

    micros: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]  # ISO 4217

    def __str__(self) -> str:
        return f"{self.currency} {number(self.micros)}"


class Cost(msgspec.Struct, frozen=True):
    """What was set aside for a prediction (`quoted`), what was charged in the end, what came back, and why.

    All but `quoted` are None until it has ended. `ending`: certified, contested, failed, expired, cancelled, ….
    """

    quoted: Money
    charged: Money | None = None
    returned: Money | None = None
    ending: str | None = None


class Price(msgspec.Struct, frozen=True):
    """For one `unit`, a row or a second of proof; so many rows a month cost each buyer nothing."""

    amount: Money
    unit: str
    free_rows: int


class QuoteLine(msgspec.Struct, frozen=True):
    """A seller's part: `free` of the rows cost nothing, `most` is what the others may come to."""

    owner: str
    price: Price
    free: int
    most: Money


class Quote(msgspec.Struct, frozen=True):
    """What a prediction would cost at most, and what it would be worth. Its prices are promised until `expires`.

    `rows`: for which `total` was told. `fee`: the marketplace's part of it. `guarantee` and `caveats` say what an
    answer in this mode would show, and what it would not.
    """

    id: UUID
    target: str
    mode: str
    rows: int
    total: Money
    lines: tuple[QuoteLine, ...]
    fee: Money
    guarantee: str
    caveats: tuple[str, ...]
    expires: datetime


class CapAlert(msgspec.Struct, frozen=True):
    """That so many percent have been reached this month; at 100, maybe that a request was refused."""

    percent: int
    time: datetime


class Cap(msgspec.Struct, frozen=True):
    """The most that may be spent in a calendar month (UTC), by the organisation or by the key of that id."""

    key: int | None
    amount: Money | None
    used: Money
    left: Money | None
    alerts: tuple[CapAlert, ...] = ()


class Balance(msgspec.Struct, frozen=True):
    """`available` is `credit` and `free` together; `held` is set aside for what is under way.

    `spent` is this month's (UTC), what is held included.
    """

    available: Money
    credit: Money
    free: Money
    held: Money
    spent: Money
    caps: tuple[Cap, ...] = ()
