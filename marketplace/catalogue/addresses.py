"""Where a worker may connect to on an owner's word: public addresses, or (by ASSAY_PRIVATE_NODES) any.

A name is resolved anew before each use and what it resolves to is judged, so that a name cannot be pointed into
the marketplace's own network after it was registered. What is reached there must still hold the node's key.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket

from django.conf import settings

from assay.errors import Refused, Unavailable
from wire import address as wire_address

MAX_ADDRESS = 200
_TUNNELS = [  # IPv6 in which any IPv4 address may hide: NAT64, Teredo, 6to4
    ipaddress.ip_network(prefix) for prefix in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
]
_HOST_NAME = re.compile(
    r"(?=.{1,190}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?"
)


def checked(address: str, pointer: str = "/address") -> str:
    """`address` in its usual form. Raises Refused for what is no `host:port` or not allowed as it stands."""
    text = address.strip().lower()
    try:
        host, port = wire_address.split(text[: MAX_ADDRESS + 1])
    except Refused as error:
        raise error.under(pointer) from error
    ip = _ip(host)
    if port == 0 or len(text) > MAX_ADDRESS or (ip is None and not _HOST_NAME.fullmatch(host)):
        raise Refused(
            "not an address", code="invalid-address", pointer=pointer, expected="host:port", got=text[:80]
        )
    if ip is not None:
        _require_allowed(ip, pointer)
    return wire_address.join(str(ip or host), port)


async def resolved(address: str) -> str:
    """`address` with its host as a number that is allowed. Raises Unavailable or Refused."""
    host, port = wire_address.split(address)
    if (ip := _ip(host)) is None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unavailable("the host's name is not known", code="unreachable", pointer=address) from error
        ip = ipaddress.ip_address(found[0][4][0])
    _require_allowed(ip, address)
    return wire_address.join(str(ip), port)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def _require_allowed(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, pointer: str) -> None:
    tunnelled = any(ip in network for network in _TUNNELS)
    if settings.ENV.private_nodes or (ip.is_global and not ip.is_multicast and not tunnelled):
        return
    raise Refused(
        "not a public address",
        code="private-address",
        pointer=pointer,
        expected="an address on the public internet",
        got=str(ip),
        hint="A marketplace of one's own may set ASSAY_PRIVATE_NODES=1.",
    )
