"""`assay-node accept`: signs the configuration of a group that this node's owner has joined, or of its next epoch.

The marketplace is not believed: the configuration is judged here, by the rules that every member and every buyer
keeps, and the node's key must stand in it beside a model that the node holds, or in the epoch that is to end.
Nothing is signed otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.table import Table
from rich.text import Text

from assay.agreement.consent import consent, place_of, proposed, read, word
from assay.agreement.group import Configuration, Labels
from assay.cli.show import clean
from assay.durations import in_words
from assay.errors import Refused
from assay.jsonform import base64url, from_base64url
from assay.keys import PrivateKey, PublicKey
from node.console import ask_daemon, home_option, out, say
from node.home import Home
from node.shop import get, post, require_known
from node.successors import present, require_answering, require_following, show_changes, signing
from wire.client import Peer
from wire.deadline import in_seconds

PATIENCE = 10.0  # seconds for the node to say what it holds
MAX_LABELS = 12  # written out


@click.command("accept")
@home_option
@click.argument("slug", metavar="GROUP")
@click.option("--yes", is_flag=True, help="Sign without asking.")
def command(home: Path, slug: str, yes: bool) -> None:
    """Sign the configuration of GROUP (its short name) with this node's key, or that of its next epoch.

    Shown first: who its members are, what it answers, how votes are counted, and the genesis by which buyers will
    know it; of a next epoch, what it changes. The marketplace is asked with the API key in ASSAY_API_KEY, of an
    account that has chosen a model of this node for the group.
    """
    place = Home(home.absolute())
    url = place.load_config().marketplace.url
    place.load_key()
    require_known(url)
    answer = get(url, f"/api/v1/groups/{slug}/configuration")
    configuration = fetched(answer, slug)
    bodies = _next(place, configuration, answer) if configuration.epoch else _first(place, configuration)
    if not yes:
        click.confirm("Sign it with this node's key?", abort=True)
    for body in bodies:
        answer = post(url, f"/api/v1/groups/{slug}/consents", body)
    if configuration.epoch:
        say(
            ("Signed.", "bold green"),
            f" Epoch {configuration.epoch} begins once all its members have, and a quorum",
        )
        say("of the present ones; the group's page shows who is awaited.")
        return
    waits = isinstance(answer, dict) and answer.get("state") == "signing"
    rest = "begins once" if waits else "stands:"
    say(("Signed.", "bold green"), f" The group {slug} {rest} all {configuration.n} members have.")


def _first(home: Home, configuration: Configuration) -> list[dict[str, str]]:
    key = home.load_key()
    mine = place_of(key.public, configuration)
    show(configuration, mine)
    require_held(configuration, mine, ask_daemon(home, _seen).held)
    return [request_to_consent(key, configuration)]


def _next(home: Home, after: Configuration, answer: Any) -> list[dict[str, str]]:
    chain = present(home, answer)
    before, genesis = chain[-1].configuration, chain[0].configuration.digest
    require_following(chain, after)
    keys = signing(home, before, after)
    mine = next((i for i, member in enumerate(after.members) if member.key == keys[0].public.raw), None)
    if mine is None:
        owner = before.members[place_of(keys[0].public, before)].owner
    else:
        owner = after.members[mine].owner
    show_changes(genesis, before, after, owner)
    if mine is not None:
        seen = ask_daemon(home, _seen)
        require_held(after, mine, seen.held)
        require_answering(after, mine, seen.answering.get(genesis))
    return [_signed(after, word(key, before, after)) for key in keys]


def fetched(answer: Any, slug: str) -> Configuration:
    """The configuration in what the marketplace answered. Raises Refused for one that is not of this group."""
    text = answer.get("configuration") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise Refused("the marketplace has sent no configuration", code="refused", pointer="/configuration")
    document = from_base64url(text, "/configuration")
    configuration = read(document)
    if not configuration.epoch:
        configuration = proposed(document)
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
    return _signed(configuration, consent(key, configuration))


def _signed(configuration: Configuration, signature: bytes) -> dict[str, str]:
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
    if configuration.copy_resistant:
        say(
            "commits   to each answer before any is shown: copy-resistant, for all epochs; who withholds is struck"
        )
    say(f"waits     {in_words(configuration.grace / 1000)} for the slower members")
    say(f"takes deadlines up to {in_words(configuration.horizon / 1000)} ahead")
    say("genesis   ", (configuration.digest.hex(), "bold"))


def _answer(configuration: Configuration) -> str:
    if not isinstance(configuration.answer, Labels):
        return f"a number, in steps of 1/{configuration.answer.scale}"
    labels = configuration.answer.labels
    more = f" and {len(labels) - MAX_LABELS} more" if len(labels) > MAX_LABELS else ""
    return "one of " + clean(", ".join(labels[:MAX_LABELS])) + more


class Seen(NamedTuple):
    """What the running node says of itself."""

    held: frozenset[bytes]  # models, by their commitments
    answering: dict[bytes, bytes]  # with which of them it answers its groups


async def _seen(peer: Peer) -> Seen:
    capable = await peer.capabilities(in_seconds(PATIENCE))
    held = frozenset(each.commitment for each in capable.models if each.state != "failed")
    return Seen(held, {each.group: each.model for each in capable.groups})
