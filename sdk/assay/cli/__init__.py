"""The `assay` command: ask for predictions, and check certificates and models with nothing but this package.

Exit codes: 0 yes; 1 something is false or went wrong; 2 the command line is; 3 valid, but by nobody you named.
"""

from __future__ import annotations

import click

from assay.cli.commands import Commands

NAMES = ("login", "models", "quote", "predict", "balance", "verify", "audit", "check-model")


@click.group(
    cls=Commands,
    package="assay.cli",
    names=NAMES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="assay", prog_name="assay")
def main() -> None:
    """Predictions that can be checked."""
