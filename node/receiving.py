"""Models on their way in: which deliveries have been announced, and the chunks that follow each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from assay.errors import Refused, Unavailable
from assay.model import ModelReference
from node.models import Models
from node.spool import Spool
from wire.messages import Chunk, Load, Loaded, Wanted

MAX_DELIVERIES = 64  # announced and not finished; the oldest gives way


@dataclass
class _Delivery:
    reference: ModelReference
    size: int
    name: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Receiving:
    """Answers `Load` and `Chunk`."""

    def __init__(self, models: Models, spool: Spool) -> None:
        self._models = models
        self._spool = spool
        self._announced: dict[bytes, _Delivery] = {}

    async def load(self, load: Load) -> Wanted | Loaded:
        """Where to go on, or that nothing is missing."""
        begun = await self._models.begin(load.digest, load.size, load.interface, load.name)
        if isinstance(begun, bytes):
            return Loaded(id=load.id, commitment=begun)
        self._announced.pop(load.digest, None)
        while len(self._announced) >= MAX_DELIVERIES:
            del self._announced[next(iter(self._announced))]
        reference = ModelReference(load.digest, load.interface)
        self._announced[load.digest] = _Delivery(reference, load.size, load.name)
        return Wanted(id=load.id, offset=begun)

    async def chunk(self, chunk: Chunk) -> Wanted | Loaded:
        """Takes the next bytes; after the last, validates the file and takes it in."""
        delivery = self._announced.get(chunk.digest)
        if delivery is None:
            raise Unavailable("announce the model first", code="not-announced", pointer="/digest")
        async with delivery.lock:
            if chunk.offset + len(chunk.data) > delivery.size:
                raise Refused(
                    "more bytes than were announced",
                    pointer="/data",
                    expected=f"{delivery.size} bytes",
                    got=f"{chunk.offset + len(chunk.data)} bytes",
                )
            have = await asyncio.to_thread(self._spool.append, chunk.digest, chunk.offset, chunk.data)
            if have < delivery.size:
                return Wanted(id=chunk.id, offset=have)
            self._announced.pop(chunk.digest, None)
            commitment = await self._models.complete(delivery.reference, delivery.name)
            return Loaded(id=chunk.id, commitment=commitment)
