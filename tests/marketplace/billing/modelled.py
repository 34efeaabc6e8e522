"""The ledger as plain Python: what hypothesis holds the real one against. Amounts are micro-units.

It is written from docs/money.md and shares no code with what it judges: parts are worked out in fractions.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

POSTED = {"certified", "dispute-won", "contested-in-part"}
VERIFYING = Fraction(15, 100)
FEE = Fraction(10, 100)


@dataclass(frozen=True)
class Seller:
    name: str
    micros: int  # for a second
    free_rows: int  # a month

    @property
    def always(self) -> bool:
        """Whether it is paid whoever has answered: a model's owner, and not one among a group's."""
        return self.free_rows > 0


@dataclass
class Held:
    buyer: str
    month: dt.date
    most: dict[Seller, int]  # what each seller's part may come to
    free_rows: dict[Seller, int]
    free: int  # of the whole, from free credit
    open: bool = True
    paid: dict[str, int] = field(default_factory=dict)  # by account's name, once posted
    available: dt.date | None = None
    reversed: bool = False

    @property
    def amount(self) -> int:
        return sum(self.most.values())


class Model:
    """Balances by account, `kind owner`; how much counts in a month; free rows that are used up."""

    def __init__(self, free_credit: dict[str, int], today: dt.date) -> None:
        self.today = today
        self.balances: Counter[str] = Counter({f"free {name}": amount for name, amount in free_credit.items()})
        self.spent: Counter[tuple[str, dt.date]] = Counter()
        self.used: Counter[tuple[str, str, dt.date]] = Counter()
        self.holds: list[Held] = []
        self.matured: set[tuple[str, dt.date]] = set()

    @property
    def month(self) -> dt.date:
        return self.today.replace(day=1)

    def grant(self, buyer: str, amount: int) -> None:
        self.balances[f"credit {buyer}"] += amount

    def hold(self, buyer: str, sellers: list[Seller], rows: int, seconds: float) -> Held | int | None:
        """What is held; or None where it costs nothing; or how much is missing."""
        sellers = [each for each in sellers if each.name != buyer]
        free_rows = {
            each: max(0, min(rows, each.free_rows - self.used[buyer, each.name, self.month])) for each in sellers
        }
        most = {each: each.micros * (rows - free_rows[each]) * math.ceil(seconds) for each in sellers}
        free = min(self.balances[f"free {buyer}"], sum(most.values()))
        missing = sum(most.values()) - free - self.balances[f"credit {buyer}"]
        if missing > 0:
            return missing
        for each in sellers:
            self.used[buyer, each.name, self.month] += free_rows[each]
        held = Held(buyer, self.month, most, free_rows, free)
        if not held.amount:
            return None
        self._move({f"free {buyer}": -free, f"credit {buyer}": free - held.amount, f"held {buyer}": held.amount})
        self.spent[buyer, self.month] += held.amount
        self.holds.append(held)
        return held

    def settle(self, held: Held, ending: str, answered: set[str], seconds: int) -> None:
        if not held.open:
            return
        held.open = False
        by = [each for each in held.most if each.always or each.name in answered] if ending in POSTED else []
        worth = {each: min(held.most[each], each.micros * seconds) for each in by}
        total = sum(worth.values())
        for each, rows in held.free_rows.items():
            if each not in by:
                self.used[held.buyer, each.name, held.month] -= rows
        parts = [
            *((f"earned {each.name}", amount * (1 - FEE - VERIFYING)) for each, amount in worth.items()),
            ("fees", total * FEE),
            ("verification", total * VERIFYING),
        ]
        held.paid = dict(rounded(parts, total))
        held.available = self.today + dt.timedelta(days=7)
        self._give(held, held.amount - total, min(held.free, total))
        self._move({f"held {held.buyer}": -held.amount, **held.paid})

    def reverse(self, held: Held) -> bool:
        """Whether it could be: before any of it is available."""
        total = sum(held.paid.values())
        if held.open or not total or held.reversed:
            return True
        assert held.available is not None
        if held.available <= self.today:
            return False
        held.reversed = True
        self._move({name: -amount for name, amount in held.paid.items()})
        self.spent[held.buyer, held.month] -= total
        spent_free = min(held.free, total)
        self._move({f"free {held.buyer}": spent_free, f"credit {held.buyer}": total - spent_free})
        return True

    def mature(self) -> None:
        due: Counter[tuple[str, dt.date]] = Counter()
        for held in self.holds:
            if held.available is not None and held.available <= self.today and not held.reversed:
                for name, amount in held.paid.items():
                    kind, _, owner = name.partition(" ")
                    if kind == "earned":
                        due[owner, held.available] += amount
        for (owner, day), amount in due.items():
            if (owner, day) not in self.matured:
                self.matured.add((owner, day))
                self._move({f"earned {owner}": -amount, f"payable {owner}": amount})

    def _give(self, held: Held, back: int, free_spent: int) -> None:
        free = held.free - free_spent
        self.spent[held.buyer, held.month] -= back
        self._move({f"free {held.buyer}": free, f"credit {held.buyer}": back - free})

    def _move(self, amounts: dict[str, int]) -> None:
        for name, amount in amounts.items():
            self.balances[name] += amount
            assert self.balances[name] >= 0, name


def rounded(parts: list[tuple[str, Fraction]], total: int) -> list[tuple[str, int]]:
    """Whole amounts whose sum is the total: what is left over goes to the largest remainders, the first first."""
    down = [math.floor(amount) for _, amount in parts]
    order = sorted(range(len(parts)), key=lambda i: (down[i] - parts[i][1], i))
    for i in order[: total - sum(down)]:
        down[i] += 1
    return [(name, amount) for (name, _), amount in zip(parts, down, strict=True) if amount]
