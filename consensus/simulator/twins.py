"""Twins scenarios, generated: up to f members run twice with one key, on two disks, in a network that falls apart.

After the Twins method (Bano et al., arXiv 2004.10617; Diem, relab/hotstuff): much of what a liar can do two
honest copies of it do, when they hear different things. Nobody here tells a lie, and yet every key of a twin
equivocates. Who leads follows from the views, which change as parts without a quorum lose patience; hence a
scenario is which members are twins, and how the group falls apart, round after round.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from random import Random

from consensus.simulator.scenario import TWIN, Asking, Inference, Link, Scenario, Split

ROUNDS = 3  # of the first two all combinations are gone through, for a group of four
MOST_PARTS = 3
STRIDE = 7_919  # a prime: seeds that follow each other differ in everything
HORIZON = 20_000
Parts = tuple[tuple[int, ...], ...]


def generated(chance: Random, n: int, index: int) -> Scenario:
    """The scenario with that index; those of a group of four come again, with other chances, after `every`."""
    if n == 4:
        twins, first, second = _of_four(index * STRIDE % every())
        parts = [first, second, chance.choice(ways((*range(n), *(place + TWIN for place in twins))))]
    else:
        sets = tuple(combinations(range(n), (n - 1) // 3))
        twins = sets[index % len(sets)]
        parts = [_drawn(chance, (*range(n), *(place + TWIN for place in twins))) for _ in range(ROUNDS)]
    splits, at = [], 100
    for part in parts:
        down = chance.choice((300, 2_500, 5_000))
        splits.append(Split(at, down, part))
        at += down
    calm = Inference(delay=(1, 10), dissent=chance.choice((0.0, 0.3)), flutter=0.0, failing=0.0, lacking=0.0)
    return Scenario(
        n=n,
        aggregator="plurality",
        grace=chance.choice((5, 200)),
        horizon=HORIZON,
        trouble=at,
        skews=(0,) * n,
        drifts=(0,) * n,
        pace=chance.choice(((0, 0), (0, 3))),
        link=Link(delay=chance.choice(((1, 5), (1, 50))), late=0.0, loss=chance.choice((0.0, 0.05)), twice=0.0),
        inference=(calm,) * n,
        lies=(),
        crashes=(),
        harsh=False,
        far=chance.choice((0, 1_000)),
        flaps=(),
        wishes=(),
        askings=(tuple(_asking(chance, n, split) for split in splits),),
        splits=tuple(splits),
        twins=twins,
        parting=chance.choice(("stay", "one goes", "both go")),
    )


def every() -> int:
    """How many there are for a group of four, but for chance."""
    number = len(ways((0, 1, 2, 3, TWIN)))
    return 4 * number * number


def _of_four(index: int) -> tuple[tuple[int, ...], Parts, Parts]:
    index, twin = divmod(index, 4)
    mine = ways((0, 1, 2, 3, twin + TWIN))
    second, first = divmod(index, len(mine))
    return (twin,), mine[first], mine[second]


@cache
def ways(ends: tuple[int, ...]) -> tuple[Parts, ...]:
    """All ways to fall apart into at most three parts."""
    return tuple(_ways(ends))


def _ways(ends: tuple[int, ...]) -> Iterator[Parts]:
    if not ends:
        yield ()
        return
    first, rest = ends[0], ends[1:]
    for parts in _ways(rest):
        for i, part in enumerate(parts):
            yield (*parts[:i], (first, *part), *parts[i + 1 :])
        if len(parts) < MOST_PARTS:
            yield ((first,), *parts)


def _drawn(chance: Random, ends: tuple[int, ...]) -> Parts:
    parts: list[list[int]] = [[] for _ in range(chance.choice((2, 2, MOST_PARTS)))]
    for end in ends:
        chance.choice(parts).append(end)
    return tuple(tuple(part) for part in parts if part)


def _asking(chance: Random, n: int, during: Split) -> Asking:
    return Asking(
        at=during.at + chance.randrange(max(1, during.down // 2)),
        requests=chance.randint(1, 2),
        rows=(1, 1),
        deadline=(HORIZON // 2, HORIZON),
        least=0,
        reach=tuple(range(n)),
        twins=False,
        spoiled=False,
    )
