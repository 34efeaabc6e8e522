"""`assay-node add`: the *never here* way. A model goes from this machine's disk to this machine's Triton.

The file is validated here, taken in by the running daemon, and served; the marketplace gets its digest, its
interface and the validation report, and never the file.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import click
import msgspec

from assay.cli import show_model
from assay.errors import Refused
from assay.jsonform import pointer_of
from assay.model import Interface, ModelReference
from assay.modelfile.modes import verdicts
from inference.repository import require_ports
from inference.validation import Report, validate_sync
from node.console import ask_daemon, home_option, out, say
from node.home import Home
from node.shop import API_KEY, post
from wire.client import Peer
from wire.deadline import in_seconds
from wire.delivery import deliver

LOADING = 200.0  # seconds for Triton to load it
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9._-]*")


@click.command("add")
@home_option
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="OWNER/NAME at the marketplace.")
@click.option(
    "--interface",
    "interface_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: task, labels, preprocessing; inputs and outputs may be left out.",
)
def command(home: Path, model: Path, name: str, interface_file: Path) -> None:
    """Serve MODEL (an ONNX file) from here; the file itself never leaves this machine."""
    if not NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is not OWNER/NAME", param_hint="--name")
    place = Home(home.absolute())
    config = place.load_config()
    report = validate_sync(model)
    unfit = [each for each in verdicts(report) if report.accepted and not each.possible]
    show_model.what_was_found(out, report, unfit)
    if not report.accepted:
        raise Refused("the model cannot be served", code="not-accepted", pointer=str(model))
    reference = ModelReference(report.digest, _interface(interface_file, report))
    require_ports(reference, report.ports)
    ask_daemon(place, lambda peer: _bring(peer, model, reference, name, report.size))
    say("Serving ", (name, "bold"), f", commitment {reference.commitment.hex()}")
    _register(config.marketplace.url, name, registration(reference, report))


async def _bring(peer: Peer, model: Path, reference: ModelReference, name: str, size: int) -> None:
    with click.progressbar(length=size, label="taking it in") as bar:
        done = 0

        def progress(have: int, _: int) -> None:
            nonlocal done
            bar.update(have - done)
            done = have

        await deliver(peer, model, reference, name, progress)
    await peer.activate(reference.commitment, in_seconds(LOADING))


def _interface(path: Path, report: Report) -> Interface:
    """The interface, with the graph's ports where the file does not say. Raises Refused naming the field."""
    try:
        said = json.loads(path.read_text("utf-8"))
        if not isinstance(said, dict):
            raise Refused("not an interface", pointer=str(path), expected="a JSON object")
        ports = msgspec.to_builtins(report.ports)
        plain = {"labels": (), "preprocessing": {"kind": "none"}, **ports, **said}
        return msgspec.convert(plain, Interface).checked()
    except msgspec.ValidationError as error:
        detail, _, where = str(error).partition(" - at ")
        raise Refused(detail, code="invalid-interface", pointer=str(path) + pointer_of(where)) from error
    except ValueError as error:
        raise Refused("not JSON", code="invalid-interface", pointer=str(path), got=str(error)) from error


def registration(reference: ModelReference, report: Report) -> dict[str, Any]:
    """What the marketplace is told: everything but the file."""
    return {
        "weights": "never-here",
        "sha256": reference.digest.hex(),
        "interface": msgspec.to_builtins(reference.interface),
        "report": msgspec.to_builtins(report),
    }


def _register(url: str, name: str, body: dict[str, Any]) -> None:
    if url and os.environ.get(API_KEY):
        post(url, f"/api/v1/models/{name}/versions", body)
        say("Registered with ", url)
    else:
        say("Not registered: set `marketplace.url` in node.toml and ASSAY_API_KEY, or post this yourself:")
        click.echo(json.dumps(body))
