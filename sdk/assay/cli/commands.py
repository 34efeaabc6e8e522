"""A group of commands, each a module: loaded when it is called, so that none pays for what another needs."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from assay.errors import AssayError


class Commands(click.Group):
    """The commands `names` of a package: `rotate-key` is `command` in its module `rotate_key`.

    An AssayError, and what the system refuses, ends here: in words, with exit code 1.
    """

    def __init__(self, package: str, names: Sequence[str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._package = package
        self._names = list(names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._names

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._names:
            return None
        command: click.Command = import_module(f"{self._package}.{cmd_name.replace('-', '_')}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # no verdict fails over what a terminal cannot show
        try:
            return super().invoke(ctx)
        except AssayError as error:
            _end(error)
        except OSError as error:
            _end(AssayError(error.strerror or str(error), pointer=str(error.filename or "")))


def _end(error: AssayError) -> None:
    from assay.cli import show

    show.error(error)
    sys.exit(1)
