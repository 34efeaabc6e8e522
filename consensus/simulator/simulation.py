"""One run: a seed in, an account out. Raises nothing: what does not hold is part of the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

from assay.agreement.blame.evidence import AnyEvidence
from consensus.durable import Restored
from consensus.events import Machine
from consensus.judging import Group
from consensus.replica import Replica
from consensus.seals import Seal
from consensus.simulator.broken import VARIANTS
from consensus.simulator.client import Client
from consensus.simulator.copying import COPYING
from consensus.simulator.disk import Disk
from consensus.simulator.faults import Faults
from consensus.simulator.founding import BEGAN, Founded, holder
from consensus.simulator.liveness import unsettled
from consensus.simulator.member import Clock, Member
from consensus.simulator.models import Models
from consensus.simulator.network import Network
from consensus.simulator.scenario import TWIN, Scenario, Turn, Wish, draw
from consensus.simulator.tricks import EVERYWHERE, lying
from consensus.simulator.twins import generated
from consensus.simulator.watch import Watch
from consensus.simulator.world import Broken, World

Build = Callable[[Group, int, Seal, Restored], Replica]
LOOK = 250  # ms between two looks at whether all is done
PATIENCE = 120_000  # ms after the last deadline by which it must be: what nobody has is asked for many times


@dataclass
class Account:
    """What became of a run."""

    seed: int
    n: int
    trace: str
    events: int
    broken: str = ""  # the invariant
    detail: str = ""
    last: list[str] = field(default_factory=list)  # of the trace, where something broke
    outcomes: Counter[str] = field(default_factory=Counter)


class Simulation:
    """A group, its clients and its faults, as the seed has it; the scenario too, unless there is one already."""

    def __init__(
        self,
        seed: int,
        n: int,
        build: Build = Replica,
        *,
        real: bool = False,
        twins: bool = False,
        scenario: Scenario | None = None,
        disk: Callable[[int, Founded], Disk] = lambda _place, _founded: Disk(),
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.seed = seed
        self.evidence: list[AnyEvidence] = []  # against liars, where signatures are real
        self.world = World(seed, tell)
        drawn = partial(generated, index=seed) if twins else partial(draw, lies=EVERYWHERE, copying=tuple(COPYING))
        self.scenario = scenario or drawn(self.world.chance, n)
        self.founded = Founded(self.scenario, real=real)
        self._build = build
        self._disk = disk
        self.honest = frozenset(range(n)) - self.scenario.liars
        self.network = Network(self.world, self.scenario.link)
        self.watch = Watch(self.founded, self.honest, self._latest, steady=self.scenario.is_steady)
        self.members = [self._member(place) for place in range(n)]
        seconds = [self._member(place, place + TWIN) for place in self.scenario.twins]
        self.clients = [self._client(i) for i in range(len(self.scenario.askings))]
        self.faults = Faults(self.scenario, self.world, self.network, [*self.members, *seconds])

    def run(self) -> Account:
        broken, detail = "", ""
        try:
            self._run()
        except Broken as problem:
            broken, detail = problem.invariant, problem.detail
        world = self.world
        account = Account(self.seed, self.scenario.n, world.trace, world.events, broken, detail)
        account.last = list(world.last) if broken else []
        account.outcomes.update(each.outcome for each in self.watch.log.decided.values())
        return account

    def _run(self) -> None:
        world, scenario = self.world, self.scenario
        world.say(repr(scenario))
        self.faults.begin()
        for wish in scenario.wishes:
            world.after(wish.at, partial(self._wish, wish))
        for turn in scenario.turns:
            world.after(turn.at, partial(self._turn, turn))
        for client, askings in zip(self.clients, scenario.askings, strict=True):
            for asking in askings:
                world.after(asking.at, partial(client.ask, asking, spared=scenario.spares(asking)))
        world.after(scenario.trouble, self._calm_down)
        world.after(scenario.trouble + LOOK, self._look)
        self._done = False
        while not self._done:
            world.step()
        if self.founded.real:
            self.evidence = self.watch.blaming.require_nobody_honest()

    def _calm_down(self) -> None:
        self._last_epoch, self._last_view = self.watch.epoch, self.watch.views.latest + self.scenario.f + 2

    def _look(self) -> None:
        """Ends the run once all that must happen has happened.

        The view that is under way when the trouble ends may fail, and those that liars lead; then an honest leader
        leads for good.
        """
        if self.watch.epoch > self._last_epoch:
            self._last_epoch, self._last_view = self.watch.epoch, self.scenario.f + 2
        if self.watch.views.latest > self._last_view:
            raise Broken("an honest leader is kept", f"view {self.watch.views.latest} after {self._last_view}")
        waiting = unsettled(self)
        if not waiting:
            self._done = True
        elif self.world.now > self.scenario.trouble + self._last_deadline() + PATIENCE:
            raise Broken("all is done in the end", waiting)
        else:
            self.world.after(LOOK, self._look)

    def _last_deadline(self) -> int:
        every = (wanted.deadline - BEGAN for client in self.clients for wanted in client.wanted.values())
        return max(every, default=0)

    # --- who takes part -----------------------------------------------------------------------------------

    def _member(self, place: int, end: int | None = None) -> Member:
        scenario, world = self.scenario, self.world
        labels = scenario.aggregator == "plurality"
        return Member(
            place,
            world,
            network=self.network,
            watch=self.watch,
            models=Models(world, scenario.inference[place], labels=labels),
            clock=Clock(world, scenario.skews[place], scenario.drifts[place]),
            disk=self._disk(place, self.founded),
            group=Group(self.founded.genesis, self.founded.configuration),
            make=partial(self._machine, place),
            pace=scenario.pace,
            far=scenario.far,
            writing=scenario.disk(place),
            end=end,
        )

    def _machine(self, place: int, group: Group, restored: Restored) -> Machine:
        replica = self._build(group, place, self.founded.members[place].seal, restored)
        lies = dict(self.scenario.lies).get(place)
        return lying(replica, place, lies, self.founded, self.world) if lies else replica

    def _client(self, i: int) -> Client:
        who = holder(f"client {i}", real=self.founded.real)
        return Client(who, self.world, network=self.network, watch=self.watch, founded=self.founded)

    def _wish(self, wish: Wish) -> None:
        self.members[wish.place].wish(self.founded.model(wish.place, wish.model))

    def _turn(self, turn: Turn) -> None:
        """Stands as long as no member answers with another model than is said in it."""
        successor = self.founded.successor(self.watch.log.answering(), turn.grace)
        self.world.say(f"epoch {successor.configuration.epoch} is handed to {list(turn.to)}")
        for place in turn.to:
            self.members[place].reconfigure(successor)

    def _latest(self) -> int:
        return max(self.members[place].clock.highest for place in self.honest)


def run(
    seed: int,
    n: int,
    *,
    real: bool = False,
    twins: bool = False,
    broken: str = "",
    tell: Callable[[str], None] | None = None,
) -> Account:
    """One run; `broken`: with replicas that are so, by the name of what is wrong with them."""
    with VARIANTS[broken]() if broken else nullcontext():
        return Simulation(seed, n, real=real, twins=twins, tell=tell).run()
