"""The `assay-node` command of a model's owner. Each command is a module under `node.commands`.

Exit codes: 0 done; 1 something is wrong, and what; 2 the command line is.
"""

from __future__ import annotations

import click

from assay.cli.commands import Commands

NAMES = (
    "init",
    "doctor",
    "run",
    "join",
    "add",
    "adopt",
    "accept",
    "status",
    "transcript",
    "drain",
    "rotate-key",
    "backup",
)


@click.group(
    cls=Commands,
    package="node.commands",
    names=NAMES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="assay-marketplace", prog_name="assay-node")
def main() -> None:
    """Serve your models to a marketplace from your own machine, with your own key."""
