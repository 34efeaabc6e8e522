"""`assay-node init`: a folder with a configuration and a fresh key."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal, get_args

import click

from inference.repository import Backend, InstanceGroups
from node.config import Config, MarketplaceSettings, TritonSettings, to_toml
from node.config import parse as parse_config
from node.console import home_option, say
from node.home import Home, default_home


@click.command("init")
@home_option
@click.option("--name", required=True, help="What you call this node.")
@click.option("--listen", default="0.0.0.0:7000", show_default=True, help="HOST:PORT to be reached at.")
@click.option("--triton", default="127.0.0.1:8001", show_default=True, help="HOST:PORT of Triton's gRPC.")
@click.option("--repository", default="models", show_default=True, help="Triton's model repository.")
@click.option(
    "--backend",
    type=click.Choice(get_args(Backend)),
    default="python",
    show_default=True,
    help="Which of Triton's backends runs ONNX; NVIDIA's image has `onnxruntime`.",
)
@click.option(
    "--instances",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="Where Triton runs the models.",
)
@click.option(
    "--marketplace-key", "keys", multiple=True, help="ed25519:… of a marketplace that may ask. May be repeated."
)
@click.option("--marketplace-url", "url", default="", help="https://… of the marketplace.")
def command(
    home: Path,
    *,
    name: str,
    listen: str,
    triton: str,
    repository: str,
    backend: Backend,
    instances: Literal["cpu", "gpu"],
    keys: tuple[str, ...],
    url: str,
) -> None:
    """Make a node: its folder, its configuration, its key."""
    config = parse_config(
        to_toml(
            Config(
                name=name,
                listen=listen,
                triton=TritonSettings(
                    address=triton,
                    repository=repository,
                    backend=backend,
                    instances=InstanceGroups(kind=instances),
                ),
                marketplace=MarketplaceSettings(keys=keys, url=url),
            )
        )
    )
    place = Home(home.absolute())
    with place.locked():
        key = place.create(config)
    say(("Node ", "bold"), name, " in ", str(place.root))
    say(("Key  ", "bold"), str(key.public))
    if not keys:
        say("Nobody may ask it yet: put the marketplace's key into ", (str(place.config), "bold"))
    say("Next: start Triton on ", (str(place.repository(config)), "bold"), ", then")
    elsewhere = "" if place.root == default_home().absolute() else f" --home {shlex.quote(str(place.root))}"
    for step in ("doctor", "run", "join ORGANISATION --address HOST:PORT"):
        verb, _, rest = step.partition(" ")
        say("  ", (f"assay-node {verb}{elsewhere} {rest}".rstrip(), "bold"))
