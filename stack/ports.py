"""Free TCP ports on the loopback interface, and who holds one that is not free.

Ports are drawn below the kernel's ephemeral range, so that an outgoing connection cannot take one between the
draw and its use.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import psutil

LOWEST, HIGHEST = 15_000, 32_000
Port = Annotated[int, msgspec.Meta(ge=LOWEST, lt=HIGHEST)]
LOOPBACK = "127.0.0.1"
DRAWS = 1000


def parse(text: str) -> int:
    """For argparse. Raises ArgumentTypeError."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_ports(count: int, *, taken: frozenset[int] = frozenset()) -> list[int]:
    """`count` different free ports, none of them in `taken`."""
    draw = random.SystemRandom()
    found: list[int] = []
    for _ in range(DRAWS):
        if len(found) == count:
            return found
        port = draw.randrange(LOWEST, HIGHEST)
        if port not in taken and port not in found and is_free(port):
            found.append(port)
    raise OSError(f"no {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK}")


def holder(port: int) -> str:
    """Who listens on `port`, as well as this user may know: `nginx (pid 812)`."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except psutil.Error:
        listening = []
    for connection in listening:
        if connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.Error:
                break
    return "a process of another user or one that has just ended"


def remembered(path: Path, names: Sequence[str], *, taken: frozenset[int]) -> dict[str, int]:
    """A port for each name: the one in the file `path` while that is free, else a new one, written there."""
    before = {name: port for name, port in known(path).items() if name in names and port not in taken}
    kept = {name: port for name, port in before.items() if is_free(port)}
    missing = [name for name in names if name not in kept]
    new = free_ports(len(missing), taken=taken | set(kept.values()))
    ports = kept | dict(zip(missing, new, strict=True))
    half = path.with_suffix(".half")
    half.write_text(json.dumps(ports, indent=1), "ascii")
    half.replace(path)
    return ports


def known(path: Path) -> dict[str, int]:
    """What was written; nothing of a file that is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Port])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
