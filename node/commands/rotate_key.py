"""`assay-node rotate-key`: a new key, introduced by the old one.

Steps, each safe to be interrupted after: the new key is written beside the old; the old one signs the statement,
which is kept; the old key is copied to `retired/`; the new one takes its place. Running it again goes on.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from assay.errors import Refused
from assay.jsonform import to_json
from assay.keys import PrivateKey, PublicKey
from assay.rotation import KeyRotation, rotate
from node.console import home_option, say
from node.home import PRIVATE_FOLDER, Home, sync_folder, write_atomically
from wire.deadline import now_ms


@click.command("rotate-key")
@home_option
def command(home: Path) -> None:
    """Replace the node's key (the node must not be running) and print the statement for the marketplace."""
    place = Home(home.absolute())
    with place.locked():
        place.load_config()
        statement = replace_key(place)
    say(("New key ", "bold"), str(PublicKey(statement.new)))
    say("Give this statement to the marketplace (it is kept in ", str(place.retired), "):")
    click.echo(to_json(statement), nl=False)


def replace_key(home: Home) -> KeyRotation:
    """The statement, once the new key is in place. The caller holds the folder's lock."""
    old, new = home.load_key(), _next_key(home)
    statement = rotate(old, new, now_ms())
    home.retired.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    name = old.public.raw.hex()[:16]
    write_atomically(home.retired / f"{name}.rotation.json", to_json(statement).encode())
    retired = home.retired / f"{name}.key"
    if not retired.exists():
        os.link(home.key, retired)
    sync_folder(home.retired)
    _next(home).replace(home.key)
    sync_folder(home.root)
    return statement


def _next(home: Home) -> Path:
    return home.root / "key.next"


def _next_key(home: Home) -> PrivateKey:
    """The new key: one that an interrupted rotation left whole, else a fresh one."""
    path = _next(home)
    try:
        return PrivateKey.load(path)
    except (FileNotFoundError, Refused):
        path.unlink(missing_ok=True)
    key = PrivateKey.generate()
    key.save(path)
    return key
