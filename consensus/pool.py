"""The requests that a member knows and the group has not decided: bounded, and each with what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from assay.agreement.entry import Asked
from consensus.messages import Batch, Payload

MOST = 16_384  # requests
MOST_OF_ONE = 8_192  # of one client
MOST_BYTES = 256 * 1024 * 1024  # of inputs


@dataclass
class Pending:
    """A request whose client has signed for it."""

    digest: bytes
    asked: Asked
    batch: Batch
    together: tuple[bytes, ...]  # digests of its batch
    heard: int  # when, by this member's clock
    payload: Payload | None = None
    answered_by_quorum: int | None = None  # since when 2f + 1 members have answered
    showing: int | None = None  # since when its words are fixed, and are being shown
    relayed: bool = False  # others have been told that it is here
    ready: bool = False
    reported: int = 0  # when this was last told
    spoken: set[bytes] = field(default_factory=set)  # models that this member has run, or is running, on it


class Pool:
    """By digest. What does not fit in is not let in: its client asks again."""

    def __init__(self) -> None:
        self._pending: dict[bytes, Pending] = {}
        self._of_id: dict[tuple[bytes, bytes], set[bytes]] = {}
        self._of_client: dict[bytes, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._pending.values())

    def get(self, digest: bytes) -> Pending | None:
        return self._pending.get(digest)

    def versions(self, asked: Asked) -> set[bytes]:
        """Every request here with this client's id: an honest client has only one."""
        return set(self._of_id.get((asked.client, asked.id), ()))

    def has_room(self, client: bytes) -> bool:
        return (
            len(self._pending) < MOST and self._of_client.get(client, 0) < MOST_OF_ONE and self._bytes < MOST_BYTES
        )

    def add(self, pending: Pending) -> None:
        self._pending[pending.digest] = pending
        client = pending.asked.client
        self._of_id.setdefault((client, pending.asked.id), set()).add(pending.digest)
        self._of_client[client] = self._of_client.get(client, 0) + 1

    def fill(self, pending: Pending, payload: Payload) -> None:
        pending.payload = payload
        self._bytes += _size(payload)

    def drop(self, digest: bytes) -> None:
        pending = self._pending.pop(digest, None)
        if pending is None:
            return
        client = pending.asked.client
        versions = self._of_id[client, pending.asked.id]
        versions.discard(digest)
        if not versions:
            del self._of_id[client, pending.asked.id]
        self._of_client[client] -= 1
        if not self._of_client[client]:
            del self._of_client[client]
        if pending.payload is not None:
            self._bytes -= _size(pending.payload)


def _size(payload: Payload) -> int:
    return sum(len(tensor.data) for tensor in payload.inputs)
