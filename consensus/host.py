"""Runs a replica on a real machine: links to the other members and from clients, a disk, inference, time.

What has come in while the last step was carried out goes into the next one together: one call, one write, one
fsync. A step is carried out in its order and to its end before the next begins, so nothing leaves that rests on
what is not on the disk; while the disk is full, members hear nothing. What clients are told a quorum has signed.
What waits is bounded by the links, which are not read beyond that. A peer that says what is no message loses its
link.

A link to each other member, opened from here, carries what is said to it; what it says comes over the one that it
has opened. The newest link of a member counts. Clients are answered over all links that their key has opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import NoReturn

import msgspec

from assay.agreement.group import Epoch
from assay.agreement.votes import Erred
from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from assay.model import ModelReference
from consensus.disk import Disk
from consensus.durable import Storage
from consensus.events import (
    Adopting,
    Contradiction,
    Event,
    Linked,
    Lost,
    Machine,
    Ran,
    Ready,
    Received,
    Reconfiguring,
    Run,
    Supply,
    Tick,
)
from consensus.judging import Group
from consensus.messages import Jump, Record, Records, Requests, Result, Spoken, Successor, decode, encode
from consensus.telling import again
from wire.deadline import now_ms
from wire.dial import Resolve
from wire.line import Line
from wire.link import Link

STEP = 1024  # events that go into one step
PATIENCE = 2.0  # seconds after which a member that could not be reached since the start is lost
RECENT = 8  # entries kept at hand that clients have asked about again
FAR = 4_096  # entries by which a member must be behind to be sent the last one, not the next
SUPPLY = 8 * 1024 * 1024  # bytes of entries sent at once to a member that is behind, unless one has more

Infer = Callable[[Sequence[Run]], Awaitable[Sequence[Result]]]
Taken = Callable[[], None]

_log = logging.getLogger(__name__)


class Host:
    """Member `me` of `group`, who holds `identity`. Runs until `close`; `ended` tells of an end before that.

    `infer` gives a result for each run; what it fails to give counts as an error of the model. `on_adopted` is
    told with which model (by its commitment) the member answers from now on, `on_succeeded` of the epoch that has
    followed: then this host has done its work, and another is to take its place; `on_caught` of who lies, and how.
    """

    def __init__(
        self,
        group: Group,
        me: int,
        identity: PrivateKey,
        machine: Machine,
        storage: Storage,
        *,
        infer: Infer,
        on_adopted: Callable[[bytes], None] | None = None,
        on_succeeded: Callable[[Epoch], None] | None = None,
        on_caught: Callable[[Contradiction], None] | None = None,
        resolve: Resolve | None = None,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._machine = machine
        self._me = me
        self._disk = Disk(storage)
        self._infer = infer
        self._on_adopted = on_adopted or _nobody
        self._on_succeeded = on_succeeded or _nobody
        self._on_caught = on_caught or _nobody
        self._now = now
        self._places = {member.key: i for i, member in enumerate(group.configuration.members) if i != me}
        self._inbox: deque[tuple[Event, Taken | None]] = deque()
        self._changed: dict[int, Event] = {}  # of each member only whether it can be reached now
        self._arrived = asyncio.Event()
        self._from: dict[int, Link] = {}  # members
        self._clients: dict[bytes, list[Link]] = {}
        self._runs: set[asyncio.Task[None]] = set()
        self._lines = {
            place: Line(
                group.configuration.members[place].address,
                PublicKey(key),
                identity,
                group.genesis,
                on_frame=partial(self._heard_back, place),
                on_up=partial(self._change, place, Linked(place)),
                on_down=partial(self._change, place, Lost(place)),
                resolve=resolve,
            )
            for key, place in self._places.items()
        }
        self._recent: dict[int, list[Record]] = {}  # entries of which clients were told again
        self._missed = asyncio.get_running_loop().call_later(PATIENCE, self._miss)
        self._work = asyncio.create_task(self._run())

    @property
    def reached(self) -> int:
        """Members that can be reached now, this one included."""
        return 1 + sum(line.up for line in self._lines.values())

    def take(self, link: Link) -> None:
        """A link that a member or a client, known to be allowed, has opened to this member."""
        if self._work.done():
            link.drop(Unavailable("the member has stopped", code="closed"))
            return
        place = self._places.get(link.peer.raw)
        if place is None:
            mine = self._clients.setdefault(link.peer.raw, [])
            mine.append(link)
            link.open(partial(self._heard, link.peer.raw, link), lambda _: self._forget(link))
            return
        before = self._from.get(place)
        self._from[place] = link
        if before is not None:
            before.drop(Unavailable("a newer link has taken its place", code="replaced"))
        link.open(partial(self._heard, place, link), lambda _: None)
        self._lines[place].hurry()

    def adopt(self, model: ModelReference) -> None:
        """The member is to answer with this model, which is being served, from now on: see `on_adopted`."""
        self._put(Adopting(model))

    def reconfigure(self, successor: Successor) -> None:
        """The group is to have this configuration next: see `on_succeeded`."""
        self._put(Reconfiguring(successor))

    def take_over(self, waiting: Iterable[Requests]) -> None:
        """What clients had asked when the epoch before has ended."""
        for requests in waiting:
            self._put(Received(self._me, requests))

    async def ended(self) -> NoReturn:
        """Waits for an end that nobody has asked for, and raises what led to it."""
        await asyncio.shield(self._work)
        raise AssertionError("unreachable: the work has no end of its own")

    async def close(self) -> None:
        """Ends at once; what has been decided to write is written or not, what is under way is lost."""
        for task in (self._work, *self._runs):
            task.cancel()
        await asyncio.gather(self._work, *self._runs, return_exceptions=True)
        await self._hang_up()
        await self._disk.close()

    async def _hang_up(self) -> None:
        """Lets others know that nobody is here any more."""
        self._missed.cancel()
        clients = [link for links in self._clients.values() for link in links]
        for link in (*self._from.values(), *clients):
            link.drop(Unavailable("the member has stopped", code="closed"))
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    # --- in -----------------------------------------------------------------------------------------------

    def _heard(self, sender: int | bytes, link: Link, frame: bytes) -> None:
        self._put(Received(sender, _decoded(frame)), partial(link.taken, len(frame)))

    def _heard_back(self, place: int, frame: bytes) -> None:
        """Over the link that is for what we say: from the same member all the same."""
        self._put(Received(place, _decoded(frame)), partial(self._lines[place].taken, len(frame)))

    def _put(self, event: Event, taken: Taken | None = None) -> None:
        self._inbox.append((event, taken))
        self._arrived.set()

    def _change(self, place: int, event: Event) -> None:
        self._changed[place] = event
        self._arrived.set()

    def _miss(self) -> None:
        for place, line in self._lines.items():
            if not line.up:
                self._change(place, Lost(place))

    def _forget(self, link: Link) -> None:
        links = self._clients.get(link.peer.raw, [])
        if link in links:
            links.remove(link)
        if not links:
            self._clients.pop(link.peer.raw, None)

    async def _next(self, wake: int | None) -> list[Event]:
        """All that has happened, once something has or it is time."""
        await asyncio.sleep(0)  # what is in the sockets comes along
        if not self._arrived.is_set():
            loop = asyncio.get_running_loop()
            alarm = None if wake is None else loop.call_later((wake - self._now()) / 1000, self._arrived.set)
            await self._arrived.wait()
            if alarm is not None:
                alarm.cancel()
        events, self._changed = list(self._changed.values()), {}
        while self._inbox and len(events) < STEP:
            event, taken = self._inbox.popleft()
            events.append(event)
            if taken is not None:
                taken()
        if not self._inbox:
            self._arrived.clear()
        if not events or (wake is not None and wake <= self._now()):
            events.append(Tick())
        return events

    # --- out ----------------------------------------------------------------------------------------------

    async def _run(self) -> NoReturn:
        try:
            ready = self._machine.step(self._now(), [])
            while True:
                await self._carry_out(ready)
                events = await self._next(ready.wake)
                ready = self._machine.step(self._now(), events)
        except Exception:
            _log.critical("the member takes no more part in its group", exc_info=True)
            await self._hang_up()
            raise

    async def _carry_out(self, ready: Ready) -> None:
        frames: dict[int, bytes] = {}  # what goes to several is encoded once
        for client, message in ready.reply:
            self._reply(client, _frame(frames, message))
        self._send(ready.announce, frames)
        if ready.may_wait:
            self._disk.keep(ready.persist)
        elif ready.persist:
            await self._disk.write(ready.persist)
        self._send(ready.send, frames)
        for commitment in ready.adopted:
            self._on_adopted(commitment)
        for caught in ready.caught:
            self._on_caught(caught)
        if ready.succeeded is not None:
            self._on_succeeded(ready.succeeded)
        if ready.run:
            task = asyncio.create_task(self._vote(ready.run))
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
        await self._recall(ready.recall)
        for supply in ready.supply:
            await self._supply(supply)

    def _send(self, words: Sequence[tuple[int, Spoken]], frames: dict[int, bytes]) -> None:
        for member, message in words:
            if self._lines[member].up:
                self._lines[member].send(_frame(frames, message))

    def _reply(self, client: bytes, frame: bytes) -> None:
        for link in tuple(self._clients.get(client, ())):
            link.send(frame)

    async def _recall(self, recall: list[tuple[bytes, int, int]]) -> None:
        """Tells outcomes again, those of one client in one entry together."""
        wanted: dict[tuple[int, bytes], list[int]] = {}
        for client, number, index in recall:
            if client in self._clients:
                wanted.setdefault((number, client), []).append(index)
        for (number, client), indexes in wanted.items():
            for record in await self._recalled(number):
                told = again(record, indexes[0])
                ended = tuple((index, record.ended[index]) for index in dict.fromkeys(indexes))
                self._reply(client, encode(msgspec.structs.replace(told, ended=ended)))

    async def _recalled(self, number: int) -> list[Record]:
        """Who asks again and again is not to keep the disk busy."""
        if number not in self._recent:
            records = await self._disk.records(number, 1)
            if not records or records[0].entry.number != number:
                return []
            self._recent[number] = records
            while len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
        return self._recent[number]

    async def _supply(self, supply: Supply) -> None:
        line = self._lines[supply.member]
        if not line.up or line.unsent > SUPPLY:  # it has enough to read
            return
        records = await self._disk.records(supply.first, supply.most)
        gone = not records or records[0].entry.number > supply.first
        last = await self._disk.last() if supply.jump else None
        if last is not None and (gone or supply.far or last[1].entries > supply.first + FAR):
            line.send(encode(Jump(last[0], last[1].serving)))
        elif records:
            line.send(encode(Records(_fitting(records, from_the_end=not supply.jump))))

    async def _vote(self, runs: list[Run]) -> None:
        try:
            results = tuple(await self._infer(runs))
        except Exception:  # noqa: BLE001  (a bug costs these requests, not the member)
            _log.exception("inference failed for %d requests", len(runs))
            results = ()
        given = {(each.request, each.model) for each in results}
        lacking = (run for run in runs if (run.request, run.commitment) not in given)
        self._put(Ran((*results, *(Result(run.request, run.commitment, Erred()) for run in lacking))))


def _decoded(frame: bytes) -> Spoken:
    try:
        return decode(frame)
    except msgspec.DecodeError as error:
        raise Refused("not a message", code="invalid-message", got=str(error)) from error


def _frame(frames: dict[int, bytes], message: Spoken) -> bytes:
    frame = frames.get(id(message))
    if frame is None:
        frame = frames[id(message)] = encode(message)
    return frame


def _fitting(records: Sequence[Record], *, from_the_end: bool) -> tuple[Record, ...]:
    """As many as go into SUPPLY bytes, but at least one; those that come first, or last."""
    room, count = SUPPLY, 0
    for record in reversed(records) if from_the_end else records:
        room -= len(encode(record))
        if room < 0 and count:
            break
        count += 1
    return tuple(records[-count:] if from_the_end else records[:count])


def _nobody(_: object) -> None:
    """Nobody wants to know."""
