"""Opens a connection: TCP, TLS, and the handshake in it, so that whose key is at the other end is known."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from assay.keys import PrivateKey, PublicKey
from wire import address, tls
from wire.channel import Channel
from wire.handshake import Opener
from wire.messages import MAX_HELLO, Limits
from wire.opening import open_as
from wire.tcp import keep_alive

CONNECTING = 5.0  # seconds for all of it

Resolve = Callable[[str], Awaitable[str]]  # host:port to the host:port to connect to; raises AssayError for none


async def dial(
    where: str,
    expected: PublicKey,
    identity: PrivateKey,
    limits: Limits,
    *,
    context: ssl.SSLContext,
    resolve: Resolve | None = None,
) -> tuple[Channel, Limits]:
    """A channel past the handshake, and the limits agreed on.

    Raises what either side refuses, OSError where nobody answers; takes as long as it takes.
    """
    host, port = address.split(where if resolve is None else await resolve(where))
    transport, channel = await asyncio.get_running_loop().create_connection(
        lambda: Channel(MAX_HELLO), host, port, ssl=context, ssl_handshake_timeout=CONNECTING
    )
    try:
        keep_alive(cast("socket.socket", transport.get_extra_info("socket")))
        binding = tls.binding_seen(transport.get_extra_info("ssl_object"))
        return channel, await open_as(Opener(identity, expected, binding, limits), channel)
    except BaseException:
        transport.abort()
        raise
