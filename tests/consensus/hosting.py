"""A host with a scripted replica, a storage that can fail, and the other members as bare servers and lines."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field

from assay.keys import PrivateKey
from consensus.durable import Restored, Standing
from consensus.events import Event, Ready, Received, Run, Supply
from consensus.host import Host
from consensus.judging import Group
from consensus.messages import MAX_RECORDS, Payload, Record, Status, decode
from tests.consensus import made
from tests.sdk import groups
from tests.wire.conftest import until
from wire.line import Line
from wire.link import Attached, Link
from wire.server import Server, serve

GROUP = Group(made.GROUP, made.GENESIS)
CLIENT = groups.CLIENT


class Script:
    """A replica that says what it is told to say next, and remembers what it has heard."""

    def __init__(self) -> None:
        self.steps: list[list[Event]] = []
        self.nows: list[int] = []
        self.answers: deque[Ready] = deque()
        self.on: dict[type[Event], Ready] = {}

    def step(self, now, events):
        events = list(events)
        self.steps.append(events)
        self.nows.append(now)
        for each in events:
            if type(each) in self.on:
                return self.on.pop(type(each))
        return Ready()

    @property
    def heard(self) -> list[Event]:
        return [each for step in self.steps for each in step]

    def received(self) -> list[tuple[object, int]]:
        return [(each.sender, each.message.entries) for each in self.heard if isinstance(each, Received)]


class Shelf:
    """A storage whose disk can be slow, full or broken."""

    def __init__(self) -> None:
        self.written: list[list] = []
        self.kept: list[Record] = []
        self.problems: deque[Exception] = deque()
        self.writing = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def write(self, what):
        self.writing.set()
        assert self.free.wait(20)
        if self.problems:
            raise self.problems.popleft()
        self.written.append(what)

    def restore(self):
        return Restored()

    def records(self, first, most):
        if self.problems:
            raise self.problems.popleft()
        return [each for each in self.kept if each.entry.number >= first][:most]

    def last(self):
        if self.problems:
            raise self.problems.popleft()
        if not self.kept:
            return None
        entry = self.kept[-1].entry
        return self.kept[-1], Standing(entry.number, entry.digest, entry.time, made.SERVING)


@dataclass
class Place:
    """Member 0 with its host, and the others as bare servers and lines."""

    script: Script = field(default_factory=Script)
    shelf: Shelf = field(default_factory=Shelf)
    links: dict[int, Link] = field(default_factory=dict)  # from member 0
    frames: list[tuple[int, object]] = field(default_factory=list)  # what member 0 has said, and to whom
    adopted: list[bytes] = field(default_factory=list)
    asked: list[list[Run]] = field(default_factory=list)
    started: list = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    infer: object = None
    host: Host = None
    server: Server = None

    async def begin(self, *places: int) -> None:
        for place in places or (1, 2, 3):
            await self.stand_in(place)
        self.host = Host(
            GROUP,
            0,
            made.KEYS[0],
            self.script,
            self.shelf,
            infer=self._run,
            on_adopted=self.adopted.append,
            resolve=self._resolve,
        )
        self.server = await serve("127.0.0.1", 0, made.KEYS[0], lambda _: True, self._attach)
        self.started += [self.server]

    async def stand_in(self, place: int) -> Server:
        async def attach(peer, request):
            return Attached(lambda link: self._open(place, link))

        server = await serve("127.0.0.1", 0, made.KEYS[place], lambda _: True, attach)
        self.addresses[made.GENESIS.members[place].address] = server.address
        self.started.append(server)
        return server

    def line(self, key: PrivateKey, on_frame=lambda _: None) -> Line:
        line = Line(self.server.address, made.KEYS[0].public, key, made.GROUP, on_frame=on_frame)
        self.started.append(line)
        return line

    async def linked(self, key: PrivateKey, on_frame=lambda _: None) -> Line:
        line = self.line(key, on_frame)
        await until(lambda: line.up)
        return line

    async def end(self) -> None:
        self.shelf.free.set()
        await self.host.close()
        for each in reversed(self.started):
            await each.close()

    def _open(self, place: int, link: Link) -> None:
        self.links[place] = link
        link.open(lambda frame: self.frames.append((place, decode(frame))), lambda _: None)

    async def _attach(self, peer, request):
        return Attached(self.host.take)

    async def _resolve(self, where: str) -> str:
        return self.addresses.get(where, "127.0.0.1:1")

    async def _run(self, runs):
        self.asked.append(list(runs))
        return await self.infer(runs)


def behind(member, first):
    return Supply(member, first, MAX_RECORDS, jump=True)


def status(number: int) -> Status:
    return Status(number, 0)


def run(i: int) -> Run:
    reference = groups.model(0)
    return Run(made.asked(i).digest, reference.commitment, reference, Payload(bytes(32), ()), 1, 2**40)


async def turns(count: int = 100) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
