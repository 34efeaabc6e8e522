"""A later epoch, as an owner is asked to sign it: judged by what the node knows, and told in words.

The marketplace is not believed here either: that the group is in the epoch which is to end, its own members have
signed; a chain that contradicts what the node keeps is refused, and so is what the group would not order.
With which models the others answer now only they know: each owner's word answers for their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay.agreement.consent import place_of
from assay.agreement.group import Configuration, Member
from assay.cli.show import clean
from assay.durations import in_words
from assay.errors import Refused
from assay.jsonform import from_base64url
from assay.keys import PrivateKey, PublicKey
from consensus.durable import Standing
from consensus.judging import require_successor
from consensus.serving import Serving
from node.console import say
from node.epochs import Chain, chain_in, group_of, longer, parsed
from node.home import Home


def present(home: Home, answer: Any) -> Chain:
    """The group's epochs up to now, from what the marketplace answered and what the node keeps. Raises Refused."""
    told = answer.get("epochs") if isinstance(answer, dict) else None
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise Refused("the marketplace has not sent the group's epochs", code="refused", pointer="/epochs")
    chain = parsed([from_base64url(each, f"/epochs/{i}") for i, each in enumerate(told)])
    return longer(chain_in(home.groups / chain[0].configuration.digest.hex()), chain)


def require_following(chain: Chain, after: Configuration) -> None:
    """That the group would order it, as far as one member can see. Raises Refused."""
    before = chain[-1].configuration
    to_be = {member.owner: member.model for member in after.members}
    models = [to_be.get(member.owner, member.model) for member in before.members]
    serving = tuple(Serving(model.commitment, model, 0, ()) for model in models)
    require_successor(group_of(chain), Standing(0, before.digest, 0, serving, before.epoch), after)


def require_answering(after: Configuration, mine: int, answering: bytes | None) -> None:
    """That who stays begins with the model with which it answers now, if it takes part. Raises Refused."""
    to_be = after.members[mine].model.commitment
    if answering not in (None, to_be):
        raise Refused(
            "not the model with which this node answers the group now",
            code="wrong-model",
            pointer=f"/members/{mine}/model",
            expected=answering.hex() if answering else "",
            got=to_be.hex(),
            hint="Have it proposed anew with this model, or change back with `assay-node adopt` first.",
        )


def signing(home: Home, before: Configuration, after: Configuration) -> list[PrivateKey]:
    """The node's key, which must have a place before or after, and with it the one that it has replaced there.

    Raises Refused.
    """
    key = home.load_key()
    if key.public.raw in {member.key for member in before.members}:
        return [key]
    owner = after.members[place_of(key.public, after)].owner
    replaced = {member.key for member in before.members if member.owner == owner}
    retired = (PrivateKey.load(path) for path in sorted(home.retired.glob("*.key")))
    return [key, *(old for old in retired if old.public.raw in replaced)]


def show_changes(genesis: bytes, before: Configuration, after: Configuration, owner: str) -> None:
    """What would be otherwise, for the owner who is about to sign it."""
    say((after.slug, "bold"), f"  epoch {after.epoch}, in place of epoch {before.epoch}")
    for word, what in changes(before, after):
        say(f"{word:<10}", clean(what))
    owners = [{member.owner for member in each.members} for each in (before, after)]
    say(f"{'you':<10}", ("stay" if owner in owners[0] else "come") if owner in owners[1] else "leave")
    say("what it takes, what it answers and how it counts stay as they are")
    say("genesis   ", genesis.hex())
    say("to sign   ", (after.digest.hex(), "bold"))


def changes(before: Configuration, after: Configuration) -> Iterator[tuple[str, str]]:
    """In a word each, and what about it."""
    olds = {member.owner: member for member in before.members}
    news = {member.owner: member for member in after.members}
    for owner, new in news.items():
        if owner in olds:
            yield from _changed(olds[owner], new)
        else:
            model = new.model.commitment.hex()
            yield "comes", f"{owner} at {new.address}, {PublicKey(new.key)}, model {model}"
    yield from (("goes", owner) for owner in olds if owner not in news)
    if before.n != after.n:
        yield "members", f"{after.n}, of which any {after.f} may fail or lie; now {before.n} and {before.f}"
    for word, name in (("waits", "grace"), ("deadlines", "horizon")):
        old, new_span = getattr(before, name), getattr(after, name)
        if old != new_span:
            yield word, f"{in_words(new_span / 1000)}; now {in_words(old / 1000)}"


def _changed(old: Member, new: Member) -> Iterator[tuple[str, str]]:
    if old.key != new.key:
        yield "new key", f"{new.owner}: {PublicKey(new.key)}; now {PublicKey(old.key)}"
    if old.address != new.address:
        yield "moves", f"{new.owner}: to {new.address}; now {old.address}"
    if old.model != new.model:
        commitments = new.model.commitment.hex(), old.model.commitment.hex()
        yield "model", f"{new.owner}: {commitments[0]}, to which it has changed; began with {commitments[1]}"
