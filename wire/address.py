"""Where a node listens: `host:port`, an IPv6 host in brackets."""

from __future__ import annotations

from assay.errors import Refused

MAX_PORT = 65535


def split(address: str) -> tuple[str, int]:
    """Host and port. Raises Refused."""
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not (port.isascii() and port.isdigit()) or int(port[:6]) > MAX_PORT:
        raise Refused(
            "not an address",
            code="invalid-address",
            expected="host:port or [IPv6]:port",
            got=repr(address[:80]),
        )
    return host, int(port)


def join(host: str, port: int) -> str:
    """The inverse of `split`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
