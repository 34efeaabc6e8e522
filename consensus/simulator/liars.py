"""Members that lie: real replicas whose words are twisted on their way out.

A liar signs with its own key, and with no other's. What it does is in `tricks` (whoever leads) and `misleading`
(leaders, and those that change the view).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from assay import merkle
from assay.agreement.entry import Entry
from assay.agreement.views import Move
from assay.digest import Tag
from consensus.durable import Executed
from consensus.events import Event, Ready, Received
from consensus.judging import Group, Known
from consensus.knowledge import Knowledge
from consensus.messages import Exec, Have, NewView, Propose, Record, Requests, Result, Spoken, ViewChange, Vote
from consensus.replica import Replica
from consensus.simulator.founding import Founded
from consensus.simulator.world import World
from consensus.state import State
from consensus.succession import installing

replace = msgspec.structs.replace
FOR_EVER = 2**60
REMEMBERED = 40  # messages that a liar may say again
Place = tuple[int, int]  # view, number


class Liar:
    """A `Machine` around an honest one."""

    def __init__(
        self, inner: Replica, place: int, tricks: Sequence[Trick], founded: Founded, world: World
    ) -> None:
        self.inner = inner
        self.place = place
        self.world = world
        self.founded = founded
        self.seal = founded.members[place].seal
        self.half = frozenset(each for each in self.others if world.likely(0.5))  # of whom it thinks less
        self.heard: deque[Spoken] = deque(maxlen=REMEMBERED)  # the last
        self.memory: list[Spoken] = []  # of votes, proposals and moves in any view
        self.moves: dict[int, dict[int, ViewChange]] = {}  # by view and member, as heard
        self.entries: dict[Place, dict[bytes, None]] = {}  # for which anybody has voted
        self.told: set[bytes] = set()  # what it will not say again
        self.known: dict[bytes, Entry] = {}  # entries that it has judged
        self.other: dict[Place, tuple[Propose, Entry] | None] = {}  # what it proposes to the one half
        self.installs: dict[int, NewView] = {}  # how, as it says to them, a view began
        self.record: Record | None = None  # the last that it has executed
        self.mute = 0  # until when it says nothing
        self.now = 0
        self._later: list[tuple[int, int, Spoken]] = []
        self._tricks = tricks

    def step(self, now: int, events: Iterable[Event]) -> Ready:
        events = list(events)
        self.now = now
        for each in events:
            if isinstance(each, Received):
                self._remember(each.message)
        ready = self.inner.step(now, events)
        for slot in self.state.slots.values():
            if slot.judged is not None:
                self.known[slot.judged.entry.digest] = slot.judged.entry
        for durable in ready.persist:
            if isinstance(durable, Executed):
                self.record = durable.record
        sent, ready.announce = [*ready.announce, *ready.send], []
        for trick in self._tricks:
            sent = [(to, word) for to, message in sent for word in trick(self, to, message)]
        if self.now < self.mute:
            ready.supply, ready.reply = [], []
        due = [each for each in self._later if each[0] <= now]
        self._later = [each for each in self._later if each[0] > now]
        ready.send = [*((to, message) for _, to, message in due), *sent]
        if self._later:
            ready.wake = min(ready.wake or self._later[0][0], *(each[0] for each in self._later))
        return ready

    @property
    def waiting(self) -> list[Requests]:
        return self.inner.waiting

    def _remember(self, message: Spoken) -> None:
        self.heard.append(message)
        if isinstance(message, Vote):
            self.entries.setdefault((message.view, message.number), {})[message.entry] = None
        elif isinstance(message, ViewChange):
            self.moves.setdefault(message.move.view, {})[message.move.member] = message
        if isinstance(message, Vote | Propose | ViewChange | NewView):
            if len(self.memory) < REMEMBERED:
                self.memory.append(message)
            elif self.world.likely(0.2):
                self.memory[self.world.chance.randrange(REMEMBERED)] = message

    def say_later(self, delay: int, to: int, message: Spoken) -> None:
        self._later.append((self.now + delay, to, message))

    # --- what a liar knows --------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.inner.state

    @property
    def group(self) -> Group:
        return self.state.group

    @property
    def others(self) -> range:
        return range(self.founded.configuration.n)

    def knowledge(self, number: int) -> Known:
        return Knowledge(self.state, number)

    # --- what a liar can make -----------------------------------------------------------------------------

    def speak(self, results: tuple[Result, ...]) -> Exec:
        """Results under its own signature."""
        root = merkle.root([each.leaf for each in results])
        group, epoch = self.founded.genesis, self.group.configuration.epoch
        signed = Exec.signed(group, epoch, self.place, len(results), root)
        return Exec(self.place, results, self.seal.sign(Tag.AGREEMENT_EXEC, signed))

    def report(self, have: Have, **changes: object) -> Have:
        report = replace(have.report, **changes)
        return Have(report, self.seal.sign(Tag.AGREEMENT_HAVE, report.digest))

    def vote(self, vote: Vote, **changes: object) -> Vote:
        changed = replace(vote, **changes)
        ballot = changed.ballot(self.founded.genesis, self.group.configuration.epoch)
        return replace(changed, signature=self.seal.sign(changed.tag, ballot.digest(changed.tag)))

    def move(self, move: Move, **changes: object) -> ViewChange:
        changed = replace(move, **changes)
        return ViewChange(changed, self.seal.sign(Tag.AGREEMENT_VIEW_CHANGE, changed.digest))

    def new_view(self, view: int, changes: Sequence[ViewChange]) -> NewView:
        signed = installing(self.group, view, changes)
        return NewView(view, tuple(changes), self.seal.sign(Tag.AGREEMENT_NEW_VIEW, signed))

    def noise(self, size: int = 32) -> bytes:
        return self.world.chance.randbytes(size)


Trick = Callable[[Liar, int, Spoken], list[Spoken]]
