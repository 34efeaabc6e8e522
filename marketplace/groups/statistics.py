"""A group's statistics as they are read: what each member said, how often it dissented, and each pair together.

Counts are kept by epoch, where a member is a place; here they are added up by owner. Nothing is computed from
certificates at reading, and no more than MONTH days of counts are ever read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from django.db.models import Q
from django.utils import timezone

from marketplace.groups.counting import Counts, OfMember, OfPair
from marketplace.groups.models import Group, GroupCounts, GroupEpoch
from marketplace.groups.standing import decoded

MONTH = 30  # days, today included
LEAST_ROWS = 200  # on which both voted, below which nothing is said of a pair
LEAST_JOINT = 5  # dissents of both on one row, had or to be expected, below which nothing is said either


@dataclass(frozen=True)
class MemberCounts:
    """An owner: requests by what its member said to them, rows with an answer on which it voted, and dissented."""

    owner: str
    answered: int = 0
    abstained: int = 0
    erred: int = 0
    absent: int = 0
    rows: int = 0
    dissented: int = 0
    withheld: int = 0

    @property
    def rate(self) -> float | None:
        """Of dissent, 0 to 1; None where it never voted."""
        return self.dissented / self.rows if self.rows else None


@dataclass(frozen=True)
class PairCounts:
    """Two owners, and the rows with an answer on which both voted: who dissented, on how many."""

    first: str
    second: str
    rows: int = 0
    first_dissented: int = 0
    second_dissented: int = 0
    both: int = 0
    alike: int = 0

    @property
    def first_alone(self) -> int:
        return self.first_dissented - self.both

    @property
    def second_alone(self) -> int:
        return self.second_dissented - self.both

    @property
    def expected(self) -> float:
        """How many rows both would have dissented on, if neither's dissent said anything of the other's."""
        return self.first_dissented * self.second_dissented / self.rows if self.rows else 0.0

    @property
    def ratio(self) -> float | None:
        """`both` to `expected`: 1 if they are independent; None where there are too few to tell."""
        if self.rows < LEAST_ROWS or max(self.both, self.expected) < LEAST_JOINT:
            return None
        return self.both / self.expected


@dataclass(frozen=True)
class Window:
    """What was counted in the last `days`, or ever: owners of the latest epoch first, then those before."""

    days: int | None
    requests: int
    rows: int
    members: tuple[MemberCounts, ...]
    pairs: tuple[PairCounts, ...]


def windows(group: Group, epochs: Sequence[GroupEpoch]) -> tuple[Window, Window]:
    """All time, and the last MONTH days. `epochs` are those that stand; one query."""
    owners = {each.number: tuple(place.owner for place in decoded(each).configuration.members) for each in epochs}
    since = timezone.now().astimezone(dt.UTC).date() - dt.timedelta(days=MONTH - 1)
    kept = GroupCounts.objects.filter(Q(day__isnull=True) | Q(day__gte=since), group=group, epoch__in=owners)
    rows = list(kept.order_by("epoch", "day", "lane"))
    ever, lately = (_window(days, rows, owners) for days in (None, MONTH))
    return ever, lately


def _window(days: int | None, kept: Sequence[GroupCounts], owners: dict[int, tuple[str, ...]]) -> Window:
    found: dict[int, Counts] = {}
    for each in kept:
        if (each.day is None) == (days is None):
            counts = Counts(each.requests, each.rows, tuple(each.members), tuple(each.pairs))
            found[each.epoch] = found[each.epoch] + counts if each.epoch in found else counts
    order = list(dict.fromkeys(owner for number in sorted(owners, reverse=True) for owner in owners[number]))
    members = {owner: [0] * len(OfMember) for owner in order}
    pairs = {pair: [0] * len(OfPair) for pair in combinations(order, 2)}
    for number, counts in found.items():
        for owner, numbers in zip(owners[number], _cut(counts.members, len(OfMember)), strict=True):
            members[owner] = [a + b for a, b in zip(members[owner], numbers, strict=True)]
        seated = combinations(owners[number], 2)
        for (first, second), numbers in zip(seated, _cut(counts.pairs, len(OfPair)), strict=True):
            pair, these = (
                ((first, second), numbers) if (first, second) in pairs else ((second, first), _turned(numbers))
            )
            pairs[pair] = [a + b for a, b in zip(pairs[pair], these, strict=True)]
    return Window(
        days,
        sum(each.requests for each in found.values()),
        sum(each.rows for each in found.values()),
        tuple(MemberCounts(owner, *numbers) for owner, numbers in members.items()),
        tuple(PairCounts(*pair, *numbers) for pair, numbers in pairs.items()),
    )


def _cut(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[i : i + size] for i in range(0, len(numbers), size)]


def _turned(numbers: Sequence[int]) -> Sequence[int]:
    """The same pair the other way round."""
    turned = list(numbers)
    turned[OfPair.FIRST], turned[OfPair.SECOND] = numbers[OfPair.SECOND], numbers[OfPair.FIRST]
    return turned
