"""A node for tests: the real wire server in a thread, whose handler keeps models in memory and can misbehave."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import onnxruntime

from assay import cbor, direct, jsonform
from assay.agreement.chain import require_chain
from assay.agreement.group import Epoch
from assay.digest import sha256
from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from assay.model import ModelReference, input_digest
from assay.tensor import Tensor
from wire.messages import (
    Activate,
    Adopt,
    Answer,
    Capabilities,
    Capable,
    Chunk,
    Disclose,
    Disclosed,
    Dissolve,
    Done,
    Epochs,
    Follow,
    Form,
    Health,
    Healthy,
    InGroup,
    Load,
    Loaded,
    Reform,
    Request,
    Result,
    Served,
    Submit,
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
    groups: dict[bytes, Epoch] = field(default_factory=dict)  # by genesis
    chains: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)  # documents of epochs, by genesis
    reformed: list[bytes] = field(default_factory=list)  # successors that it was handed
    members: dict[bytes, tuple[str, ...]] = field(default_factory=dict)  # where they are, by genesis
    adopted: list[tuple[bytes, bytes]] = field(default_factory=list)  # genesis and commitment, in order
    dissolved: list[bytes] = field(default_factory=list)  # geneses, in order
    within: tuple[InGroup, ...] = ()  # what it says of its groups
    evidence: dict[bytes, list[bytes]] = field(default_factory=dict)  # what it has caught others in, by genesis
    verdicts: dict[bytes, str] = field(default_factory=dict)  # what it was told of a piece, by digest
    serving: bool = True
    detail: str = ""
    submitted: int = 0  # predictions carried out
    unavailable: int = 0  # chunks from now on that are refused for the time being
    refuses: str = ""  # name of a message that is refused for good
    code: str = "will-not"  # with which it is
    on: dict[str, threading.Event] = field(default_factory=dict)  # a message waits until its event is set
    came: dict[str, threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))

    async def answer(self, peer: PublicKey, request: Request) -> Answer:
        name = type(request).__name__
        self.asked.append(name)
        self.came[name].set()
        if name in self.on:
            await asyncio.to_thread(self.on[name].wait, 20)
        if name == self.refuses:
            raise Refused("this node will not", code=self.code)
        match request:
            case Health():
                return Healthy(id=request.id, serving=self.serving, detail=self.detail, in_flight=0, answered=0)
            case Capabilities():
                models = tuple(
                    Served(commitment=each, digest=bytes(32), name="", state=state)
                    for each, state in self.states.items()
                )
                return Capable(
                    id=request.id,
                    software="test",
                    roles=(),
                    models=models,
                    draining=False,
                    groups=self.within,
                    caught=tuple(self.evidence),
                )
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
            case Form():
                epochs = tuple(jsonform.convert(cbor.decode(each), Epoch) for each in request.epochs)
                newest, genesis = require_chain(epochs), epochs[0].configuration.digest
                self.chains[genesis] = request.epochs
                if self.key.public.raw not in {member.key for member in newest.members}:
                    if self.groups.pop(genesis, None) is None:
                        raise Refused("this node's key is none of the members'", code="not-a-member")
                    return Done(id=request.id)
                self.groups[genesis], self.members[genesis] = epochs[-1], request.addresses
                return Done(id=request.id)
            case Reform():
                self.reformed.append(request.successor)
                return Done(id=request.id)
            case Follow():
                return Epochs(id=request.id, epochs=self.chains.get(request.group, ())[request.since :])
            case Dissolve():
                self.groups.pop(request.group, None)
                self.dissolved.append(request.group)
                return Done(id=request.id)
            case Disclose():
                return Disclosed(request.id, self._disclosed(request))
            case Adopt():
                self.adopted.append((request.group, request.commitment))
                return Done(id=request.id)
            case Submit():
                return Result(id=request.id, certificate=self._certificate(request))
            case _:
                raise Refused("not asked in these tests")

    def _certificate(self, asked: Submit) -> bytes:
        """What the model really says, signed."""
        self.submitted += 1
        reference, content = next(
            (reference, bytes(self.files[digest]))
            for digest, load in self.announced.items()
            if (reference := ModelReference(digest=digest, interface=load.interface)).commitment
            == asked.commitment
        )
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        given = {tensor.name: tensor.array() for tensor in asked.inputs}
        names = [port.name for port in reference.interface.outputs]
        outputs = [Tensor.of(name, array) for name, array in zip(names, session.run(names, given), strict=True)]
        statement = direct.statement(
            asked.request,
            target=asked.target,
            model=reference,
            input_digest=input_digest(asked.salt, asked.inputs),
            outputs=outputs,
            time_ms=time.time_ns() // 1_000_000,
        )
        return direct.issue(self.key, [statement])[0].to_cbor()

    def _disclosed(self, request: Disclose) -> bytes:
        """The first piece on which there is no verdict."""
        if request.settled is not None:
            self.verdicts[request.settled] = request.verdict
        waiting = [each for each in self.evidence.get(request.group, ()) if sha256(each) not in self.verdicts]
        return waiting[0] if waiting else b""

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
        server = await serve("127.0.0.1", 0, key, marketplace.__eq__, node.answer)
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
