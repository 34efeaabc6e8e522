"""`assay balance`: what may be spent, what is set aside, what was spent this month, and what it may come to."""

from __future__ import annotations

import json

import click
import msgspec
from rich.console import Console

from assay.cli import config, show
from assay.money import Balance, Cap


@click.command("balance")
@click.option("--json", "as_json", is_flag=True, help="Print the balance as JSON.")
def command(*, as_json: bool) -> None:
    """Show what the key's organisation may spend."""
    with config.client() as client:
        balance = client.balance()
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(balance), indent=2))
    else:
        _show(Console(highlight=False), balance)


def _show(console: Console, balance: Balance) -> None:
    show.line(console, "available  ", (str(balance.available), "bold"), f", of it {balance.free} free credit")
    show.line(console, f"held       {balance.held}")
    show.line(console, f"spent      {balance.spent} this month, what is held included")
    for cap in balance.caps:
        show.line(console, *_cap(cap))


def _cap(cap: Cap) -> tuple[str | tuple[str, str], ...]:
    whose = "cap        " if cap.key is None else f"cap of key {cap.key}: "
    reached = max((alert.percent for alert in cap.alerts), default=0)
    told = (f"; {reached} % reached", "yellow") if reached else ""
    return whose, f"{cap.amount} a month, {cap.left} left", told
