"""The `assay` command: ask for predictions, and check certificates with nothing but this package.

Exit codes: 0 yes; 1 something is false or went wrong; 2 the command line is; 3 valid, but by nobody you named.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from assay.errors import AssayError

COMMANDS = {"login": "login", "models": "models", "predict": "predict", "verify": "verify"}


class _Commands(click.Group):
    """Commands are loaded when called, so that `assay verify` loads no HTTP client; errors end here, in words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"assay.cli.{COMMANDS[cmd_name]}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AssayError as error:
            from assay.cli import show

            show.error(error)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="assay", prog_name="assay")
def main() -> None:
    """Predictions that can be checked."""
