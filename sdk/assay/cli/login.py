"""`assay login`: remember a server and a key, once the server has accepted them."""

from __future__ import annotations

import click

from assay.cli import config
from assay.client import Client


@click.command("login")
@click.option("--url", prompt="Server", envvar="ASSAY_URL", help="Address of the marketplace.")
@click.option(
    "--api-key", prompt="API key", hide_input=True, envvar="ASSAY_API_KEY", help="Shown once, on its page."
)
def command(url: str, api_key: str) -> None:
    """Remember the server and the API key for the other commands."""
    with Client(url, api_key.strip()) as client:
        next(client.models(), None)
    config.save(config.Config(url, api_key.strip()))
    click.echo(f"Saved in {config.path()}")
