"""`assay quote`: what a prediction would cost, and what it would be worth, before it is asked."""

from __future__ import annotations

import json
from datetime import UTC

import click
import msgspec
from rich.console import Console

from assay.cli import config, show
from assay.money import Price, Quote


@click.command("quote")
@click.argument("model", metavar="[MODEL]", default="")
@click.option("--group", metavar="NAME", default="", help="A group, instead of a model.")
@click.option("--mode", default="", show_default="direct, of a group agreement", help="How it is to be verified.")
@click.option("--rows", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the quote as JSON.")
def command(*, model: str, group: str, mode: str, rows: int, as_json: bool) -> None:
    """Ask what MODEL (owner/name or owner/name@version), or a group, would cost. Charges nothing."""
    if bool(model) == bool(group):
        raise click.UsageError("ask either for a MODEL or a group: --group NAME")
    with config.client() as client:
        quote = client.quote(model, group=group, verify=mode, rows=rows)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(quote), indent=2))
    else:
        _show(Console(highlight=False), quote)


def _show(console: Console, quote: Quote) -> None:
    rows = "1 row" if quote.rows == 1 else f"{quote.rows} rows"
    total = f"at most {quote.total}" if quote.total.micros else "free"
    show.line(console, (total, "bold"), f" for {rows} of {show.clean(quote.target)} in {show.clean(quote.mode)}")
    for line in quote.lines:
        free = f", {line.free} of the rows free" if line.free else ""
        show.line(console, f"  {show.clean(line.owner)}: {_price(line.price)}{free}")
    show.line(console, show.clean(quote.guarantee))
    for caveat in quote.caveats:
        show.line(console, "  not promised: ", show.clean(caveat))
    expires = quote.expires.astimezone(UTC)
    show.line(console, f"good until {expires:%Y-%m-%d %H:%M:%S} UTC, as quote {quote.id}")


def _price(price: Price) -> str:
    return f"{price.amount} per {show.clean(price.unit)}"
