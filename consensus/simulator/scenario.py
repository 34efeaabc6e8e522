"""What one run varies, drawn from its seed: the group, its network, clocks, models, clients, faults and liars.

At most f members lie, all of them backups: a leader that lies can stop a group for as long as there is no other.
Most runs keep members that are down and members that lie within f together; the harsh ones let any number be down
at a time, which may cost time and must cost nothing else. In the calm ones nothing is lost and nobody is down.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

Span = tuple[int, int]


@dataclass(frozen=True)
class Link:
    """How messages travel while there is trouble."""

    delay: Span  # ms
    late: float  # probability of ten times that
    loss: float
    twice: float


@dataclass(frozen=True)
class Inference:
    """How one member's models behave."""

    delay: Span  # ms
    dissent: float  # probability of another answer than most give, by input
    flutter: float  # probability that the same question gets another answer when asked again
    failing: float
    lacking: float  # probability that it cannot answer just now


@dataclass(frozen=True)
class Crash:
    """Member `place` dies `after` so many more actions once `at` has come, and is back `down` ms later.

    `writes`: only its writes are counted, so that what it has just written is there and nobody has heard of it.
    """

    place: int
    at: int
    after: int
    writes: bool
    down: int


@dataclass(frozen=True)
class Flap:
    """Two members cannot reach each other for a while."""

    pair: tuple[int, int]
    at: int
    down: int


@dataclass(frozen=True)
class Wish:
    """The owner of member `place` wants its model number `model` to answer from now on."""

    place: int
    at: int
    model: int


@dataclass(frozen=True)
class Asking:
    """One batch of requests of a client."""

    at: int
    requests: int
    rows: Span
    deadline: Span  # ms ahead
    least: int
    reach: tuple[int, ...]  # the members to which the client sends it
    twins: bool  # half of these members get other inputs under the same ids
    spoiled: bool  # with inputs that are not what their digests say, or not what the group takes


@dataclass(frozen=True)
class Scenario:
    """All of it. `trouble`: ms after which faults end and every member is up and reachable."""

    n: int
    aggregator: str
    grace: int
    horizon: int
    trouble: int
    skews: tuple[int, ...]  # ms, by member
    drifts: tuple[int, ...]  # parts per million
    pace: Span  # ms for which a member gathers what happens before it takes it in
    link: Link
    inference: tuple[Inference, ...]
    lies: tuple[tuple[int, tuple[str, ...]], ...]  # by liar
    crashes: tuple[Crash, ...]
    harsh: bool
    far: int  # entries by which a member must be behind to be sent the last one, not the next
    flaps: tuple[Flap, ...]
    wishes: tuple[Wish, ...]
    askings: tuple[tuple[Asking, ...], ...]  # by client

    @property
    def f(self) -> int:
        return (self.n - 1) // 3

    @property
    def liars(self) -> frozenset[int]:
        return frozenset(place for place, _ in self.lies)

    def spares(self, asking: Asking) -> bool:
        """Whether nothing fails and there is so much time that these requests may not fail either."""
        failing = self.crashes or self.flaps or self.link.loss
        models = max(each.delay[1] for each in self.inference)
        working = not any(each.failing or each.lacking for each in self.inference)
        clocks = max(map(abs, self.skews)) + max(map(abs, self.drifts)) * self.horizon // 1_000_000
        ways = 8 * (self.link.delay[1] * (10 if self.link.late else 1) + self.pace[1])
        needed = models + self.grace + clocks + ways
        everyone = asking.reach == tuple(range(self.n)) and not asking.twins and not asking.spoiled
        within = asking.deadline[1] <= self.horizon
        return not failing and working and everyone and within and asking.deadline[0] > needed


def draw(chance: Random, n: int, lies: tuple[str, ...]) -> Scenario:
    """A scenario for a group of `n`; liars choose among `lies`."""
    f = (n - 1) // 3
    trouble = chance.choice((300, 1_000, 3_000))
    horizon = chance.choice((2_000, 6_000, 20_000))
    skew, drift = chance.choice((0, 20, 500, 3_000)), chance.choice((0, 50, 5_000))
    liars = chance.sample(range(1, n), chance.choice((0, f, f, chance.randint(0, f))))
    calm = chance.random() < 0.25
    askings = tuple(
        tuple(_asking(chance, n, trouble, horizon) for _ in range(chance.randint(1, 2)))
        for _ in range(chance.choice((1, 1, 2)))
    )
    busy = [asking.at for every in askings for asking in every]
    return Scenario(
        n=n,
        aggregator=chance.choice(("plurality", "plurality", "median", "trimmed-mean")),
        grace=chance.choice((5, 30, 200, 1_000)),
        horizon=horizon,
        trouble=trouble,
        skews=tuple(chance.randint(-skew, skew) for _ in range(n)),
        drifts=tuple(chance.randint(-drift, drift) for _ in range(n)),
        pace=chance.choice(((0, 0), (0, 3), (0, 30))),
        link=_link(chance, calm=calm),
        inference=tuple(_inference(chance, calm=calm) for _ in range(n)),
        lies=tuple((liar, tuple(chance.sample(lies, chance.randint(1, 3)))) for liar in sorted(liars)),
        crashes=tuple(_crash(chance, n, busy) for _ in range(0 if calm else chance.choice((0, 1, 2, 4)))),
        harsh=chance.random() < 0.5,
        far=chance.choice((0, 2, 1_000)),
        flaps=tuple(_flap(chance, n, trouble) for _ in range(0 if calm else chance.choice((0, 0, 0, 1, 3)))),
        wishes=tuple(_wish(chance, n, trouble) for _ in range(chance.choice((0, 0, 1, 3)))),
        askings=askings,
    )


def _link(chance: Random, *, calm: bool) -> Link:
    lossy = not calm and chance.random() < 0.6
    return Link(
        delay=chance.choice(((1, 3), (1, 30), (5, 200))),
        late=chance.choice((0.0, 0.02)),
        loss=chance.choice((0.02, 0.2)) if lossy else 0.0,
        twice=chance.choice((0.0, 0.05)),
    )


def _inference(chance: Random, *, calm: bool) -> Inference:
    rare = (0.0,) if calm else (0.0, 0.0, 0.0, 0.3)
    return Inference(
        delay=chance.choice(((1, 10), (1, 10), (1, 10), (20, 200), (20, 200), (500, 3_000))),
        dissent=chance.choice((0.0, 0.1, 0.5)),
        flutter=chance.choice((0.0, 1.0)),
        failing=chance.choice(rare),
        lacking=chance.choice(rare),
    )


def _crash(chance: Random, n: int, busy: list[int]) -> Crash:
    """While there is something to lose: the leader more often than others."""
    return Crash(
        place=chance.choice((0, chance.randrange(n))),
        at=chance.choice(busy) + chance.choice((chance.randrange(60), chance.randrange(600))),
        after=chance.choice((0, chance.randint(0, 4), chance.randint(0, 4), chance.randint(0, 12))),
        writes=chance.random() < 0.5,
        down=chance.choice((1, 50, 1_000)),
    )


def _flap(chance: Random, n: int, trouble: int) -> Flap:
    a, b = chance.sample(range(n), 2)
    return Flap((a, b), chance.randrange(trouble), chance.choice((10, 100, 1_000)))


def _wish(chance: Random, n: int, trouble: int) -> Wish:
    return Wish(chance.randrange(n), chance.randrange(trouble), chance.randint(0, 2))


def _asking(chance: Random, n: int, trouble: int, horizon: int) -> Asking:
    few = tuple(sorted(chance.sample(range(n), chance.randint(1, n))))
    return Asking(
        at=chance.randrange(trouble),
        requests=chance.randint(1, 3),
        rows=(1, chance.choice((1, 3))),
        deadline=chance.choice(
            ((horizon // 2, horizon), (horizon // 2, horizon), (20, 400), (horizon, 3 * horizon))
        ),
        least=chance.choice((0, 0, 0, chance.randint(1, n))),
        reach=chance.choice((tuple(range(n)), tuple(range(n)), few, few[:1])),
        twins=chance.random() < 0.15,
        spoiled=chance.random() < 0.05,
    )
