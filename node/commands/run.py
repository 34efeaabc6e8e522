"""`assay-node run`: the daemon, in the foreground; a process manager keeps it (docker/assay-node.service)."""

from __future__ import annotations

import gc
import logging
from pathlib import Path

import click

from node.console import home_option
from node.home import Home

RARELY = (100_000, 50, 50)  # between searches for garbage: what is made here seldom forms cycles
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command("run")
@home_option
@click.option("--log", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
def command(home: Path, log: str) -> None:
    """Run the node until it is drained or told to stop (SIGTERM)."""
    import uvloop

    from node.daemon import run

    logging.basicConfig(level=log.upper(), format=FORMAT)
    gc.collect()
    gc.freeze()  # what is imported stays: to walk it in search of garbage would hold all answers up
    gc.set_threshold(*RARELY)
    uvloop.run(run(Home(home.absolute())))
