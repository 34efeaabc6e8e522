"""The options that say whom the caller trusts, shared by the commands that check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from assay.errors import Refused
from assay.verify import Trust

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("--provider", "providers", metavar="KEY", multiple=True, help="Trust this provider's key."),
    click.option(
        "--group",
        "groups",
        metavar="DIGEST",
        multiple=True,
        help="Trust this group: its genesis, or a later configuration of it.",
    ),
    click.option(
        "--model", "commitments", metavar="DIGEST", multiple=True, help="Accept only this model commitment."
    ),
    click.option(
        "--trust", "trust_file", metavar="FILE", type=Path, help="Trust whom this TOML file names as well."
    ),
)


def options(command: Command) -> Command:
    """Adds `providers`, `groups`, `commitments` and `trust_file`, which `of` takes."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def of(
    providers: tuple[str, ...], groups: tuple[str, ...], commitments: tuple[str, ...], trust_file: Path | None
) -> Trust:
    """What the options say together. Wrong ones are usage errors."""
    try:
        named = Trust.of(providers, groups, commitments)
        return named | Trust.load(trust_file) if trust_file else named
    except Refused as error:
        raise click.UsageError(str(error)) from error
