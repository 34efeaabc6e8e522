"""Connections from a worker to owners' nodes, made with the marketplace's own key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from django.conf import settings

from assay.errors import Refused
from assay.keys import PrivateKey, PublicKey
from marketplace.catalogue import addresses
from marketplace.catalogue.models import Node
from wire.client import Peer


@cache
def identity() -> PrivateKey:
    """The marketplace's key, by which nodes know its workers. Raises Refused where this process has none."""
    path = settings.ENV.identity
    if path is None:
        raise Refused(
            "this process has no key to show to nodes", code="no-identity", pointer="ASSAY_DISPATCH_KEY_FILE"
        )
    return PrivateKey.load(path)


def public_identity() -> PublicKey | None:
    """What owners list in their nodes' configuration; None where this process knows neither half of the key."""
    return settings.ENV.public_identity if settings.ENV.identity is None else identity().public


@asynccontextmanager
async def connected(node: Node) -> AsyncIterator[Peer]:
    """The node, for a few requests. Raises Refused where its address is not allowed, Unavailable."""
    where = await addresses.resolved(node.address)
    peer = Peer(where, PublicKey(bytes(node.key)), identity())
    try:
        yield peer
    finally:
        await peer.close()
