"""A node for tests: the real wire server in a thread, whose handler keeps models in memory and can misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from assay.digest import sha256
from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from assay.model import ModelReference
from wire.messages import (
    Activate,
    Answer,
    Capabilities,
    Capable,
    Chunk,
    Done,
    Health,
    Healthy,
    Load,
    Loaded,
    Request,
    Served,
    Unload,
    Wanted,
)
from wire.server import serve


@dataclass
class Wired:
    """What the node holds, what it was asked, and what is wrong with it."""

    key: PrivateKey
    address: str = ""
    asked: list[str] = field(default_factory=list)  # names of messages, in order
    files: dict[bytes, bytearray] = field(default_factory=dict)  # by digest
    announced: dict[bytes, Load] = field(default_factory=dict)
    states: dict[bytes, str] = field(default_factory=dict)  # by commitment
    serving: bool = True
    detail: str = ""
    unavailable: int = 0  # chunks from now on that are refused for the time being
    refuses: str = ""  # name of a message that is refused for good
    on: dict[str, threading.Event] = field(default_factory=dict)  # a message waits until its event is set
    came: dict[str, threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))

    async def answer(self, peer: PublicKey, request: Request) -> Answer:
        name = type(request).__name__
        self.asked.append(name)
        self.came[name].set()
        if name in self.on:
            await asyncio.to_thread(self.on[name].wait, 20)
        if name == self.refuses:
            raise Refused("this node will not", code="will-not")
        match request:
            case Health():
                return Healthy(id=request.id, serving=self.serving, detail=self.detail, in_flight=0, answered=0)
            case Capabilities():
                models = tuple(
                    Served(commitment=each, digest=bytes(32), name="", state=state)
                    for each, state in self.states.items()
                )
                return Capable(id=request.id, software="test", roles=(), models=models, draining=False)
            case Load():
                self.announced[request.digest] = request
                self.files.setdefault(request.digest, bytearray())
                return self._progress(request.id, request.digest)
            case Chunk():
                if self.unavailable:
                    self.unavailable -= 1
                    raise Unavailable("busy")
                file = self.files[request.digest]
                file[request.offset : request.offset + len(request.data)] = request.data
                return self._progress(request.id, request.digest)
            case Activate():
                self.states[request.commitment] = "serving"
                return Done(id=request.id)
            case Unload():
                self.states[request.commitment] = "held"
                return Done(id=request.id)
            case _:
                raise Refused("not asked in these tests")

    def _progress(self, request: int, digest: bytes) -> Answer:
        file, announced = self.files[digest], self.announced[digest]
        if len(file) < announced.size:
            return Wanted(id=request, offset=len(file))
        assert sha256(bytes(file)) == digest
        commitment = ModelReference(digest=digest, interface=announced.interface).commitment
        self.states.setdefault(commitment, "held")
        return Loaded(id=request, commitment=commitment)


@contextmanager
def wired(key: PrivateKey, marketplace: PublicKey) -> Iterator[Wired]:
    """A node that listens, for as long as the block runs."""
    node = Wired(key)
    started, over = threading.Event(), threading.Event()

    async def main() -> None:
        server = await serve("127.0.0.1", 0, key, {marketplace}, node.answer)
        node.address = server.address
        started.set()
        await asyncio.to_thread(over.wait)
        await server.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="wired")
    thread.start()
    assert started.wait(20)
    try:
        yield node
    finally:
        for event in node.on.values():
            event.set()
        over.set()
        thread.join()
