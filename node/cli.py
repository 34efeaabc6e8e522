"""The `assay-node` command of a model's owner. Each command is a module under `node.commands`.

Exit codes: 0 done; 1 something is wrong, and what; 2 the command line is.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from assay.errors import AssayError
from node import console

COMMANDS = {
    "init": "init",
    "doctor": "doctor",
    "run": "run",
    "join": "join",
    "add": "add",
    "status": "status",
    "drain": "drain",
    "rotate-key": "rotate_key",
    "backup": "backup",
}


class _Commands(click.Group):
    """Commands are loaded when called, so that none pays for what another needs; errors end here, in words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"node.commands.{COMMANDS[cmd_name]}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AssayError as error:
            console.error(error)
        except OSError as error:
            console.error(AssayError(error.strerror or str(error), pointer=str(error.filename or "")))
        sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="assay-marketplace", prog_name="assay-node")
def main() -> None:
    """Serve your models to a marketplace from your own machine, with your own key."""
