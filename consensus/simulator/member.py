"""One member: a replica with its disk, its clock and its models, all of which may fail at any point.

It carries out what its replica asks for in the order that `consensus.events.Ready` gives, and can die before and
after each write and between any two messages.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b

from assay.agreement.group import Epoch
from assay.model import ModelReference
from consensus.durable import Durable, Restored
from consensus.events import Adopting, Event, Machine, Ran, Ready, Received, Reconfiguring, Run, Supply, Tick
from consensus.judging import Group
from consensus.messages import Jump, Records, Spoken, Successor, decode, encode
from consensus.simulator.disk import Disk
from consensus.simulator.founding import BEGAN
from consensus.simulator.models import Models
from consensus.simulator.network import End, Network, name
from consensus.simulator.scenario import NO_DELAY
from consensus.simulator.watch import Watch
from consensus.simulator.world import Broken, World
from consensus.telling import again

IMMORTAL = -1
LAZY = (1, 500)  # ms for which what nothing rests on may wait for the disk
FEW = 3  # entries that are sent at a time
RESTLESS = 3  # times in a row that it may want to go on at once


class Clock:
    """Off by a constant, and too quick or too slow; it may be set."""

    def __init__(self, world: World, skew: int, drift: int) -> None:
        """`skew` in ms, `drift` in parts per million."""
        self._highest = 0  # the most that it has shown before it was set
        self._world = world
        self._skew = skew
        self._drift = drift

    def read(self) -> int:
        """Unix ms."""
        return self.at(self._world.now)

    def at(self, now: int) -> int:
        return BEGAN + self._skew + now + now * self._drift // 1_000_000

    @property
    def highest(self) -> int:
        """The most that it has ever shown."""
        return max(self._highest, self.read())

    def jump(self, by: int) -> None:
        self._highest = self.highest
        self._skew += by

    def until(self, when: int) -> int:
        """Real ms until this clock shows at least that."""
        now = self._world.now
        later = max(now, (when - BEGAN - self._skew) * 1_000_000 // (1_000_000 + self._drift))
        while self.at(later) < when:
            later += 1
        return later - now


class Member:
    """`make` starts its replica from what its disk gives back: a real one, or one that lies."""

    def __init__(
        self,
        place: int,
        world: World,
        *,
        network: Network,
        watch: Watch,
        models: Models,
        clock: Clock,
        disk: Disk,
        group: Group,
        make: Callable[[Group, Restored], Machine],
        pace: tuple[int, int],
        far: int,
        writing: tuple[int, int] = NO_DELAY,
        end: int | None = None,
    ) -> None:
        """`writing`: ms that its disk takes; `end`: where it is in the network, if not at its place."""
        self.place = place
        self.end = place if end is None else end
        self.disk = disk
        self.group = group  # as it last knew it; kept like what is on the disk
        self.machine: Machine | None = None  # None: it is down
        self.clock = clock
        self.died: Callable[[Member], None] = lambda _: None
        self._world = world
        self._network = network
        self._watch = watch
        self._models = models
        self._make = make
        self._pace = pace
        self._far = far
        self._writing = writing
        self._busy = False  # it waits for its disk
        self._frozen = 0  # until when
        self.life = 0  # what was begun in one life does not reach the next
        self._inbox: list[Event] = []
        self._waiting: list[Durable] = []  # to be written
        self._actions_left = IMMORTAL
        self._only_writes = False
        self._wish: ModelReference | None = None
        self._successor: Successor | None = None
        self._alarm = 0  # the newest; those set before it do not ring
        self._restless = 0  # times in a row that it wanted to go on at once
        network.join(self.end, self._hear)

    # --- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._world.say(f"{name(self.end)} starts")
        self._begin()

    def _begin(self) -> None:
        self.machine = self._make(self.group, self.disk.restore())
        if self._wish:
            self._inbox.append(Adopting(self._wish))
        if self._successor:
            self._inbox.append(Reconfiguring(self._successor))
        self._step()

    def doom(self, actions: int, *, writes: bool) -> None:
        """It dies after so many more actions: writes, messages, runs; or only writes are counted."""
        if self.machine:
            self._actions_left = actions
            self._only_writes = writes

    def spare(self) -> None:
        self._actions_left = IMMORTAL

    def freeze(self, down: int) -> None:
        """It takes nothing in for so long, and knows nothing of it."""
        self._world.say(f"{name(self.end)} stops for {down} ms")
        self._frozen = max(self._frozen, self._world.now + down)

    def thaw(self) -> None:
        if self._world.now < self._frozen:
            self._world.say(f"{name(self.end)} goes on")
            self._frozen = self._world.now
            self._later(0, self._step)

    def leave(self) -> None:
        """For good."""
        if self.machine:
            self._die()

    def _die(self) -> None:
        self._world.say(f"{name(self.end)} dies")
        self.machine = None
        self._busy = False
        self._inbox.clear()
        self._waiting.clear()
        self._actions_left = IMMORTAL
        self.life += 1
        self.died(self)

    # --- in -----------------------------------------------------------------------------------------------

    def wish(self, model: ModelReference) -> None:
        """Its owner wants that model from now on, and says so again whenever the member has been down."""
        self._wish = model
        self._watch.wished(self.place, model)
        self.tell(Adopting(model))

    def reconfigure(self, successor: Successor) -> None:
        """It is handed a configuration for the next epoch, and again whenever it has been down."""
        self._successor = successor
        self.tell(Reconfiguring(successor))

    @property
    def wished(self) -> ModelReference | None:
        return self._wish

    def tell(self, event: Event) -> None:
        """Takes an event in, together with what else happens within its pace."""
        if self.machine is None:
            return
        if not self._inbox and not self._busy:
            self._later(self._world.between(self._pace), self._step)
        self._inbox.append(event)

    def _hear(self, sender: End, message: Spoken, mark: str) -> None:
        if self.machine is None:
            return
        self._world.say(f"{mark} from {name(sender)} reaches {name(self.end)}")
        self.tell(Received(sender, message))

    def _later(self, delay: int, what: Callable[[], None]) -> None:
        life = self.life

        def unless_dead() -> None:
            if self.life == life:
                what()

        self._world.after(delay, unless_dead)

    # --- out ----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        if self.machine is None:
            return
        if self._world.now < self._frozen:
            self._later(self._frozen - self._world.now, self._step)
            return
        if self._busy:
            return
        events, self._inbox = self._inbox, []
        for event in events:
            if isinstance(event, Received):
                self._watch.takes_in(self.place, self.life, self.clock, event)
        now = self.clock.read()
        try:
            ready = self.machine.step(now, events)
        except Exception as error:  # it breaks the machine's promise, whatever it is
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{at.name}, line {at.lineno}"
            raise Broken("never raises", f"member {self.place}: {error!r} in {where}") from error
        self._require_rest(ready.wake, now)
        for caught in ready.caught:
            self._watch.catches(self.place, caught)
        self._watch.is_about_to_write(self.place, ready.persist)
        self._carry_out(self._actions(ready), ready.wake)

    def _require_rest(self, wake: int | None, now: int) -> None:
        """A machine that always wants to go on at once would keep a real one's processor busy."""
        self._restless = self._restless + 1 if wake is not None and wake <= now else 0
        if self._restless > RESTLESS:
            raise Broken(
                "rests until something is due", f"member {self.place} wants to go on at {wake}, it is {now}"
            )

    def _carry_out(self, actions: Iterator[tuple[bool, Callable[[], None]]], wake: int | None) -> None:
        """One after the other; what comes after a write waits for the disk, and so does what comes in."""
        for writes, action in actions:
            if self._actions_left == 0:
                self._die()
                return
            self._actions_left -= self._actions_left > 0 and (writes or not self._only_writes)
            action()
            if writes and (delay := self._world.between(self._writing)):
                self._busy = True
                self._later(delay, partial(self._written, actions, wake))
                return
        self._set_alarm(wake)

    def _written(self, actions: Iterator[tuple[bool, Callable[[], None]]], wake: int | None) -> None:
        if self._world.now < self._frozen:
            self._later(self._frozen - self._world.now, partial(self._written, actions, wake))
            return
        self._busy = False
        if self._inbox:
            self._later(0, self._step)
        self._carry_out(actions, wake)

    def _actions(self, ready: Ready) -> Iterator[tuple[bool, Callable[[], None]]]:
        """What is to be done, in its order, and whether it is a write."""
        marks: dict[int, tuple[Spoken, str]] = {}
        for client, message in ready.reply:
            yield False, partial(self._send, client, *as_sent(message))
        for to, message in ready.announce:
            if id(message) not in marks:
                marks[id(message)] = as_sent(message)
            yield False, partial(self._send, to, *marks[id(message)])
        if ready.may_wait and self._world.likely(0.5):
            self._keep(ready.persist)
        elif ready.persist:
            yield True, partial(self._write, ready.persist)
        for to, message in ready.send:
            if id(message) not in marks:
                marks[id(message)] = as_sent(message)
            yield False, partial(self._send, to, *marks[id(message)])
        yield from self._afterwards(ready)

    def _afterwards(self, ready: Ready) -> Iterator[tuple[bool, Callable[[], None]]]:
        for client, number, index in ready.recall:
            self._write([])
            record = self.disk.records(number, 1)[0]
            yield False, partial(self._send, client, *as_sent(again(record, index)))
        for supply in ready.supply:
            if supplied := self._supplied(supply):
                yield False, partial(self._send, supply.member, *as_sent(supplied))
        if ready.run:
            yield False, partial(self._run, ready.run)
        if ready.succeeded is not None:
            yield False, partial(self._enter, ready.succeeded)
        for commitment in ready.adopted:
            yield False, partial(self._world.say, f"{name(self.end)} answers with model {commitment[:4].hex()}")

    def _enter(self, epoch: Epoch) -> None:
        """Another replica takes part in the epoch that follows, on the same disk."""
        self._world.say(f"{name(self.end)} enters epoch {epoch.configuration.epoch}")
        self._write([])
        self._watch.enters(self.place, epoch)
        self.disk.enter(epoch.configuration)
        self.group = self.group.followed(epoch)
        waiting = [] if self.machine is None else self.machine.waiting
        self.machine = None
        self.life += 1
        self._inbox = [Received(self.place, each) for each in waiting]
        self._later(0, self._begin)

    def _supplied(self, supply: Supply) -> Spoken | None:
        self._write([])
        last = self.disk.last()
        if last is not None and (supply.far or (supply.jump and last[1].entries > supply.first + self._far)):
            return Jump(last[0], last[1].serving)
        records = tuple(self.disk.records(supply.first, supply.most))
        records = records[:FEW] if supply.jump else records[-FEW:]
        return Records(records) if records else None

    def _keep(self, what: list[Durable]) -> None:
        """To be written with what comes next, or soon; lost if it dies before."""
        if what and not self._waiting:
            self._later(self._world.between(LAZY), partial(self._write, []))
        self._waiting += what

    def _write(self, what: list[Durable]) -> None:
        every, self._waiting = [*self._waiting, *what], []
        if not every:
            return
        kinds = " ".join(type(each).__name__ for each in every)
        self._world.say(f"{name(self.end)} writes {kinds}")
        self._watch.writes(self.place, every)
        self.disk.write(every)

    def _send(self, to: End, message: Spoken, mark: str) -> None:
        self._watch.leaves(self.place, message)
        self._network.send(self.end, to, message, mark)

    def _run(self, runs: list[Run]) -> None:
        results = [self._models.run(run) for run in runs]
        self._watch.ran(self.place, results)
        together = self._world.likely(0.5)
        for batch in [tuple(results)] if together else [(result,) for result in results]:
            self._later(self._models.delay(), partial(self.tell, Ran(batch)))

    def _set_alarm(self, wake: int | None) -> None:
        """Each step says anew when the next tick is due."""
        self._alarm += 1
        if wake is not None:
            self._later(max(1, self.clock.until(wake)), partial(self._ring, self._alarm))

    def _ring(self, alarm: int) -> None:
        if alarm == self._alarm and not self._inbox and not self._busy:
            self.tell(Tick())


def as_sent(message: Spoken) -> tuple[Spoken, str]:
    """What arrives, and a name for it in the account. Raises Broken for what its receiver would not read."""
    frame = encode(message)
    arrives = decode(frame)
    if arrives != message:
        raise Broken("said is heard", f"{message} arrives as {arrives}")
    return arrives, f"{type(message).__name__} {blake2b(frame, digest_size=4).hexdigest()}"
