"""`assay-node rotate-key`: a new key, introduced by the old one.

Steps, each safe to be interrupted after: the new key is written beside the old; the old one signs the statement,
which is kept; the old key is copied to `retired/`; the new one takes its place. Running it again goes on.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import click

from assay.errors import AssayError, Refused
from assay.jsonform import to_json
from assay.keys import PrivateKey, PublicKey
from assay.rotation import KeyRotation, rotate
from node.console import home_option, say
from node.epochs import chain_in, is_member, standing
from node.home import PRIVATE_FOLDER, Home, sync_folder, write_atomically
from node.shop import API_KEY, post
from wire.deadline import now_ms

ROTATIONS = "/api/v1/nodes/rotations"


@click.command("rotate-key")
@home_option
@click.option("--yes", is_flag=True, help="Do not ask, although this node would drop out of its groups.")
def command(home: Path, yes: bool) -> None:
    """Replace the node's key (the node must not be running), and tell the marketplace.

    With a marketplace URL in node.toml and an API key in ASSAY_API_KEY it is told at once; else the statement to
    post to /api/v1/nodes/rotations is printed.
    """
    place = Home(home.absolute())
    if not yes and (groups := places_lost(place)):
        say(("The new key is a member of no group", "bold"), f": this node drops out of {', '.join(groups)},")
        say("where one more failure may then stop the others, until an epoch begins in which the new key has its")
        say("place. Once it is proposed, `assay-node accept GROUP` signs it with the new key as a member to come,")
        say("and with the old one as a present member. All to come must sign, and 2f + 1 present ones.")
        click.confirm("Replace the key all the same?", abort=True)
    with place.locked():
        url = place.load_config().marketplace.url
        statement = replace_key(place)
    say(("New key ", "bold"), str(PublicKey(statement.new)))
    kept = place.retired / f"{_name(statement)}.rotation.json"
    if url and os.environ.get(API_KEY):
        try:
            post(url, ROTATIONS, json.loads(to_json(statement)))
        except AssayError:
            _by_hand(url, kept)
            raise
        say("The marketplace knows it. Start the node again.")
    else:
        _by_hand(url or "https://MARKETPLACE", kept)
        click.echo(to_json(statement))


def places_lost(home: Home) -> list[str]:
    """The groups, by name, in which the present key has a place."""
    key = home.load_key().public
    newest = (chain_in(folder)[-1] for folder in standing(home.groups))
    return [epoch.configuration.slug for epoch in newest if is_member(key, epoch)]


def _by_hand(url: str, kept: Path) -> None:
    say("The marketplace asks this node nothing more until it has been told, with the API key in ASSAY_API_KEY:")
    send = ("curl", "--fail-with-body", "--header", "Content-Type: application/json", "--data", f"@{kept}")
    command = f'{shlex.join(send)} --header "Authorization: Bearer $ASSAY_API_KEY" {url.rstrip("/")}{ROTATIONS}'
    click.echo(command)


def replace_key(home: Home) -> KeyRotation:
    """The statement, once the new key is in place. The caller holds the folder's lock."""
    old, new = home.load_key(), _next_key(home)
    statement = rotate(old, new, now_ms())
    home.retired.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    name = _name(statement)
    write_atomically(home.retired / f"{name}.rotation.json", to_json(statement).encode())
    retired = home.retired / f"{name}.key"
    if not retired.exists():
        os.link(home.key, retired)
    sync_folder(home.retired)
    _next(home).replace(home.key)
    sync_folder(home.root)
    return statement


def _name(statement: KeyRotation) -> str:
    """Of the files in `retired/`."""
    return statement.old.hex()[:16]


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
