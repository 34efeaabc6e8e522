"""From what founder and members chose to the configuration that they sign.

What fits is for `assay.agreement.group` to say; here the pieces are brought together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from django.db.models import QuerySet

from assay.agreement.consent import encoded, proposed
from assay.agreement.group import FORMAT, NO_PREVIOUS, Configuration, Labels, Values
from assay.agreement.group import Member as Seated
from assay.errors import Refused
from assay.model import Interface
from marketplace.catalogue.interfaces import interface_of, reference_of
from marketplace.catalogue.models import Deployment, ModelVersion, Node
from marketplace.errors import NotFound
from marketplace.groups.models import Group, Member

MAX_LABELS = 12  # written out
GRACE = (10, 60_000)  # ms, from and to
HORIZON = (1_000, 24 * 3600 * 1000)  # ms, from and to
NAME = re.compile(r"([a-z0-9-]{1,40})/([a-z0-9-]{1,40})@([1-9][0-9]{0,8})", re.ASCII)


def configuration(group: Group, seated: Iterable[tuple[str, Node, ModelVersion]]) -> Configuration:
    """As the group's epoch 0 with these members (owner's slug, node, model), in this order; not yet judged."""
    interface = interface_of(group)
    return Configuration(
        format=FORMAT,
        slug=group.slug,
        epoch=0,
        previous=NO_PREVIOUS,
        members=tuple(
            Seated(owner, bytes(node.key), node.address, reference_of(version)) for owner, node, version in seated
        ),
        inputs=interface.inputs,
        answer=_answer(interface, group.scale),
        aggregator=group.aggregator,
        grace=group.grace,
        horizon=group.horizon,
        copy_resistant=group.copy_resistant,
    )


def agreed(group: Group) -> Configuration:
    """The configuration of those who have accepted, judged as whoever signs it will. Raises Refused.

    Members are looked for by the addresses in it: who shared another's, and then moved, would take it along.
    """
    members = group.members.filter(state=Member.State.ACCEPTED).select_related("organisation", "node", "version")
    found = configuration(
        group, [(each.organisation.slug, _node(each), _version(each)) for each in members.order_by("position")]
    )
    require_apart(found)
    return proposed(encoded(found))


def require_apart(found: Configuration) -> None:
    """That no two members' nodes have one address. Raises Refused."""
    where = [each.address for each in found.members]
    if twice := {each for each in where if where.count(each) > 1}:
        raise Refused(
            "two members' nodes have the same address",
            code="same-member",
            pointer="/members",
            expected="nodes with an address each",
            got=", ".join(sorted(twice)),
        )


def require_fit(group: Group, owner: str, node: Node, version: ModelVersion) -> None:
    """That this model could answer in this group. Raises Refused, as the library words it."""
    founder = group.members.select_related("organisation", "node", "version").get(position=0)
    seated = ((founder.organisation.slug, _node(founder), _version(founder)), (owner, node, version))
    trial = configuration(group, seated)
    trial.require_fit(trial.members[1])


def require_countable(group: Group, owner: str, node: Node, version: ModelVersion) -> Interface:
    """The interface of a group of models such as this one, if what they answer can be counted. Raises Refused."""
    trial = configuration(group, ((owner, node, version),))
    trial.require_counted()
    trial.require_fit(trial.members[0])
    return trial.interface


def choices(organisation: int) -> QuerySet[Deployment]:
    """What an organisation could bring: its versions that are served now, the newest of a model first."""
    return (
        Deployment.objects.filter(
            version__model__organisation=organisation,
            version__commitment__isnull=False,
            state=Deployment.State.SERVING,
            node__retired__isnull=True,
        )
        .select_related("version__model__organisation", "node")
        .defer("version__report", "version__examples")
        .order_by("version__model__slug", "-version__number", "pk")
    )


def deployment(organisation: int, model: str, node: int | None = None) -> Deployment:
    """The one of an organisation's choices that `owner/name@version` means, on this node or on any.

    Raises Refused for what is no such name, NotFound.
    """
    match = NAME.fullmatch(model)
    if match is None:
        raise Refused("not a version's name", pointer="/model", expected="owner/name@version", got=model[:100])
    owner, slug, number = match.groups()
    found = choices(organisation).filter(
        version__model__organisation__slug=owner, version__model__slug=slug, version__number=number
    )
    for each in found if node is None else found.filter(node=node):
        return each
    raise NotFound(
        "no such version of yours is served",
        pointer="/model",
        got=model,
        hint="Deploy it to a node and wait until the deployment is serving.",
    )


def why_not(group: Group, deployment: Deployment) -> str:
    """Why this one does not fit, in words; empty if it does."""
    try:
        require_fit(group, deployment.version.model.organisation.slug, deployment.node, deployment.version)
    except Refused as error:
        return _reason(error, interface_of(group), interface_of(deployment.version))
    return ""


def _reason(error: Refused, wanted: Interface, given: Interface) -> str:
    """A misfit in words. What differs is in the pointer; anything else is said as the library says it."""
    match error.pointer.rpartition("/")[2]:
        case "inputs":
            return f"{error.detail}: {_inputs(wanted)}, but {_inputs(given)}"
        case "labels":
            return f"{error.detail}: {_labels(wanted)}, but {_labels(given)}"
        case "task":
            return f"{error.detail}: {wanted.task}, but {given.task}"
    return error.detail


def _inputs(interface: Interface) -> str:
    return "; ".join(f"{port.name} {port.datatype} {list(port.shape)}" for port in interface.inputs)


def _labels(interface: Interface) -> str:
    more = len(interface.labels) - MAX_LABELS
    return ", ".join(interface.labels[:MAX_LABELS]) + (f" and {more} more" if more > 0 else "") or "none"


def _answer(interface: Interface, scale: int | None) -> Labels | Values:
    if interface.task == "classification":
        return msgspec.convert({"kind": "labels", "labels": interface.labels}, Labels)
    assert scale is not None, "values have a scale"
    return Values(scale)


def _node(member: Member) -> Node:
    assert member.node is not None, "who accepts brings a node"
    return member.node


def _version(member: Member) -> ModelVersion:
    assert member.version is not None, "who accepts brings a model"
    return member.version
