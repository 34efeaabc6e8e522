"""`assay-node backup FILE`: configuration, keys, journal and models in one tar file that only its owner reads.

The journal's copy is consistent and marked: a node restored from it refuses every request made before it is
first started, because it cannot know what was answered after the copy was made. So no request is answered twice.
What it has signed in groups is left out on purpose: a member with an old copy of that could contradict itself. A
restored node takes part in groups again with a new key only.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path

import click

from node.console import home_option, say
from node.home import Home, sync_folder
from node.journal import copy


@click.command("backup")
@home_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def command(home: Path, file: Path) -> None:
    """Write everything that makes this node to FILE (tar). It holds the secret key: keep it as safe as that."""
    place = Home(home.absolute())
    place.load_config()
    back_up(place, file.absolute())
    say("Written: ", str(file), f" ({file.stat().st_size} bytes). It holds the node's secret key.")
    say("To restore: stop the node, unpack the file into an empty folder, and start it there.")


def back_up(home: Home, file: Path) -> None:
    """Writes `file` in one step, mode 0600; the node may be running."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
        journal = Path(folder) / "journal.sqlite"
        if home.journal.exists():
            copy(home.journal, journal)
        part = Path(folder) / "tar"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            _write(home, journal, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    sync_folder(file.parent)


def _write(home: Home, journal: Path, stream: object) -> None:
    with tarfile.open(fileobj=stream, mode="w") as tar:  # type: ignore[call-overload]
        for path in (home.config, home.key, *sorted(home.retired.glob("*")), *sorted(home.spool.glob("*.onnx"))):
            tar.add(path, path.relative_to(home.root), filter=_private)
        if journal.exists():
            tar.add(journal, "journal.sqlite", filter=_private)


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The owner's alone, under nobody's name."""
    member.mode = 0o600
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
