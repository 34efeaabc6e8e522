"""`assay-node accept`: signs the configuration of a group that this node's owner has joined.

The marketplace is not believed: the configuration is judged here, by the rules that every member and every buyer
keeps, and the node's key must stand in it beside a model that the node holds. Nothing is signed otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from assay.agreement.consent import consent, place_of, proposed
from assay.agreement.group import Configuration, Labels
from assay.cli.show import clean
from assay.durations import in_words
from assay.errors import Refused
from assay.jsonform import base64url, from_base64url
from assay.keys import PrivateKey, PublicKey
from node.console import ask_daemon, home_option, out, say
from node.home import Home
from node.shop import get, post, require_known
from wire.client import Peer
from wire.deadline import in_seconds

PATIENCE = 10.0  # seconds for the node to say what it holds
MAX_LABELS = 12  # written out


@click.command("accept")
@home_option
@click.argument("slug", metavar="GROUP")
@click.option("--yes", is_flag=True, help="Sign without asking.")
def command(home: Path, slug: str, yes: bool) -> None:
    """Sign the configuration of GROUP (its short name) with this node's key.

    Shown first: who its members are, what it answers, how votes are counted, and the genesis by which buyers will
    know it. The marketplace is asked with the API key in ASSAY_API_KEY, of an account that has chosen a model of
    this node for the group.
    """
    place = Home(home.absolute())
    url, key = place.load_config().marketplace.url, place.load_key()
    require_known(url)
    configuration = fetched(get(url, f"/api/v1/groups/{slug}/configuration"), slug)
    mine = place_of(key.public, configuration)
    show(configuration, mine)
    require_held(configuration, mine, ask_daemon(place, _held))
    if not yes:
        click.confirm("Sign it with this node's key?", abort=True)
    answer = post(url, f"/api/v1/groups/{slug}/consents", request_to_consent(key, configuration))
    waits = isinstance(answer, dict) and answer.get("state") == "signing"
    rest = "begins once" if waits else "stands:"
    say(("Signed.", "bold green"), f" The group {slug} {rest} all {configuration.n} members have.")


def fetched(answer: Any, slug: str) -> Configuration:
    """The configuration in what the marketplace answered. Raises Refused for one that is not of this group."""
    text = answer.get("configuration") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise Refused("the marketplace has sent no configuration", code="refused", pointer="/configuration")
    configuration = proposed(from_base64url(text, "/configuration"))
    if configuration.slug != slug:
        raise Refused(
            "the configuration of another group",
            code="wrong-evidence",
            pointer="/configuration/slug",
            expected=slug,
            got=configuration.slug,
        )
    return configuration


def require_held(configuration: Configuration, mine: int, held: frozenset[bytes]) -> None:
    """That the node has the model which the group expects of it. Raises Refused."""
    commitment = configuration.members[mine].model.commitment
    if commitment not in held:
        raise Refused(
            "this node does not hold the model that it is to answer with",
            code="not-held",
            pointer=f"/members/{mine}/model",
            expected=commitment.hex(),
            hint="`assay-node status` lists what it holds.",
        )


def request_to_consent(key: PrivateKey, configuration: Configuration) -> dict[str, str]:
    """What the marketplace takes at /api/v1/groups/GROUP/consents. Raises Refused where the key has no place."""
    signature = consent(key, configuration)
    return {"digest": configuration.digest.hex(), "signature": base64url(signature)}


def show(configuration: Configuration, mine: int) -> None:
    """In words, for whoever is about to sign it."""
    say(
        (configuration.slug, "bold"),
        f"  {configuration.n} members, of which any {configuration.f} may fail or lie",
    )
    table = Table("", "owner", "node", "key", "model")
    for i, member in enumerate(configuration.members):
        table.add_row(
            "you" if i == mine else str(i),
            Text(member.owner),
            Text(member.address),
            str(PublicKey(member.key))[:24] + "…",
            member.model.commitment.hex()[:16] + "…",
        )
    out.print(table)
    for port in configuration.inputs:
        say("takes     ", clean(port.name), f"  {port.datatype} {list(port.shape)}")
    say("answers   ", _answer(configuration))
    say("counts by ", configuration.aggregator)
    say(f"waits     {in_words(configuration.grace / 1000)} for the slower members")
    say(f"takes deadlines up to {in_words(configuration.horizon / 1000)} ahead")
    say("genesis   ", (configuration.digest.hex(), "bold"))


def _answer(configuration: Configuration) -> str:
    if not isinstance(configuration.answer, Labels):
        return f"a number, in steps of 1/{configuration.answer.scale}"
    labels = configuration.answer.labels
    more = f" and {len(labels) - MAX_LABELS} more" if len(labels) > MAX_LABELS else ""
    return "one of " + clean(", ".join(labels[:MAX_LABELS])) + more


async def _held(peer: Peer) -> frozenset[bytes]:
    capable = await peer.capabilities(in_seconds(PATIENCE))
    return frozenset(each.commitment for each in capable.models if each.state != "failed")
