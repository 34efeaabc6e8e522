"""What one run varies, drawn from its seed: the group, its network, clocks, models, clients, faults and liars.

At most f members lie, whoever they are; a twin is a liar. Most runs keep members that are down and members that
lie within f together; the harsh ones let any number be down at a time, which may cost time and must cost nothing
else. In the calm ones nothing is lost, nobody is down, frozen, cut off, or told another time.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

Span = tuple[int, int]
Parting = Literal["stay", "one goes", "both go"]
TWIN = 16  # what is added to a member's place for the second one of its twins; more than a group has members
NO_DELAY = (0, 0)
SETTLING = 7_000  # ms
STARTED = 60  # ms after which every member is up
COPY_RESISTANT = 0.25  # of the groups
QUICK = 250  # ms that a message may take, and a write besides, for a leader not to seem dead


PLOTS = (  # lies that go together
    ("two-faced", "accomplice", "forging-locks"),
    ("two-faced", "accomplice", "vanishing"),
    ("two-faced", "lockless", "two-beginnings"),
    ("two-faced", "withholding"),
    ("withholding", "vanishing", "lockless"),
    ("lockless", "two-moves", "two-beginnings"),
    ("accomplice", "lockless", "false-start", "echoing"),
    ("vanishing", "false-bodies", "secretive"),
)


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
    """Two members cannot reach each other for a while; or one does not hear the other, and nobody notices."""

    pair: tuple[int, int]
    at: int
    down: int
    one_way: bool = False


@dataclass(frozen=True)
class Split:
    """The group falls apart for a while: members of one part reach each other. A twin of member i is i + TWIN."""

    at: int
    down: int
    parts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Freeze:
    """Member `place` stops between two steps (SIGSTOP), and hears all that has come once it goes on."""

    place: int
    at: int
    down: int


@dataclass(frozen=True)
class Jump:
    """The clock of member `place` is set, forwards or back."""

    place: int
    at: int
    by: int  # ms


@dataclass(frozen=True)
class Wish:
    """The owner of member `place` wants its model number `model` to answer from now on."""

    place: int
    at: int
    model: int


@dataclass(frozen=True)
class Turn:
    """All members sign a configuration for the next epoch, with another grace time, and it is handed to some."""

    at: int
    to: tuple[int, ...]
    grace: int


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
    splits: tuple[Split, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    jumps: tuple[Jump, ...] = ()
    disks: tuple[Span, ...] = ()  # ms that a write takes, by member; nothing where it is empty
    twins: tuple[int, ...] = ()  # members that run twice, with one key
    parting: Parting = "stay"  # what becomes of twins when the trouble is over
    copy_resistant: bool = False
    turns: tuple[Turn, ...] = ()

    @property
    def f(self) -> int:
        return (self.n - 1) // 3

    @property
    def liars(self) -> frozenset[int]:
        return frozenset(place for place, _ in self.lies) | set(self.twins)

    def disk(self, place: int) -> Span:
        return self.disks[place] if self.disks else NO_DELAY

    @property
    def settled(self) -> int:
        """When there is a leader that leads, by every clock: what lapses before that may never be decided."""
        clocks = max(map(abs, self.skews)) + sum(abs(jump.by) for jump in self.jumps)
        return self.trouble + SETTLING + clocks

    @property
    def is_calm(self) -> bool:
        """Whether nothing fails but members that lie."""
        trouble = (self.crashes, self.flaps, self.splits, self.freezes, self.jumps, self.twins, self.link.loss)
        return not any(trouble)

    @property
    def may_stall(self) -> bool:
        """Whether the leader may take so long that it is given up: it lies, or it is waited for."""
        slow = max((span[1] for span in self.disks), default=0)
        return 0 in self.liars or self._way + slow > QUICK

    @property
    def is_steady(self) -> bool:
        """Whether there is no reason to change the view, whoever else lies."""
        return self.is_calm and not self.may_stall

    @property
    def _way(self) -> int:
        """ms that a message may take until it is taken in, at most."""
        return self.link.delay[1] * (10 if self.link.late else 1) + self.pace[1]

    def spares(self, asking: Asking) -> bool:
        """Whether nothing fails and there is so much time that these requests may not fail either."""
        models = max(each.delay[1] for each in self.inference)
        working = not any(each.failing or each.lacking for each in self.inference)
        clocks = max(map(abs, self.skews)) + max(map(abs, self.drifts)) * self.horizon // 1_000_000
        needed = models + self.grace + clocks + 8 * self._way
        everyone = asking.reach == tuple(range(self.n)) and not asking.twins and not asking.spoiled
        within = asking.deadline[1] <= self.horizon and asking.at >= STARTED
        open_ = not (
            self.copy_resistant and self.liars
        )  # who comes after the seals is not counted in a liar's place
        return self.is_steady and working and everyone and within and open_ and asking.deadline[0] > needed


def draw(chance: Random, n: int, lies: tuple[str, ...], copying: tuple[str, ...]) -> Scenario:
    """A scenario for a group of `n`; liars choose among `lies`."""
    weather = chance.choice(("calm", "fair", "storm", "storm"))
    calm, storm = weather == "calm", weather == "storm"
    trouble = chance.choice((6_000, 15_000)) if storm else chance.choice((300, 1_000, 3_000))
    horizon = chance.choice((6_000, 20_000)) if storm else chance.choice((2_000, 6_000, 20_000))
    skew, drift = chance.choice((0, 20, 500, 3_000)), chance.choice((0, 50, 5_000))
    liars, copy_resistant = _liars(chance, n), chance.random() < COPY_RESISTANT
    twins = () if calm or chance.random() < 0.8 else liars
    askings = tuple(
        tuple(_asking(chance, n, trouble, horizon) for _ in range(chance.randint(1, 5 if storm else 2)))
        for _ in range(chance.choice((1, 1, 2)))
    )
    busy = [asking.at for every in askings for asking in every]
    ends = (*range(n), *(place + TWIN for place in twins))
    quake = _quake(chance, n, busy) if storm and chance.random() < 0.3 else ()

    def some(most: tuple[int, ...]) -> range:
        """How many of one kind of fault."""
        return range(0 if calm else chance.choice(most))

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
        lies=()
        if twins
        else tuple((liar, _lies(chance, lies, copying if copy_resistant else ())) for liar in liars),
        crashes=tuple(_crash(chance, n, busy, storm=storm) for _ in some((0, 1, 2, 4))) + quake,
        harsh=bool(quake) or chance.random() < 0.5,
        far=chance.choice((0, 2, 1_000)),
        flaps=tuple(_flap(chance, n, trouble) for _ in some((0, 0, 3) if storm else (0, 0, 0, 1, 3))),
        wishes=tuple(_wish(chance, n, trouble) for _ in range(chance.choice((0, 0, 1, 3)))),
        askings=askings,
        splits=tuple(_split(chance, ends, trouble) for _ in some((1, 2, 3) if storm or twins else (0, 0, 0, 1))),
        freezes=tuple(_freeze(chance, n, busy) for _ in some((1, 1, 3) if storm else (0, 0, 0, 1))),
        jumps=tuple(_jump(chance, n, trouble) for _ in some((0, 0, 0, 1))),
        disks=tuple(chance.choice((NO_DELAY, NO_DELAY, (1, 20), (50, 500))) for _ in range(n))
        if chance.random() < 0.2
        else (),
        twins=twins,
        parting=chance.choice(("stay", "one goes", "both go")) if twins else "stay",
        copy_resistant=copy_resistant,
        turns=tuple(_turn(chance, n, trouble) for _ in range(chance.choice((0, 0, 0, 1, 2)))),
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


def _liars(chance: Random, n: int) -> tuple[int, ...]:
    """Half of the time they are among the first to lead."""
    f = (n - 1) // 3
    among = range(n) if chance.random() < 0.5 else range(f + 2)
    return tuple(sorted(chance.sample(among, chance.choice((0, f, f, chance.randint(0, f))))))


def _lies(chance: Random, lies: tuple[str, ...], copying: tuple[str, ...]) -> tuple[str, ...]:
    """Some of them; or all that goes together."""
    if copying and chance.random() < 0.5:
        return (chance.choice(copying), *chance.sample(lies, chance.randint(0, 2)))
    if chance.random() < 0.2:
        return chance.choice(PLOTS)
    return tuple(chance.sample(lies, chance.randint(1, 3)))


def _crash(chance: Random, n: int, busy: list[int], *, storm: bool) -> Crash:
    """While there is something to lose: those who lead first more often than others."""
    return Crash(
        place=chance.choice((0, chance.randrange(3 if storm else n), chance.randrange(n))),
        at=chance.choice(busy) + chance.choice((chance.randrange(60), chance.randrange(600))),
        after=chance.choice((0, chance.randint(0, 4), chance.randint(0, 4), chance.randint(0, 12))),
        writes=chance.random() < 0.5,
        down=chance.choice((1, 3_000, 6_000) if storm else (1, 50, 1_000)),
    )


def _quake(chance: Random, n: int, busy: list[int]) -> tuple[Crash, ...]:
    """All die at about the same point, and the first leader does not come back soon."""
    at, writes = chance.choice(busy) + chance.randrange(50), chance.randint(1, 6)
    return tuple(Crash(place, at, writes, writes=True, down=1 if place else 5_000) for place in range(n))


def _flap(chance: Random, n: int, trouble: int) -> Flap:
    a, b = chance.sample(range(n), 2)
    one_way = chance.random() < 0.3
    return Flap((a, b), chance.randrange(trouble), chance.choice((10, 100, 1_000, 5_000)), one_way)


def _split(chance: Random, ends: tuple[int, ...], trouble: int) -> Split:
    """Into two or three parts, some of which may be empty."""
    parts: list[list[int]] = [[] for _ in range(chance.choice((2, 2, 3)))]
    for end in ends:
        chance.choice(parts).append(end)
    return Split(chance.randrange(trouble), chance.choice((100, 1_000, 5_000)), tuple(map(tuple, parts)))


def _freeze(chance: Random, n: int, busy: list[int]) -> Freeze:
    place, at = chance.choice((0, 0, chance.randrange(n))), chance.choice(busy) + chance.randrange(300)
    return Freeze(place, at, chance.choice((100, 1_000, 5_000, 10_000)))


def _jump(chance: Random, n: int, trouble: int) -> Jump:
    return Jump(chance.randrange(n), chance.randrange(trouble), chance.choice((-1, 1)) * chance.randint(1, 3_000))


def _wish(chance: Random, n: int, trouble: int) -> Wish:
    return Wish(chance.randrange(n), chance.randrange(trouble), chance.randint(0, 2))


def _turn(chance: Random, n: int, trouble: int) -> Turn:
    to = tuple(sorted(chance.sample(range(n), chance.randint(1, n))))
    return Turn(chance.randrange(trouble), to, chance.choice((5, 30, 200)))


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
