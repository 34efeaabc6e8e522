"""`assay models`: the catalogue as a table, or as JSON lines for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assay.cli import config, show

COLUMNS = ("slug", "task", "title")


@click.command("models")
@click.argument("query", default="")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(*, query: str, limit: int, as_json: bool) -> None:
    """List the models that match QUERY, or all."""
    with config.client() as client:
        cards = list(islice(client.models(query), limit))
    if as_json:
        for card in cards:
            click.echo(json.dumps(card))
    else:
        Console(highlight=False).print(_table(cards))


def _table(cards: Iterable[dict[str, Any]]) -> Table:
    table = Table(*COLUMNS, box=None, header_style="bold", pad_edge=False)
    for card in cards:
        table.add_row(*(Text(show.clean(str(card.get(name, "")))) for name in COLUMNS))
    return table
