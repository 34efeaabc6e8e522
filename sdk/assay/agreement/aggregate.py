"""From the members' votes on one row to the answer of the group: integers only, the same on every machine.

At most f of the N = 3f + 1 members lie. Each rule here keeps a promise that no f of them can break, whatever they
vote; one that cannot (a plain mean: a single liar moves it at will) has no place here. A vote is a label's number
or a fixed-point value. Members that abstained or failed have no vote; those of whom nothing is known are `absent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import msgspec

from assay.cbor import MAX_INTEGER
from assay.errors import Refused

LOWEST, HIGHEST = -MAX_INTEGER, MAX_INTEGER  # of what may be voted


class Decision(msgspec.Struct, frozen=True):
    """The group's answer to one row; `value` is None where there is none: the row is contested.

    `firm`: it is the same whatever the absent members would have voted.
    """

    value: int | None
    firm: bool


class Aggregator(Protocol):
    """A rule. Pure: the same for every order of the votes."""

    def needed(self, f: int) -> int:
        """How many votes an answer rests on at least: equal ones for a plurality, any for the others."""

    def decide(self, votes: Sequence[int], absent: int, f: int, least: int) -> Decision:
        """The answer to one row. A buyer may ask for `least` votes, more than are needed."""


class Plurality:
    """The label with the most votes, if no other has as many: f + 1 at least, so that an honest model said so."""

    def needed(self, f: int) -> int:
        return f + 1

    def decide(self, votes: Sequence[int], absent: int, f: int, least: int) -> Decision:
        least = max(least, self.needed(f))
        votes_for: dict[int, int] = {}
        for vote in votes:
            votes_for[vote] = votes_for.get(vote, 0) + 1
        label = max(votes_for, key=votes_for.__getitem__, default=0)
        most, second = votes_for.pop(label, 0), max(votes_for.values(), default=0)
        if most >= least and most > second:
            return Decision(label, firm=most > second + absent)
        return Decision(None, firm=absent == 0 or most + absent < least)


@dataclass(frozen=True)
class OfValues:
    """A number from at least 2f + 1 values that grows with each of them; `of` is given them sorted, and f."""

    of: Callable[[Sequence[int], int], int]

    def needed(self, f: int) -> int:
        return 2 * f + 1

    def decide(self, votes: Sequence[int], absent: int, f: int, least: int) -> Decision:
        least = max(least, self.needed(f))
        if len(votes) < least:
            return Decision(None, firm=len(votes) + absent < least)
        value = self.of(sorted(votes), f)
        # it grows with each value, so the extremes bound whatever else the absent might have said
        others = (
            self.of(sorted([*votes, *late * [extreme]]), f)
            for late in range(1, absent + 1)
            for extreme in (LOWEST, HIGHEST)
        )
        return Decision(value, firm=all(other == value for other in others))


def lower_median(values: Sequence[int], _: int) -> int:
    """Never beyond what honest members said: at most f values lie beyond on either side."""
    return values[(len(values) - 1) // 2]


def trimmed_mean(values: Sequence[int], f: int) -> int:
    """The mean, rounded half up, without the f lowest and the f highest; hence within the honest range too."""
    kept = values[f : len(values) - f]
    return (2 * sum(kept) + len(kept)) // (2 * len(kept))


AGGREGATORS: Mapping[str, Aggregator] = MappingProxyType(
    {"plurality": Plurality(), "median": OfValues(lower_median), "trimmed-mean": OfValues(trimmed_mean)}
)


def aggregator(name: str) -> Aggregator:
    """Raises Refused for what is not a rule here, and says of a plain mean why it is none."""
    if name in AGGREGATORS:
        return AGGREGATORS[name]
    raise Refused(
        "one liar moves a plain mean at will" if name == "mean" else "no such aggregator",
        code="unsafe-aggregator" if name == "mean" else "unknown-aggregator",
        pointer="/aggregator",
        expected=" | ".join(AGGREGATORS),
        got=name[:64],
    )
