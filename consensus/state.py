"""All that a replica knows, in one place.

What it does with it is in `hearing` (what comes in), `speaking` (what it says of requests), `ordering` (the log),
`resending` (what may have been lost), `suspecting` (when to give up on a leader) and `viewing` (how the next takes
over).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from assay.agreement.entry import Asked
from assay.agreement.views import Quorum
from assay.model import ModelReference
from consensus.answers import Answers
from consensus.blaming import Blaming
from consensus.durable import Fixing, Past, Restored
from consensus.events import Ready
from consensus.fixing import Fixings
from consensus.judging import LINGER, Group, Judged, beginning, entered, fixings_of
from consensus.messages import Body, Held, NewView, Result, Spoken, Status, Successor, Update, ViewChange
from consensus.pool import Pending, Pool
from consensus.reports import Reports
from consensus.seals import Seal
from consensus.serving import Serving
from consensus.slots import Slot

K = TypeVar("K", bytes, Held)

FIRST_VIEW = 0
RELAY = 250  # ms after which members that have said nothing about a request are told that it is here
LACKING = 500  # ms for inputs to be fetched, at least, before a member abstains
OPENING = 500  # ms to show what is fixed, at least: a leader may hide it, a deadline be near
FETCH = 30  # ms for something named to come by itself before it is asked for
MOST_MISSING = 2_048  # requests, or batches, that one member has named and that are fetched
NOT_INSTALLED = bytes(32)  # no NEW-VIEW began the first view


@dataclass
class Missing:
    """Something that somebody has named and nobody has sent: who has it, and when it is to be asked for."""

    due: int
    asked: dict[int, int] = field(default_factory=dict)  # who has named it, and how often each was asked

    @property
    def next(self) -> int:
        """Whom to ask."""
        return min(self.asked, key=self.asked.__getitem__)


def beginning_of(group: Group) -> bytes:
    """What ballots of the first view name in place of a NEW-VIEW: in a later epoch, the configuration."""
    return group.configuration.digest if group.begun is not None else NOT_INSTALLED


@dataclass
class Wish:
    """For a change of model: when it was first heard, and last."""

    first: int
    last: int


class Lacking(dict[K, Missing]):
    """What has been named: so much of each member that none can keep out what others name."""

    def __init__(self) -> None:
        super().__init__()
        self._named: Counter[int] = Counter()  # by the member that was the first to name it

    def clear(self) -> None:
        super().clear()
        self._named.clear()

    def name(self, what: K, member: int, now: int) -> None:
        if what not in self:
            if self._named[member] >= MOST_MISSING:
                return
            self._named[member] += 1
            self[what] = Missing(now + FETCH)
        missing = self[what]
        if member not in missing.asked:
            missing.asked[member] = 0
            missing.due = min(missing.due, now + FETCH)  # whoever named it before may have lied

    def forget(self, what: K) -> bool:
        """Whether it was lacking."""
        gone = self.pop(what, None)
        if gone is not None:
            self._named[next(iter(gone.asked))] -= 1
        return gone is not None


class Flight:
    """What is decided by proposals that are not yet executed, by number."""

    def __init__(self) -> None:
        self._judged: dict[int, Judged] = {}
        self._fixings: dict[int, Fixings] = {}

    def clear(self) -> None:
        self._judged.clear()
        self._fixings.clear()

    def __len__(self) -> int:
        return len(self._judged)

    def add(self, judged: Judged) -> None:
        number = judged.entry.number
        self._judged[number] = judged
        if judged.fixed:
            self._fixings[number] = Fixings()
            for fixing in fixings_of(number, judged.fixed):
                self._fixings[number].add(fixing)

    def land(self, number: int) -> None:
        """All up to that number is executed."""
        for below in [each for each in self._judged if each <= number]:
            del self._judged[below]
            self._fixings.pop(below, None)

    def fixings(self, below: int) -> list[Fixings]:
        """What proposals below that number fix."""
        return [fixings for number, fixings in self._fixings.items() if number < below]

    def decides(self, below: int) -> set[bytes]:
        """The requests that they decide."""
        lower = (judged for number, judged in self._judged.items() if number < below)
        return {each.request for judged in lower for each in judged.ended}

    def ids(self, below: int) -> set[tuple[bytes, bytes]]:
        """(client, id) of what proposals below that number decide."""
        lower = (judged for number, judged in self._judged.items() if number < below)
        return {(asked.client, asked.id) for judged in lower for asked in judged.asked}


class State:
    """Of member `me` of a group."""

    def __init__(self, group: Group, me: int, seal: Seal, restored: Restored) -> None:
        self.group = group
        self.n = group.n
        self.me = me
        self.seal = seal
        self.now = 0
        self.out = Ready()
        self.view = FIRST_VIEW
        self.active = True  # the view has begun: this member votes in it
        self.installed = beginning_of(group)
        self.new_view: NewView | None = None  # that began the last view in which this member voted
        self.moved: ViewChange | None = None  # this member's own, the last
        self.progressed = 0  # when the last entry was executed, or the view began
        self.setbacks = 0  # views given up, less entries executed since
        self.standing = entered(group, restored.standing or beginning(group))
        self.head: Quorum | None = None  # the last entry, with the commits
        self.locks: dict[int, Quorum] = {}  # what this member has committed to, and not executed: newest prepares
        self.bodies: dict[bytes, Body] = {}  # of entries that it has prepared, or must
        self.pool = Pool()
        self.answers = Answers(me)
        self.fixings = Fixings()  # what is fixed of requests that are not decided
        self.secrets: dict[bytes, dict[bytes, Result]] = {}  # what is under own seals, by request and model
        self.unopened: dict[bytes, None] = {}  # requests of which an own seal was fixed in this step
        self.reports = Reports(group.quorum, self.fixings)
        self.floor = 0  # the number of the entry on which the present view builds: it decides above that only
        self.slots: dict[int, Slot] = {}  # of the present view; none before it has begun
        self.flight = Flight()
        self.successor: Successor | None = None  # to be ordered
        self.successor_heard = 0
        self.ending: Successor | None = None  # what the last entry holds, where it ends the epoch
        self.updates: dict[int, Update] = {}  # signed, and not yet ordered
        self.wished: dict[int, Wish] = {}  # when each of them was heard
        self.wanted: ModelReference | None = None  # what the owner wants this member to answer with
        self.missing: Lacking[bytes] = Lacking()  # requests, or their inputs
        self.lacking: Lacking[Held] = Lacking()  # results
        self.absent: Lacking[bytes] = Lacking()  # entries that the view must decide again, by their digests
        self.spoken: list[Result] = []  # to be signed
        self.signed: dict[Held, int] = {}  # own batches about undecided requests, and when they were last sent
        self.touched: dict[bytes, None] = {}  # requests about which something has changed in this step
        self.given: dict[tuple[int, bytes | Held], int] = {}  # what a member was sent because it asked, and when
        self.blaming = Blaming()
        self.lost: set[int] = set()  # members that cannot be reached
        self._over: dict[bytes, Past] = {}
        self._past: dict[tuple[bytes, bytes], Past] = {}
        self._lapses: list[tuple[int, bytes]] = []
        self._due: dict[int, list[bytes]] = {}  # requests, by when they are to be looked at again
        self._times: list[int] = []  # those, a heap: a batch of requests has few of them
        for past in restored.past:
            self.remember(past)
        for fixing in restored.fixed:
            self.fixings.add(fixing)
        for result in restored.secrets:
            self.keep_secret(result)

    # --- who is who ---------------------------------------------------------------------------------------

    @property
    def leader(self) -> int:
        return self.group.leader(self.view)

    @property
    def serving(self) -> Serving:
        """What this member answers with."""
        return self.standing.serving[self.me]

    @property
    def arrived(self) -> bool:
        """Whether the log here has come into this epoch; before that nothing can be judged or said."""
        return self.standing.epoch == self.group.configuration.epoch

    @property
    def changes(self) -> bool:
        """Whether something waits that is ordered on members' clocks alone."""
        return bool(self.updates) or self.successor is not None

    @property
    def fetching(self) -> int:
        """ms for which inputs are waited for: whoever has abstained cannot answer any more."""
        return max(LACKING, self.group.configuration.grace)

    @property
    def leads(self) -> bool:
        """Whether this member leads a view that has begun."""
        return self.active and self.leader == self.me

    @property
    def in_view(self) -> int:
        """The last view in which this member voted."""
        return FIRST_VIEW if self.new_view is None else self.new_view.view

    @property
    def status(self) -> Status:
        return Status(self.standing.entries, self.in_view, self.standing.epoch, self.group.configuration.epoch)

    def key(self, member: int) -> bytes:
        return self.group.configuration.members[member].key

    def catch(self, member: int, what: str, about: object, one: Spoken, other: Spoken) -> None:
        """A member has contradicted itself in two signed words."""
        caught = self.blaming.catch(member, what, about, (one, other))
        if caught is not None:
            self.out.caught.append(caught)

    def announce(self, message: Spoken) -> None:
        """What nobody has signed need not wait for the disk."""
        self.out.announce += [(member, message) for member in range(self.n) if member != self.me]

    def broadcast(self, message: Spoken) -> None:
        self.out.send += [(member, message) for member in range(self.n) if member != self.me]

    # --- what has been decided ----------------------------------------------------------------------------

    def past(self, asked: Asked) -> Past | None:
        """Where this id of this client was decided."""
        return self._past.get((asked.client, asked.id))

    def is_over(self, request: bytes) -> bool:
        """Whether this very request was decided."""
        return request in self._over

    def remember(self, past: Past) -> None:
        self._past[past.client, past.id] = past
        self._over[past.request] = past
        heapq.heappush(self._lapses, (past.lapse, past.request))

    def forget_lapsed(self) -> None:
        """By entry time alone, hence alike on every member."""
        self.fixings.lapse(self.standing.time)
        while self._lapses and self._lapses[0][0] < self.standing.time:
            _, request = heapq.heappop(self._lapses)
            past = self._over.pop(request, None)
            if past is not None:
                self._past.pop((past.client, past.id), None)

    # --- what is fixed ------------------------------------------------------------------------------------

    def fix(self, fixing: Fixing) -> None:
        """From now on no other words on that request count: those under the seals may be shown."""
        request = fixing.words.request
        self.fixings.add(fixing)
        self.reports.go_on(request, self.now)
        self.unopened[request] = None
        pending = self.pool.get(request)
        if pending is not None:
            pending.ready, pending.answered_by_quorum = False, None
            self.touched[request] = None
            self.show(pending)

    def show(self, pending: Pending) -> None:
        """From now on its words are shown; nobody has withheld one for OPENING."""
        pending.showing = self.now
        self.due(self.now + OPENING, pending.digest)

    def keep_secret(self, result: Result) -> None:
        self.secrets.setdefault(result.request, {})[result.model] = result

    # --- requests -----------------------------------------------------------------------------------------

    def undecided(self, requests: Iterable[bytes]) -> dict[bytes, None]:
        """In their order: what follows from it must not hang on how a process hashes."""
        return {request: None for request in requests if request not in self._over}

    def let_in(self, pending: Pending) -> None:
        self.pool.add(pending)
        self.answers.recognise(pending.digest)
        self.missing.forget(pending.digest)
        self.touched[pending.digest] = None
        self.due(pending.asked.deadline + 1, pending.digest)
        self.due(pending.asked.deadline + 2 * LINGER, pending.digest)
        self.due(pending.heard + RELAY, pending.digest)
        self.due(pending.heard + self.fetching, pending.digest)

    def has_spoken(self, request: bytes) -> bool:
        """Whether this member has signed a result for it, which must not be forgotten before it is decided."""
        return any(held.member == self.me for held in self.answers.about(request))

    def drop(self, request: bytes) -> None:
        """A request that has been decided, or never will be."""
        self.pool.drop(request)
        self.answers.drop(request)
        self.reports.drop(request)
        self.missing.forget(request)
        self.touched.pop(request, None)
        self.secrets.pop(request, None)
        self.unopened.pop(request, None)

    def miss(self, request: bytes, member: int) -> None:
        """A member has named a request of which nothing is known here."""
        self.missing.name(request, member, self.now)

    def lack(self, held: Held, member: int) -> None:
        """A member has named a batch of results that is not here."""
        self.lacking.name(held, member, self.now)

    # --- time ---------------------------------------------------------------------------------------------

    def due(self, when: int, request: bytes) -> None:
        """Looks at a request again then, whatever happens."""
        waiting = self._due.get(when)
        if waiting is None:
            self._due[when] = [request]
            heapq.heappush(self._times, when)
        else:
            waiting.append(request)

    def touch_due(self) -> None:
        while self._times and self._times[0] <= self.now:
            for request in self._due.pop(heapq.heappop(self._times)):
                if self.pool.get(request) is not None:
                    self.touched[request] = None

    @property
    def next_due(self) -> int | None:
        while self._times:
            waiting = self._due[self._times[0]]
            while waiting and self.pool.get(waiting[-1]) is None:
                waiting.pop()
            if waiting:
                return self._times[0]
            del self._due[heapq.heappop(self._times)]
        return None
