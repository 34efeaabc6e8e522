"""`assay-node join`: shows a marketplace that this node's key is yours, and registers the node there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from assay import joining
from assay.keys import PrivateKey
from node.console import home_option, say
from node.home import Home
from node.shop import API_KEY, post


@click.command("join")
@home_option
@click.argument("organisation")
@click.option("--address", "where", required=True, help="HOST:PORT at which the marketplace reaches this node.")
def command(home: Path, organisation: str, where: str) -> None:
    """Register this node with ORGANISATION's (its short name) account at the marketplace.

    With a marketplace URL in node.toml and an API key in ASSAY_API_KEY this is done at once; else the values to
    paste on the marketplace's page for nodes, or to post to /api/v1/nodes, are printed.
    """
    place = Home(home.absolute())
    config, key = place.load_config(), place.load_key()
    body = request_to_join(config.name, key, organisation, where)
    if config.marketplace.url and os.environ.get(API_KEY):
        post(config.marketplace.url, "/api/v1/nodes", body)
        say("Registered ", (config.name, "bold"), " with ", organisation)
        say("Whether the marketplace reaches it at ", where, " shows on its page Nodes within seconds")
    else:
        click.echo(json.dumps(body, indent=2))


def request_to_join(name: str, key: PrivateKey, organisation: str, where: str) -> dict[str, str]:
    """What the marketplace takes at /api/v1/nodes."""
    return {
        "name": name,
        "key": str(key.public),
        "address": where,
        "proof": joining.prove(key, organisation),
    }
