"""`assay-node transcript GROUP`: what this node's log holds of a group, for `assay audit`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import BinaryIO

import click

from assay.errors import Refused, Unavailable
from consensus import proofs
from node.console import ask_daemon, home_option
from node.epochs import Chain, chain_in, named
from node.home import Home
from node.member import LOG
from node.transcripts import Page, page
from wire.client import Peer
from wire.deadline import in_seconds
from wire.messages import Transcribe, Transcribed

PATIENCE = 60.0  # seconds for one page
GENESIS = 64  # digits


@click.command("transcript")
@home_option
@click.argument("group")
@click.option("--after", metavar="NUMBER", type=click.IntRange(min=0), default=0, help="Only entries beyond this.")
def command(home: Path, group: str, after: int) -> None:
    """Write what the log of GROUP (its short name, or its genesis) holds that anyone can check.

    These are the members' commitments to each entry, and how views began. Hold it against another member's:

      assay-node transcript digits > mine.cbor

      assay audit mine.cbor theirs.cbor

    Nothing in it is secret but how busy the group is. Whether the node runs or not makes no difference. Entries
    older than an hour or so are kept without their signatures, and are not in it.
    """
    if sys.stdout.isatty():
        raise click.UsageError("this is binary: write it to a file with `>`")
    place = Home(home.absolute())
    out = sys.stdout.buffer
    chain = _chain(place, group)
    try:
        with place.locked():
            _read(place, chain, after, out)
    except Unavailable as error:
        if error.code != "in-use":
            raise
        _ask(place, chain, after, out)


def _chain(home: Home, group: str) -> Chain:
    """Of any group whose log is here. Raises Refused."""
    folder = home.groups / group.lower()
    if len(group) == GENESIS and group.isalnum() and (chain := chain_in(folder)):
        return chain
    return named(home.groups, group)


def _read(home: Home, chain: Chain, after: int, out: BinaryIO) -> None:
    """From the file: the node does not run."""
    done = Page(b"", after, 0)
    with proofs.opened(home.groups / chain[0].configuration.digest.hex() / LOG) as file:
        while (done := page(chain, file, done.number, done.view)).document:
            out.write(done.document)
    out.flush()


def _ask(home: Home, chain: Chain, after: int, out: BinaryIO) -> None:
    """From the daemon, which has the file to itself."""

    async def ask(peer: Peer) -> None:
        number, view = after, 0
        while True:
            wish = Transcribe(0, chain[0].configuration.digest, number, view)
            answer = await peer.request(wish, in_seconds(PATIENCE))
            if not isinstance(answer, Transcribed):
                raise Refused("answer of another kind", expected="Transcribed", got=type(answer).__name__)
            if not answer.document:
                break
            await asyncio.to_thread(out.write, answer.document)
            number, view = answer.number, answer.view

    ask_daemon(home, ask)
    out.flush()
