"""Amounts by day as stacked bars, drawn by the server: what the template needs and no more.

The bars fill a box of 100 by 100 that is stretched to its place; words stand beside it, never in it. Every figure
is also in a table, so the chart tells nobody anything that is not written.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from marketplace.billing import months
from marketplace.billing.statement import Daily

SERIES = 4  # told apart; the last stands for all others where there are more
GAP = 0.25  # of a day's width, between two days
OTHERS = "others"


@dataclass(frozen=True)
class Bar:
    """A part of a day's column, in percent of the box; `y` is its upper edge."""

    series: int
    x: str
    y: str
    width: str
    height: str
    day: dt.date
    by: str
    amount: int


@dataclass(frozen=True)
class Chart:
    """`series`: names and sums, the largest first; `most`: micro-units that the box is high."""

    month: dt.date
    bars: tuple[Bar, ...]
    series: tuple[tuple[str, int], ...]
    most: int
    rows: tuple[Daily, ...]  # the same as a table

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.series)

    @property
    def days(self) -> tuple[dt.date, dt.date, dt.date]:
        """The first, the middle and the last of the month: what is written below."""
        last = calendar.monthrange(self.month.year, self.month.month)[1]
        return self.month, self.month.replace(day=(last + 1) // 2), self.month.replace(day=last)


def chart(found: Sequence[Daily], month: dt.date) -> Chart:
    """Of the days of a month. What adds up to nothing is not drawn."""
    sums: dict[str, int] = {}
    for each in found:
        sums[named(each.by)] = sums.get(named(each.by), 0) + each.amount
    order = sorted((name for name in sums if sums[name] > 0), key=lambda name: (-sums[name], name))
    shown = order if len(order) <= SERIES else order[: SERIES - 1]
    rest = sum(sums[name] for name in order[len(shown) :])
    by_day: dict[dt.date, list[int]] = {}
    for each in found:
        place = shown.index(named(each.by)) if named(each.by) in shown else len(shown)
        column = by_day.setdefault(each.day, [0] * (len(shown) + 1))
        column[place] += max(0, each.amount)
    names = [*shown, OTHERS]
    most = max((sum(column) for column in by_day.values()), default=0)
    return Chart(
        month=month,
        bars=tuple(bar for day, column in by_day.items() for bar in _column(day, column, names, most)),
        series=tuple((name, sums[name]) for name in shown) + (((OTHERS, rest),) if rest else ()),
        most=most,
        rows=tuple(replace(each, by=named(each.by)) for each in found if each.count),
    )


def _column(day: dt.date, amounts: Sequence[int], names: Sequence[str], most: int) -> list[Bar]:
    width = 100 / calendar.monthrange(day.year, day.month)[1]
    x, top, bars = (day.day - 1 + GAP / 2) * width, 100.0, []
    for i, amount in enumerate(amounts):
        if amount:
            high = 100 * amount / most
            top -= high
            box = [f"{value:.2f}" for value in (x, top, width * (1 - GAP), high)]
            bars.append(Bar(i, box[0], box[1], box[2], box[3], day, names[i], amount))
    return bars


def named(by: str) -> str:
    """`model:asha/digits` as people write it."""
    return by.partition(":")[2] or by


# --- months -----------------------------------------------------------------------------------------------------


def month_of(text: str) -> dt.date:
    """What an address says, `2026-11`; this month where it says nothing. Raises Refused."""
    return months.month_named(text, "/month") if text else months.this_month()


def around(month: dt.date, first: dt.date) -> tuple[str, str]:
    """The months before and after as addresses say them; empty where there was nothing or nothing is yet."""
    before = (month - dt.timedelta(days=1)).replace(day=1)
    after = months.month_after(month)
    return (
        f"{before:%Y-%m}" if before >= first.replace(day=1) else "",
        f"{after:%Y-%m}" if after <= months.this_month() else "",
    )
