"""The `Nodes` port over the wire: one connection per provider, shared by all jobs of a worker.

Health comes from use: a node that cannot be reached, or whose connection falls silent, is Unavailable at once
for everybody until it has been tried again (`wire.client`), so a mode goes on to the next provider. When a job
is cancelled while a node works on it, the node is told. Where a node may stand is for the caller's `resolve` to
say, asked before each connection: a name may lead elsewhere than when it was registered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from assay.errors import AssayError
from assay.keys import PrivateKey, PublicKey
from verification.mode import Job, Provider
from wire.client import Peer
from wire.deadline import in_seconds
from wire.dial import Resolve
from wire.messages import Submit

CANCELLING = 5.0  # seconds for a node to take note that nobody wants the answer

P = TypeVar("P", bound=msgspec.Struct)


class PeerNodes:
    """Providers reached with the key `identity`. Belongs to the event loop it is first used in."""

    def __init__(self, identity: PrivateKey, resolve: Resolve | None = None) -> None:
        self._identity = identity
        self._resolve = resolve
        self._peers: dict[PublicKey, Peer] = {}
        self._background: set[asyncio.Task[None]] = set()

    def peer(self, key: PublicKey, address: str) -> Peer:
        """The node with this key, at its latest address."""
        known = self._peers.get(key)
        if known is not None and known.address == address:
            return known
        if known is not None:  # it has moved
            self._spawn(known.close())
        self._peers[key] = Peer(address, key, self._identity, resolve=self._resolve)
        return self._peers[key]

    async def submit(self, provider: Provider, job: Job[P]) -> bytes:
        """As in `verification.mode.Nodes`."""
        peer = self.peer(provider.key, provider.address)
        submit = Submit(
            id=0,
            request=job.request,
            target=job.target.name,
            commitment=provider.model.commitment,
            inputs=job.inputs,
            salt=job.salt,
            deadline=job.deadline,
        )
        try:
            return await peer.submit(submit)
        except asyncio.CancelledError:
            self._spawn(_withdraw(peer, job.request))
            raise

    async def close(self) -> None:
        """Ends all connections."""
        await asyncio.gather(*self._background, return_exceptions=True)
        peers, self._peers = self._peers, {}
        await asyncio.gather(*(peer.close() for peer in peers.values()))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _withdraw(peer: Peer, request: bytes) -> None:
    """Best effort: a node that does not hear of it finishes in vain."""
    with suppress(AssayError):
        await peer.cancel(request, in_seconds(CANCELLING))
