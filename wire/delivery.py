"""Carries a model file to a node: announced, sent in chunks, resumed where the node left off.

The node says how much it has and is believed only as far as that leads forward; a sender cannot be kept busy
for ever. The file's digest is checked here before the first byte leaves, and by the node once it has all.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from assay.errors import Refused, Unavailable
from assay.model import ModelReference
from wire.client import Peer
from wire.deadline import in_seconds
from wire.messages import CHUNK, Answer, Chunk, Load, Loaded, Wanted

ATTEMPTS = 6  # in a row that bring nothing forward
FIRST_PAUSE = 0.2  # seconds, doubled each time
STEP = 60.0  # seconds for a chunk to be taken
VALIDATION = 600.0  # seconds for the node's own validation, which follows the last chunk

Progress = Callable[[int, int], None]  # bytes that the node has, of how many


async def deliver(
    peer: Peer, path: Path, reference: ModelReference, name: str, progress: Progress | None = None
) -> bytes:
    """The commitment of the model, once the node has validated it and holds it on disk.

    Raises Refused where the file is not the one referred to or the node will not have it, Unavailable where
    the node could not be reached ATTEMPTS times in a row, DeadlineExceeded where it took too long over a step.
    """
    sending = _Delivery(peer, path, reference, name, progress or _ignore)
    await asyncio.to_thread(sending.check)
    fruitless = 0
    while True:
        before = sending.offset
        try:
            return await sending.go_on()
        except Unavailable:
            fruitless = fruitless + 1 if sending.offset <= before else 1
            if fruitless >= ATTEMPTS:
                raise
        await asyncio.sleep(FIRST_PAUSE * 2**fruitless)


class _Delivery:
    def __init__(self, peer: Peer, path: Path, reference: ModelReference, name: str, progress: Progress) -> None:
        self.offset = 0  # bytes that the node is known to have
        self._peer = peer
        self._path = path
        self._reference = reference
        self._name = name
        self._progress = progress
        self._size = path.stat().st_size

    def check(self) -> None:
        with self._path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
        if found != self._reference.digest:
            raise Refused(
                "the file is not the one referred to",
                code="digest-mismatch",
                pointer=self._path.name,
                expected=self._reference.digest.hex(),
                got=found.hex(),
            )

    async def go_on(self) -> bytes:
        announcement = Load(
            id=0,
            digest=self._reference.digest,
            size=self._size,
            interface=self._reference.interface,
            name=self._name,
        )
        answer = await self._peer.request(announcement, in_seconds(VALIDATION))
        with self._path.open("rb") as file:
            while isinstance(answer, Wanted):
                self._advance(answer.offset)
                answer = await self._send(file.fileno())
        if not isinstance(answer, Loaded):
            raise Refused("answer of another kind", expected="Wanted | Loaded", got=type(answer).__name__)
        if answer.commitment != self._reference.commitment:
            raise Refused(
                "the node took it for another model",
                expected=self._reference.commitment.hex(),
                got=answer.commitment.hex(),
            )
        self._progress(self._size, self._size)
        return answer.commitment

    async def _send(self, file: int) -> Answer:
        data = await asyncio.to_thread(os.pread, file, CHUNK, self.offset)
        chunk = Chunk(id=0, digest=self._reference.digest, offset=self.offset, data=data)
        end = self.offset + len(data)
        patience = VALIDATION if end >= self._size else STEP
        answer = await self._peer.request(chunk, in_seconds(patience))
        if isinstance(answer, Wanted) and answer.offset != end:
            raise Refused("the node lost its place", expected=f"offset {end}", got=str(answer.offset))
        return answer

    def _advance(self, offset: int) -> None:
        if not 0 <= offset < self._size:
            raise Refused("no such place in the file", expected=f"0 to {self._size - 1}", got=str(offset))
        self.offset = offset
        self._progress(offset, self._size)


def _ignore(sent: int, size: int) -> None:
    """Nobody watches."""
