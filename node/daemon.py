"""The running node: composes its parts, answers requests, drains, stops.

Its own key may ask everything and alone may ask it to drain; the keys in the configuration may ask the rest; the
members of a group that it takes part in may attach to that group and ask nothing else.
Draining: nothing new is taken on, what is under way is finished and sent, then the process ends.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

from assay.errors import AssayError, Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from inference.repository import ModelRepository
from inference.triton import Triton
from node import metrics
from node.config import Config
from node.home import Home, write_atomically
from node.journal import Journal
from node.members import Members
from node.metrics import Metrics
from node.models import Models, ModelServer
from node.provider import Inference, Provider
from node.receiving import Receiving
from node.signer import Signer
from node.spool import Spool
from wire import address
from wire.deadline import now_ms
from wire.link import Attached
from wire.messages import (
    MAX_GROUPS,
    Activate,
    Adopt,
    Answer,
    Attach,
    Cancel,
    Capabilities,
    Capable,
    Chunk,
    Disclose,
    Disclosed,
    Dissolve,
    Done,
    Drain,
    Epochs,
    Follow,
    Form,
    Health,
    Healthy,
    Limits,
    Load,
    Reform,
    Request,
    Result,
    Submit,
    Transcribe,
    Transcribed,
    Unload,
)
from wire.server import Server, serve

ROLES = ("provider", "consensus")
PRUNING = 600.0  # seconds between prunings of the journal

_log = logging.getLogger(__name__)


def software() -> str:
    return f"assay-node/{version('assay-marketplace')}"


class TritonServer(Inference, ModelServer, Protocol):
    """What a node needs of `inference.triton.Triton`."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Parts:
    """What a node is composed of."""

    models: Models
    receiving: Receiving
    provider: Provider
    members: Members
    counted: Metrics


class Daemon:
    """A node that answers; made by `running`."""

    def __init__(self, key: PublicKey, config: Config, parts: Parts) -> None:
        self.ended = asyncio.Event()
        self.server: Server
        self._key = key
        self._callers = config.allowed | {key}
        self._marketplace_adopts = config.marketplace.adopts
        self._models = parts.models
        self._receiving = parts.receiving
        self._provider = parts.provider
        self._members = parts.members
        self._counted = parts.counted
        self._patience = config.limits.drain_seconds
        self._draining: asyncio.Task[None] | None = None

    def knows(self, peer: PublicKey) -> bool:
        """Whether the holder of this key may connect at all; `handle` says what it may ask."""
        return peer in self._callers or self._members.knows(peer)

    def hears(self, peer: PublicKey) -> bool:
        """Whether it may ask for more than to attach."""
        return peer in self._callers

    async def handle(self, peer: PublicKey, request: Request) -> Answer | Attached:
        """The answer to one request. Raises AssayError, which `wire` turns into a Failure."""
        try:
            if isinstance(request, Attach):
                return self._members.attach(peer, request.group, client=peer in self._callers)
            self._require_caller(peer)
            return await self._answer(peer, request)
        except OSError as error:
            raise Unavailable("the node's disk failed", code="disk-failed", got=str(error.strerror)) from error

    async def _answer(self, peer: PublicKey, request: Request) -> Answer:
        match request:
            case Submit():
                return Result(id=request.id, certificate=await self._submit(request))
            case Load():
                return await self._receiving.load(request)
            case Chunk():
                return await self._receiving.chunk(request)
            case Disclose() | Transcribe():
                return await asyncio.to_thread(self._read, peer, request)
            case Health() | Capabilities() | Follow():
                return self._tell(request)
            case _:
                await self._do(peer, request)
                return Done(id=request.id)

    def _tell(self, request: Health | Capabilities | Follow) -> Answer:
        """What it knows of itself."""
        match request:
            case Health():
                return self._health(request)
            case Capabilities():
                return self._capable(request)
            case Follow():
                return Epochs(id=request.id, epochs=self._members.epochs(request.group, request.since))

    async def _do(self, peer: PublicKey, request: Request) -> None:
        """What is asked for and not answered with anything."""
        match request:
            case Activate():
                await self._models.activate(request.commitment)
            case Unload():
                await self._models.unload(request.commitment, forget=request.forget)
            case Cancel():
                self._provider.cancel(request.request)
            case Form():
                await self._members.form(request.epochs, request.addresses)
            case Reform():
                self._members.reform(request.group, request.successor)
            case Dissolve():
                await self._members.dissolve(request.group)
            case Adopt():
                allowed = self._marketplace_adopts or peer == self._key
                await self._members.adopt(request.group, request.commitment, allowed=allowed)
            case Drain():
                self._require_owner(peer)
                self.drain()
            case _:
                raise Refused("not a request that a node carries out", code="invalid-message")

    def _read(self, peer: PublicKey, request: Disclose | Transcribe) -> Answer:
        """What lies on the disk."""
        if isinstance(request, Transcribe):
            self._require_owner(peer)
            page = self._members.transcript(request.group, request.number, request.view)
            return Transcribed(request.id, page.document, page.number, page.view)
        caught = self._members.caught
        if request.settled is not None:
            caught.settle(request.group, request.settled, request.verdict)
        return Disclosed(id=request.id, document=caught.next(request.group))

    def drain(self) -> None:
        """Begins to drain, if that has not begun; `ended` is set when it is over."""
        if self._draining is None:
            _log.info("draining: %d requests are under way", self._provider.in_flight)
            self._provider.draining = True
            self._draining = asyncio.create_task(self._drain())

    def figures(self) -> str:
        """What /metrics shows."""
        return self._counted.text(self._gauges())

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._provider.idle()
                await self.server.answered()
        except TimeoutError:
            _log.warning("%d requests were not finished in time", self._provider.in_flight)
        self.ended.set()

    async def _submit(self, submit: Submit) -> bytes:
        begun = time.monotonic()
        try:
            certificate = await self._provider.submit(submit)
        except AssayError as error:
            self._counted.outcomes[error.code] += 1
            raise
        self._counted.outcomes["answered"] += 1
        self._counted.seconds.observe(time.monotonic() - begun)
        return certificate

    def _health(self, request: Health) -> Healthy:
        problem = "" if self._models.triton_live else "Triton does not answer"
        if self._provider.draining:
            problem = "draining"
        return Healthy(
            id=request.id,
            serving=not problem,
            detail=problem or self._members.problem,
            in_flight=self._provider.in_flight,
            answered=self._counted.outcomes["answered"],
        )

    def _capable(self, request: Capabilities) -> Capable:
        return Capable(
            id=request.id,
            software=software(),
            roles=ROLES,
            models=self._models.all(),
            draining=self._provider.draining,
            groups=self._members.all(),
            caught=tuple(self._members.caught.waiting()[:MAX_GROUPS]),
        )

    def _gauges(self) -> Mapping[str, float]:
        states = Counter(model.state for model in self._models.all())
        caught = self._members.caught.all()
        return {
            "in_flight": self._provider.in_flight,
            "connections": self.server.connections,
            "draining": int(self._provider.draining),
            "triton_live": int(self._models.triton_live),
            "models_held": states.total(),
            "models_serving": states["serving"],
            "groups": len(self._members.all()),
            "evidence_kept": len(caught),
            "evidence_waiting": sum(each.verdict is None for each in caught),
        }

    def _require_caller(self, peer: PublicKey) -> None:
        if peer not in self._callers:
            raise Refused("a member of a group may attach to it and ask nothing else", code="not-allowed")

    def _require_owner(self, peer: PublicKey) -> None:
        if peer != self._key:
            raise Refused("only the node's owner may ask this", code="not-owner", expected=str(self._key))


@asynccontextmanager
async def running(
    home: Home, config: Config, key: PrivateKey, connect: Callable[[str], TritonServer] = Triton
) -> AsyncIterator[Daemon]:
    """A node that answers inside the block. The caller holds the folder's lock.

    Raises Refused or OSError where it cannot be started; then nothing is left running.
    """
    async with AsyncExitStack() as stack:
        journal = Journal(home.journal)
        stack.callback(journal.close)
        spool = Spool(home.spool, config.limits.free_disk)
        repository = ModelRepository(home.repository(config), config.triton.instances, config.triton.backend)
        triton = connect(config.triton.address)
        stack.push_async_callback(triton.close)
        models = Models(journal, spool, repository, triton)
        counted = Metrics()
        signer = Signer(key, journal, counted.batches.observe)
        stack.push_async_callback(signer.close)
        provider = Provider(models, triton, journal, signer)
        stack.push_async_callback(provider.close)
        members = Members(home.groups, key, models, triton, restored=journal.restored)
        stack.push_async_callback(members.close)
        members.start()
        parts = Parts(models, Receiving(models, spool), provider, members, counted)
        daemon = Daemon(key.public, config, parts)
        await _open(stack, daemon, home, config, key)
        _background(stack, models.watch())
        _background(stack, _prune(journal, config.limits.keep_hours))
        yield daemon


async def _open(stack: AsyncExitStack, daemon: Daemon, home: Home, config: Config, key: PrivateKey) -> None:
    """Opens the ports, last of all, and says where."""
    host, port = address.split(config.listen)
    limits = Limits(frame=config.limits.frame, in_flight=config.limits.in_flight)
    daemon.server = await serve(host, port, key, daemon.knows, daemon.handle, asks=daemon.hears, limits=limits)
    stack.push_async_callback(daemon.server.close)
    if config.metrics.listen:
        exporter = await metrics.serve(daemon.figures, config.metrics.listen)
        stack.callback(exporter.close)
    write_atomically(home.address, daemon.server.address.encode())
    stack.callback(home.address.unlink, missing_ok=True)
    _log.info("%s %s listens on %s", software(), key.public, daemon.server.address)


async def run(home: Home) -> None:
    """Runs the node until it has drained, which SIGTERM, SIGINT and `assay-node drain` ask for."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # before anybody can know that we run
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    with home.locked():
        async with running(home, home.load_config(), home.load_key()) as daemon:
            either = [asyncio.create_task(event.wait()) for event in (told, daemon.ended)]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            daemon.drain()
            await daemon.ended.wait()
    _log.info("stopped")


async def _prune(journal: Journal, hours: int) -> None:
    while True:
        try:
            pruned = await asyncio.to_thread(journal.prune, now_ms() - hours * 3_600_000)
        except AssayError as error:
            _log.warning("%s", error)
        else:
            _log.info("forgot %d answers older than %d hours", pruned, hours)
        await asyncio.sleep(PRUNING)


def _background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` until the stack is unwound."""
    task = asyncio.create_task(work)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)
