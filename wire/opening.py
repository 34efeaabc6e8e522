"""Carries the handshake (`wire.handshake`) over a channel: the few awaits between its messages, for each side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from assay.errors import AssayError, Refused
from assay.keys import PublicKey
from wire.channel import Channel
from wire.failures import to_error, to_failure
from wire.handshake import Acceptor, Opener
from wire.messages import Failure, Hello, Limits, Message, Proof, Ready, Welcome

M = TypeVar("M", bound=Message)

_encoder = msgspec.msgpack.Encoder()


async def open_as(opener: Opener, channel: Channel) -> Limits:
    """The limits agreed on, once both sides are sure of each other. Raises what either side refused."""
    channel.send(_encoder.encode(opener.hello))
    proof, limits = opener.prove(await _reply(channel, Welcome))
    channel.send(_encoder.encode(proof))
    await _reply(channel, Ready)
    return limits


async def accept_as(
    acceptor: Acceptor, channel: Channel, admit: Callable[[PublicKey], None]
) -> tuple[PublicKey, Limits]:
    """The peer, proved, allowed, and admitted by `admit`. What is refused is told to the peer and raised."""
    try:
        channel.send(_encoder.encode(acceptor.welcome(await _next(channel, Hello))))
        peer, limits = acceptor.finish(await _next(channel, Proof))
        admit(peer)
    except AssayError as error:
        channel.send(_encoder.encode(to_failure(0, error)))
        raise
    channel.send(_encoder.encode(Ready()))
    return peer, limits


async def _next(channel: Channel, kind: type[M]) -> M:
    """What the opener says; nothing of it but its type is ever shown to anybody."""
    message: M = _decoded(await channel.receive(), kind)
    return message


async def _reply(channel: Channel, kind: type[M]) -> M:
    """What the acceptor answers. Raises what it refused."""
    reply: M | Failure = _decoded(await channel.receive(), kind | Failure)
    if isinstance(reply, Failure):
        raise to_error(reply)
    return reply


def _decoded(payload: bytes, kind: Any) -> Any:
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # text that is not UTF-8 is neither to msgspec
        raise Refused("not a handshake message", code="invalid-message", expected=str(kind)) from error
