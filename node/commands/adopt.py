"""`assay-node adopt GROUP MODEL`: the owner has this member answer its group with another model.

The group orders the change between two requests; none is refused meanwhile. What a marketplace asks for in the
owner's name does nothing unless `marketplace.adopts` says so: whoever could change the models of many members
would be many members.
"""

from __future__ import annotations

from pathlib import Path

import click

from assay.errors import Refused
from node.console import ask_daemon, home_option, say
from node.epochs import named
from node.home import Home
from wire.client import Peer
from wire.deadline import in_seconds
from wire.messages import Adopt

PATIENCE = 90.0  # seconds for the group to order it
LEAST = 8  # digits of a commitment that name a model


@click.command("adopt")
@home_option
@click.argument("group")
@click.argument("model")
def command(home: Path, group: str, model: str) -> None:
    """Answer GROUP (its short name) with MODEL (its commitment, or the first digits of it) from now on.

    The daemon must run and serve the model: `assay-node status` lists what it serves.
    """
    place = Home(home.absolute())
    genesis = named(place.groups, group)[0].configuration.digest

    async def ask(peer: Peer) -> bytes:
        commitment = await _commitment(peer, model)
        await peer.request(Adopt(id=0, group=genesis, commitment=commitment), in_seconds(PATIENCE))
        return commitment

    adopted = ask_daemon(place, ask)
    say("The group ", (group, "bold"), " is answered with ", adopted.hex())


async def _commitment(peer: Peer, digits: str) -> bytes:
    served = [each.commitment for each in (await peer.capabilities(in_seconds(PATIENCE))).models]
    found = [each for each in served if each.hex().startswith(digits.lower())] if len(digits) >= LEAST else []
    if len(found) != 1:
        raise Refused(
            "not a model of this node",
            code="not-held",
            pointer="MODEL",
            expected=f"at least {LEAST} digits of the commitment of one of: {', '.join(e.hex() for e in served)}",
            got=digits[:100],
        )
    return found[0]
