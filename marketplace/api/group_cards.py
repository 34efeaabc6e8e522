"""Groups and what belongs to them, as the API shows them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import msgspec

from assay.agreement.aggregate import AGGREGATORS
from assay.model import Interface, Port
from marketplace.api.amounts import Money, money
from marketplace.api.cards import Example, Hex, Metric, Mode, mode
from marketplace.catalogue.interfaces import interface_of
from marketplace.groups import alerts
from marketplace.groups.dissent import LEAST
from marketplace.groups.history import Past, history
from marketplace.groups.models import Alert, Dissent, Member, Swap
from marketplace.groups.models import Group as Row
from marketplace.groups.standing import Card, Seat

GroupState = Annotated[str, msgspec.Meta(extra_json_schema={"enum": Row.State.values})]
Answered = Annotated[str, msgspec.Meta(extra_json_schema={"enum": Member.State.values})]
SwapState = Annotated[str, msgspec.Meta(extra_json_schema={"enum": Swap.State.values})]
Aggregator = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(AGGREGATORS)})]


class MemberDissent(msgspec.Struct, frozen=True):
    """That on `dissented` of a member's last `rows` with an answer it voted otherwise than the group: on most.

    Another model may be served than was said, its inputs may be prepared otherwise, or the group has a blind spot.
    """

    rows: Annotated[
        int, msgspec.Meta(description="In the epoch in force, with the model that it answers with now")
    ]
    dissented: int
    since: dt.datetime


class GroupMember(msgspec.Struct, frozen=True):
    """An owner's place. Node, key and model are null until the owner has accepted.

    `serving`: its node answered when it was last asked; `formed`: since when the node takes part in the group.
    """

    organisation: str
    state: Answered
    node: str | None
    key: Annotated[str | None, msgspec.Meta(description="`ed25519:` and 64 hexadecimal digits")]
    model: Annotated[str | None, msgspec.Meta(description="`owner/name@version`, with which it answers now")]
    commitment: Hex | None
    metrics: list[Metric]
    serving: bool
    formed: dt.datetime | None
    dissent: Annotated[
        MemberDissent | None,
        msgspec.Meta(description=f"Null unless it lately dissents on most of at least {LEAST} rows"),
    ]


class EpochChange(msgspec.Struct, frozen=True):
    """Against the epoch before: owners who came, who went, whose key is another; which rules are others."""

    joined: tuple[str, ...]
    left: tuple[str, ...]
    rekeyed: tuple[str, ...]
    rules: tuple[str, ...]


class Epoch(msgspec.Struct, frozen=True):
    """A configuration that every member has signed; `digest` pins it. `change` is null for the genesis."""

    number: int
    digest: Hex
    stood: dt.datetime | None
    members: Annotated[tuple[str, ...], msgspec.Meta(description="Owners, in the configuration's order")]
    change: EpochChange | None


class GroupAlert(msgspec.Struct, frozen=True):
    """That only `working` members can go on together, where `needed` must: as many, or fewer."""

    level: Annotated[str, msgspec.Meta(extra_json_schema={"enum": Alert.Level.values})]
    working: int
    needed: int
    since: dt.datetime


class GroupCard(msgspec.Struct, frozen=True):
    """A group of `n` members, of which any `f` may fail or lie. `genesis` is what `assay verify --group` takes."""

    slug: Annotated[str, msgspec.Meta(description="As predictions take it")]
    title: str
    summary: str
    founder: str
    state: GroupState
    task: str
    aggregator: Aggregator
    n: int
    f: int
    copy_resistant: Annotated[bool, msgspec.Meta(description="Members commit to answers before any is shown")]
    stake: Annotated[Money, msgspec.Meta(description="That each member has locked, to be lost on evidence")]
    genesis: Hex | None
    epoch: Annotated[int, msgspec.Meta(description="In force, by its number")]
    members: tuple[GroupMember, ...]
    modes: tuple[Mode, ...]
    created: dt.datetime
    updated: dt.datetime


class Group(GroupCard, frozen=True):
    """A group with all that one needs to ask it. Times are in milliseconds."""

    inputs: tuple[Port, ...]
    labels: tuple[str, ...]
    scale: Annotated[int | None, msgspec.Meta(description="Numbers are voted for in steps of 1/scale")]
    interface: Interface
    grace: int
    horizon: Annotated[int, msgspec.Meta(description="How far ahead a prediction's deadline may lie")]
    epochs: tuple[Epoch, ...]
    alert: Annotated[GroupAlert | None, msgspec.Meta(description="Null as long as a member more may fail")]
    examples: list[Example]


class Choice(msgspec.Struct, frozen=True):
    """A version that one's organisation serves, and why it does not fit the group, where it does not."""

    model: str
    node: int
    node_name: str
    fits: bool
    reason: str


class Update(msgspec.Struct, frozen=True):
    """A member's change to another of its models, and what became of it.

    `command` is what its owner runs on the node's machine while that is awaited (until `expires`), else empty.
    """

    organisation: str
    before: str
    after: str
    commitment: Hex
    state: SwapState
    detail: str
    command: str
    created: dt.datetime
    expires: dt.datetime
    completed: dt.datetime | None


class ToSign(msgspec.Struct, frozen=True):
    """What members sign, or have signed: a configuration's canonical CBOR in base64url, and its digest.

    `epoch` is the same with what puts it in force, null until then. `epochs` are all that have been, genesis
    first, in the same form: a check may pin any of them. `signed` lists whose signatures are there.
    """

    digest: Hex
    configuration: str
    epoch: str | None
    epochs: list[str]
    signed: list[str]


# --- from the database ------------------------------------------------------------------------------------


def card(shown: Card) -> GroupCard:
    return GroupCard(**_card(shown))


def group(shown: Card) -> Group:
    found, interface = shown.group, interface_of(shown.group)
    founder = shown.founder.version
    return Group(
        **_card(shown),
        inputs=interface.inputs,
        labels=interface.labels,
        scale=found.scale,
        interface=interface,
        grace=found.grace,
        horizon=found.horizon,
        epochs=tuple(_epoch(each) for each in history(shown.epochs)),
        alert=_alert(alerts.of_group(found)),
        examples=[Example(**each) for each in founder.examples] if founder else [],
    )


def update(shown: Swap) -> Update:
    return Update(
        organisation=shown.member.organisation.slug,
        before=str(shown.before),
        after=str(shown.after),
        commitment=bytes(shown.after.commitment or b"").hex(),
        state=shown.state,
        detail=shown.detail,
        command=shown.command if shown.awaits_owner else "",
        created=shown.created,
        expires=shown.expires,
        completed=shown.completed,
    )


def _card(shown: Card) -> dict[str, Any]:
    found = shown.group
    return {
        "slug": found.slug,
        "title": found.title,
        "summary": found.summary,
        "founder": found.organisation.slug,
        "state": found.state,
        "task": found.interface["task"],
        "aggregator": found.aggregator,
        "n": found.size,
        "f": shown.f,
        "copy_resistant": found.copy_resistant,
        "stake": money(found.stake),
        "genesis": shown.genesis or None,
        "epoch": found.epoch,
        "members": tuple(_member(each) for each in shown.seats),
        "modes": tuple(mode(each) for each in shown.modes),
        "created": found.created,
        "updated": found.updated,
    }


def _member(seat: Seat) -> GroupMember:
    version = seat.version
    return GroupMember(
        organisation=seat.owner,
        state=seat.member.state,
        node=seat.node.name if seat.node else None,
        key=seat.key or None,
        model=str(version) if version else None,
        commitment=bytes(version.commitment or b"").hex() if version else None,
        metrics=[Metric(**each) for each in version.metrics] if version else [],
        serving=seat.reachable,
        formed=seat.member.formed,
        dissent=_dissent(seat.dissent),
    )


def _epoch(past: Past) -> Epoch:
    return Epoch(
        number=past.epoch.number,
        digest=past.epoch.hex,
        stood=past.epoch.stood,
        members=tuple(each.owner for each in past.members),
        change=None if past.change is None else EpochChange(**vars(past.change)),
    )


def _alert(shown: Alert | None) -> GroupAlert | None:
    return None if shown is None else GroupAlert(shown.level, shown.working, shown.needed, shown.noticed)


def _dissent(shown: Dissent | None) -> MemberDissent | None:
    return None if shown is None else MemberDissent(shown.rows, shown.dissented, shown.since)
