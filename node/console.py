"""What the commands share: the folder option, words on the terminal, and the way to the running daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.text import Text

from assay.errors import Unavailable
from node.home import Home, default_home
from wire import address
from wire.client import Peer

T = TypeVar("T")
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nosec B104 - where such a daemon is found

home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_home,
    show_default="$ASSAY_NODE_HOME, else ~/.assay-node",
    help="The node's folder.",
)
out = Console(highlight=False, soft_wrap=True)


def say(*parts: str | tuple[str, str]) -> None:
    """One line of texts and (text, style)."""
    out.print(Text.assemble(*parts))


def ask_daemon(home: Home, question: Callable[[Peer], Awaitable[T]]) -> T:
    """`question`'s answer by the daemon that runs in `home`, asked with the node's own key.

    Raises Unavailable where none runs.
    """
    key = home.load_key()
    if not home.address.exists():
        raise _not_running(home, "no daemon has left an address")
    host, port = address.split(home.address.read_text())

    async def ask() -> T:
        peer = Peer(address.join(EVERYWHERE.get(host, host), port), key.public, key)
        try:
            return await question(peer)
        finally:
            await peer.close()

    try:
        return asyncio.run(ask())
    except Unavailable as error:
        if error.code == "unreachable":  # whoever left the address was killed
            raise _not_running(home, error.detail) from error
        raise


def _not_running(home: Home, seen: str) -> Unavailable:
    return Unavailable(
        "the node is not running",
        code="not-running",
        pointer=str(home.root),
        got=seen,
        hint="Start it with `assay-node run`.",
    )
