"""`assay-node status`: what the running daemon says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from assay.cli.show import clean
from node.caught import Caught
from node.console import ask_daemon, home_option, out, say
from node.home import Home
from wire.client import Peer
from wire.deadline import in_seconds
from wire.messages import Capable, Healthy

PATIENCE = 10.0  # seconds
STYLES = {"serving": "green", "failed": "red", "loading": "yellow"}


@click.command("status")
@home_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(home: Path, as_json: bool) -> None:
    """Show whether the node serves, which models, and whom it has caught breaking its word in a group."""
    place = Home(home.absolute())
    config, key = place.load_config(), place.load_key()
    healthy, capable = ask_daemon(place, _ask)
    told = {
        "name": config.name,
        "key": str(key.public),
        "address": place.address.read_text(),
        "software": capable.software,
        "serving": healthy.serving,
        "draining": capable.draining,
        "detail": healthy.detail,
        "in_flight": healthy.in_flight,
        "answered": healthy.answered,
        "models": [
            {
                "name": each.name,
                "state": each.state,
                "detail": each.detail,
                "commitment": each.commitment.hex(),
                "digest": each.digest.hex(),
            }
            for each in capable.models
        ],
        "caught": [
            {
                "group": each.group.hex(),
                "sha256": each.digest.hex(),
                "sentence": each.sentence,
                "handed_in": each.verdict is not None,
                "refused": each.verdict or "",
            }
            for each in Caught(place.groups).all()
        ],
    }
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        _show(told)


async def _ask(peer: Peer) -> tuple[Healthy, Capable]:
    return await peer.health(in_seconds(PATIENCE)), await peer.capabilities(in_seconds(PATIENCE))


def _show(told: dict[str, Any]) -> None:
    serving = ("serving", "bold green") if told["serving"] else (f"not serving: {told['detail']}", "bold red")
    say((told["name"], "bold"), "  ", serving)
    say(told["software"], " at ", told["address"])
    say(told["key"])
    say(f"{told['answered']} answered since the start, {told['in_flight']} under way")
    table = Table("model", "state", "commitment", "detail")
    for model in told["models"]:
        state = f"[{STYLES.get(model['state'], 'dim')}]{model['state']}[/]"
        table.add_row(clean(model["name"]), state, model["commitment"][:16], clean(model["detail"]))
    out.print(table if told["models"] else "No models yet.")
    for caught in told["caught"]:
        state = caught["refused"] or ("handed in" if caught["handed_in"] else "waits to be handed in")
        say(("caught ", "bold red"), f"{clean(caught['sentence'])} ", (f"({clean(state)})", "dim"))
