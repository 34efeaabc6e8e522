"""The demo's groups: four owners' different models of one data set, which answer together.

Founded through the public REST API alone, and signed with each owner's own key on that owner's machine, as
`assay-node accept` does it. What is already so is left alone, a group that was withdrawn too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import cbor, jsonform
from assay.agreement.group import Configuration, Epoch, require_genesis
from assay.agreement.votes import Answered
from assay.certificate import AgreementCertificate
from assay.client import Client
from assay.keys import PrivateKey
from assay.verify import Trust
from demo.market import Market, say, until
from node.commands.accept import fetched, request_to_consent

QUESTIONS = 3  # to a group that has just been founded; to others one


@dataclass(frozen=True)
class Plan:
    """A group to be: `slug` is its name and that of its members' models, `scale` is for numbers."""

    slug: str
    founder: str
    title: str
    summary: str
    aggregator: str
    scale: int = 1


@dataclass(frozen=True)
class Member:
    """An owner, whose node is in the folder `home`."""

    slug: str
    market: Market
    home: Path


@dataclass(frozen=True)
class Standing:
    """A group that serves, by the digest that its owners have signed. `new`: it did not serve before."""

    slug: str
    genesis: bytes
    new: bool


# the latest founded is shown first
PLANS = (
    Plan(
        slug="digits",
        founder="asha",
        title="Handwritten digits, agreed by four owners",
        summary=(
            "Reads one handwritten digit. A support-vector machine, a random forest, gradient-boosted trees and a "
            "neural network vote, each run by another owner; any one of them may fail or lie."
        ),
        aggregator="plurality",
    ),
    Plan(
        slug="breast-cancer",
        founder="bruno",
        title="Breast mass, agreed by four owners",
        summary=(
            "Tells malignant from benign breast masses by 30 measurements of cell nuclei: four owners' different "
            "models vote. A demonstration of tables, not a medical device."
        ),
        aggregator="plurality",
    ),
    Plan(
        slug="diabetes",
        founder="chidi",
        title="Diabetes progression, agreed by four owners",
        summary=(
            "Estimates a score of disease progression one year on, 25 to 346 points: the mean of what four "
            "owners' models say, to a tenth, without the highest and the lowest. Not a medical device."
        ),
        aggregator="trimmed-mean",
        scale=10,
    ),
)


def founded(plan: Plan, members: Mapping[str, Member]) -> dict[str, Any]:
    """The group as the marketplace shows it, founded if need be. Raises RefusedError."""
    founder = members[plan.founder]
    return founder.market.find(f"/groups/{plan.slug}") or _found(plan, founder, members)


def gathered(plan: Plan, members: Mapping[str, Member]) -> Standing | None:
    """The group, once it serves with all `members`; None for one that was withdrawn. Raises RefusedError."""
    founder, path = members[plan.founder], f"/groups/{plan.slug}"
    found = founded(plan, members)
    if found["state"] == "withdrawn":
        say("group", plan.slug, "was withdrawn, and is left so")
        return None
    for each in members.values():
        _join(plan, founder, each)
    for each in members.values():
        _sign(plan, each)
    until(lambda: _serves(founder, path), f"the group {plan.slug}")
    genesis = _genesis(plan, founder)
    say("group", plan.slug, f"serves, genesis {genesis.hex()}")
    return Standing(plan.slug, genesis, new=found["state"] != "serving")


def ask(client: Client, group: Standing) -> None:
    """Some questions whose answers are known; the client checks the certificates against the owners' genesis."""
    trust = Trust.of(groups=[group.genesis.hex()])
    for example in client.group(group.slug)["examples"][: QUESTIONS if group.new else 1]:
        answer = client.predict(group=group.slug, inputs=example["inputs"], trust=trust)
        answer.report.require(pinned=True)
        assert isinstance(answer.certificate, AgreementCertificate), "a group answers in mode agreement"
        said = answer.certificate.evidence.ended.said
        answered = f"{sum(isinstance(each, Answered) for each in said)} of {len(said)} members answered"
        text = f"group {group.slug} says {answer.answers[0].text} (labelled {example['title']}), {answered}"
        say("buyer", "agreement", f"{text}, certificate verified")


def _found(plan: Plan, founder: Member, members: Mapping[str, Member]) -> dict[str, Any]:
    invited = [slug for slug in members if slug != founder.slug]
    about = {"name": plan.slug, "title": plan.title, "summary": plan.summary, "aggregator": plan.aggregator}
    brought = {"model": _model(plan, founder), "scale": plan.scale, "size": len(members)}
    founded: dict[str, Any] = founder.market.post("/groups", {**about, **brought, "invite": invited})
    say(founder.slug, plan.slug, f"founded the group and invited {', '.join(invited)}")
    return founded


def _join(plan: Plan, founder: Member, member: Member) -> None:
    """Unless the members are settled: the member takes its place, which is offered anew if it has lost it."""
    path = f"/groups/{plan.slug}"
    group = founder.market.get(path)
    if group["state"] != "inviting":
        return
    seats = {seat["organisation"]: seat["state"] for seat in group["members"]}
    if member.slug not in seats:
        founder.market.post(f"{path}/invitations", {"organisation": member.slug})
    if seats.get(member.slug) != "accepted":
        brought = _model(plan, member)
        member.market.post(f"{path}/accept", {"model": brought})
        say(member.slug, plan.slug, f"joined the group with {brought}")


def _sign(plan: Plan, member: Member) -> None:
    path = f"/groups/{plan.slug}"
    if member.market.get(path)["state"] != "signing":
        return
    if member.slug in member.market.get(f"{path}/configuration")["signed"]:
        return
    key = PrivateKey.load(member.home / "key")
    member.market.post(f"{path}/consents", request_to_consent(key, _configuration(plan, member)))
    say(member.slug, plan.slug, f"signed the group's configuration as {key.public}")


def _configuration(plan: Plan, member: Member) -> Configuration:
    """What the members sign, or have signed, judged as a member does."""
    return fetched(member.market.get(f"/groups/{plan.slug}/configuration"), plan.slug)


def _genesis(plan: Plan, member: Member) -> bytes:
    """The digest of the group's first configuration, however many epochs have followed."""
    documents = member.market.get(f"/groups/{plan.slug}/configuration")["epochs"]
    first: Epoch = jsonform.convert(cbor.decode(jsonform.from_base64url(documents[0])), Epoch)
    return require_genesis(first).digest


def _model(plan: Plan, member: Member) -> str:
    """The version that the owner has published."""
    name = f"{member.slug}/{plan.slug}"
    return f"{name}@{member.market.get(f'/models/{name}')['version']['number']}"


def _serves(founder: Member, path: str) -> bool | None:
    group = founder.market.get(path)
    seats: Sequence[dict[str, Any]] = group["members"]
    return (group["state"] == "serving" and all(seat["formed"] for seat in seats)) or None
