"""The models of a node: delivered, validated here, held, served by Triton, forgotten.

What the owner wants served is in the journal; whether Triton serves it is looked at again and again, and put
right: after a restart of the node, after a restart of Triton, after a load that failed because Triton was away.
A model that Triton cannot load stays failed, with Triton's reason, until it is activated again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from assay.model import Interface, ModelReference
from inference.repository import ModelRepository, name_of, require_ports
from inference.validation import Report, validate
from node.journal import Journal, Model
from node.spool import Spool
from wire.failures import printable
from wire.messages import LONG, Served

LOADING = 170.0  # seconds for Triton to load a model
LOOK = 2.0  # seconds between looks at whether Triton serves what it should
MAX_MODELS = 1024  # held by one node

_log = logging.getLogger(__name__)

State = Literal["held", "loading", "serving", "failed"]


class ModelServer(Protocol):
    """What is needed here of `inference.triton.Triton`."""

    async def live(self) -> bool: ...

    async def ready(self, name: str) -> bool: ...

    async def load(self, name: str, deadline: float) -> None: ...

    async def unload(self, name: str, deadline: float | None = None) -> None: ...


@dataclass
class _Entry:
    model: Model
    state: State = "held"
    detail: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # one change at a time

    @property
    def name(self) -> str:
        return name_of(self.model.reference)


class Models:
    """Everything this node holds. Belongs to one event loop; `watch` must run in it."""

    def __init__(self, journal: Journal, spool: Spool, repository: ModelRepository, triton: ModelServer) -> None:
        self._journal = journal
        self._spool = spool
        self._repository = repository
        self._triton = triton
        self._entries = {
            each.reference.commitment: _Entry(each, "loading" if each.wanted else "held")
            for each in journal.models()
        }
        self._validating = asyncio.Lock()  # one examination at a time is work enough
        self._look_now = asyncio.Event()
        self.triton_live = False

    # --- for those who ask --------------------------------------------------------------------------------

    def all(self) -> tuple[Served, ...]:
        return tuple(
            Served(
                commitment=commitment,
                digest=entry.model.reference.digest,
                name=entry.model.name,
                state=entry.state,
                detail=printable(entry.detail)[:LONG],
            )
            for commitment, entry in self._entries.items()
        )

    def serving(self, commitment: bytes) -> ModelReference:
        """The model, if Triton serves it. Raises Unavailable: another node may."""
        entry = self._entries.get(commitment)
        if entry is None or entry.state != "serving":
            raise Unavailable(
                "the node does not serve this model now",
                code="not-serving",
                pointer="/commitment",
                got=(entry.detail or entry.state) if entry else "not held",
            )
        return entry.model.reference

    def lost(self, commitment: bytes) -> None:
        """Triton turned out not to serve it: looked at once, not at the next turn."""
        self._look_now.set()

    # --- delivery -----------------------------------------------------------------------------------------

    async def begin(self, digest: bytes, size: int, interface: Interface, name: str) -> int | bytes:
        """Takes note of a delivery: how many bytes are here already, or the commitment if all is well here."""
        reference = ModelReference(digest, interface.checked("/interface"))
        if reference.commitment in self._entries:
            return reference.commitment
        if len(self._entries) >= MAX_MODELS:
            raise Unavailable("the node holds as many models as it can", code="too-many-models")
        have = await asyncio.to_thread(self._spool.begin, digest, size)
        return have if have < size else await self.complete(reference, name)

    async def complete(self, reference: ModelReference, name: str) -> bytes:
        """Takes in a file that has arrived whole; its commitment. Raises Refused where validation finds fault."""
        async with self._validating:
            path = await asyncio.to_thread(self._spool.complete, reference.digest)
            if reference.commitment in self._entries:
                return reference.commitment
            try:
                report = await validate(path)
                _require_accepted(report)
                require_ports(reference, report.ports)
            except Refused:
                await asyncio.to_thread(self._remove_unless_used, reference.digest)
                raise
            model = Model(reference, report.ports, name, wanted=False)
            await asyncio.to_thread(self._journal.keep, model)
            self._entries[reference.commitment] = _Entry(model)
        return reference.commitment

    def _remove_unless_used(self, digest: bytes) -> None:
        if all(entry.model.reference.digest != digest for entry in self._entries.values()):
            self._spool.remove(digest)

    # --- serving ------------------------------------------------------------------------------------------

    async def activate(self, commitment: bytes) -> None:
        """Returns once Triton serves the model. It stays wanted if Triton cannot be reached for now."""
        entry = self._held(commitment)
        async with entry.lock:
            if entry.state == "serving":
                return
            await asyncio.to_thread(self._journal.want, commitment, wanted=True)
            entry.model = _wanted(entry.model, wanted=True)
            await self._serve(entry)

    async def unload(self, commitment: bytes, *, forget: bool) -> None:
        """Serves the model no longer; `forget` removes it from this disk too. Doing it twice changes nothing."""
        entry = self._entries.get(commitment)
        if entry is None:
            return
        async with entry.lock:
            await asyncio.to_thread(self._journal.want, commitment, wanted=False)
            entry.model = _wanted(entry.model, wanted=False)
            entry.state, entry.detail = "held", ""
            await self._withdraw(entry)
            if forget:
                self._entries.pop(commitment, None)
                await asyncio.to_thread(self._journal.forget, commitment)
                await asyncio.to_thread(self._remove_unless_used, entry.model.reference.digest)

    async def watch(self) -> None:
        """Puts right, for ever, what Triton serves."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001  (a bug must not end the watch)
                _log.exception("looking after the models failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._look_now.wait()
            self._look_now.clear()

    async def look(self) -> None:
        """Looks once at every model that should be served, and serves it if Triton can."""
        self.triton_live = await self._triton.live()
        wanted = [entry for entry in self._entries.values() if entry.model.wanted]
        await asyncio.gather(*(self._put_right(entry) for entry in wanted))

    def _held(self, commitment: bytes) -> _Entry:
        entry = self._entries.get(commitment)
        if entry is None:
            raise Refused("the node does not hold this model", code="not-held", pointer="/commitment")
        return entry

    async def _put_right(self, entry: _Entry) -> None:
        if entry.lock.locked() or entry.state == "failed":
            return
        async with entry.lock:
            if not entry.model.wanted:
                return
            if not self.triton_live:
                entry.state, entry.detail = "loading", "Triton does not answer"
            elif not await self._triton.ready(entry.name):
                try:
                    await self._serve(entry)
                except AssayError:
                    return  # the entry says why
            else:
                entry.state, entry.detail = "serving", ""

    async def _serve(self, entry: _Entry) -> None:
        entry.state, entry.detail = "loading", ""
        reference = entry.model.reference
        try:
            await asyncio.to_thread(
                self._repository.write, reference, entry.model.ports, self._spool.held(reference.digest)
            )
            await self._triton.load(entry.name, time.monotonic() + LOADING)
        except Refused as error:
            entry.state, entry.detail = "failed", str(error)
            raise
        except AssayError as error:
            entry.detail = error.detail
            raise
        except OSError as error:
            entry.detail = f"the model repository cannot be written: {error.strerror}"
            raise Unavailable(entry.detail, code="disk-failed") from error
        entry.state, entry.detail = "serving", ""

    async def _withdraw(self, entry: _Entry) -> None:
        """Best effort at Triton: one that is away serves nothing, and loads nothing by itself."""
        with suppress(Unavailable, DeadlineExceeded):
            await self._triton.unload(entry.name)
        await asyncio.to_thread(self._repository.remove, entry.name)


def _wanted(model: Model, *, wanted: bool) -> Model:
    return Model(model.reference, model.ports, model.name, wanted)


def _require_accepted(report: Report) -> None:
    """Raises Refused with the first thing that speaks against the file."""
    if report.accepted:
        return
    errors = [each for each in report.findings if each.level == "error"]
    first = errors[0]
    raise Refused(
        f"the node's own validation refuses the model: {first.detail}",
        code=first.code,
        pointer=first.pointer,
        expected=first.expected,
        got=first.got,
        hint=first.hint or (f"{len(errors) - 1} more findings" if len(errors) > 1 else ""),
    )
