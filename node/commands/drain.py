"""`assay-node drain`: ends the running daemon without losing a request."""

from __future__ import annotations

import fcntl
from pathlib import Path

import click

from node.console import ask_daemon, home_option, say
from node.home import Home
from wire.deadline import in_seconds

PATIENCE = 10.0  # seconds for the daemon to begin


@click.command("drain")
@home_option
def command(home: Path) -> None:
    """Take nothing new, finish what is under way, stop. Returns when the node has stopped."""
    place = Home(home.absolute())
    ask_daemon(place, lambda peer: peer.drain(in_seconds(PATIENCE)))
    with (place.root / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the daemon holds it until it has ended
    say("The node has stopped.")
