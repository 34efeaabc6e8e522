"""Asks every node, every few seconds, whether it serves and what; what it says is written down for all to see.

Many nodes are asked at once, none for long. A node's word on a model it lost or could not load makes a
deployment that was serving a failed one; when it serves it again, so it says, the deployment recovers.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db.models import Q
from django.utils import timezone

from assay.errors import AssayError
from marketplace.catalogue.background import told_by
from marketplace.catalogue.models import Deployment, Node
from marketplace.catalogue.peers import connected
from marketplace.groups import alerts, collecting, dissent, heard
from wire.deadline import in_seconds
from wire.messages import InGroup, Served

PATIENCE = 3.0  # seconds for a node to connect and to answer both questions
AT_ONCE = 32  # nodes

State = Deployment.State
LOST = "the node no longer serves it"


@dataclass(frozen=True)
class Seen:
    """What became of asking one node."""

    node: Node
    asked: dt.datetime  # what was written down later is newer than the answer
    answered: bool
    serving: bool
    detail: str
    models: dict[bytes, Served] = field(default_factory=dict)  # by commitment
    groups: tuple[InGroup, ...] = ()
    caught: tuple[bytes, ...] = ()  # groups of which it has evidence, by their geneses


def check_nodes() -> int:
    """Asks all nodes that are not retired, and writes down what is new; how many were asked.

    Groups that are short of members then are found, too, and members that lately dissent.
    """
    nodes = list(Node.objects.filter(retired__isnull=True).order_by("pk"))
    for seen in told_by(partial(_ask_all, nodes)):
        _record(seen)
        if seen.answered:
            _reconcile(seen)
        heard.note(seen.node, seen.groups)
        collecting.note(seen.node, seen.caught)
    alerts.check()
    dissent.check()
    return len(nodes)


# --- in the event loop ------------------------------------------------------------------------------------


async def _ask_all(nodes: Sequence[Node], tell: Callable[[Seen], None]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(node: Node) -> None:
        async with places:
            tell(await _look(node))

    await asyncio.gather(*map(ask, nodes))


async def _look(node: Node) -> Seen:
    asked = timezone.now()
    try:
        async with asyncio.timeout(PATIENCE), connected(node) as peer:
            healthy = await peer.health(in_seconds(PATIENCE))
            capable = await peer.capabilities(in_seconds(PATIENCE))
    except (AssayError, OSError, TimeoutError) as error:
        return Seen(node, asked, answered=False, serving=False, detail=str(error) or "no answer in time")
    detail = healthy.detail or ("draining" if capable.draining else "")
    return Seen(
        node,
        asked,
        answered=True,
        serving=healthy.serving and not capable.draining,
        detail=detail,
        models={model.commitment: model for model in capable.models},
        groups=capable.groups,
        caught=capable.caught,
    )


# --- in the task's thread ---------------------------------------------------------------------------------


def _record(seen: Seen) -> None:
    fields = {"serving": seen.serving, "detail": seen.detail[:300]}
    if seen.answered:
        fields["seen"] = timezone.now()
    Node.objects.filter(pk=seen.node.pk, retired__isnull=True, address=seen.node.address).update(**fields)


def _reconcile(seen: Seen) -> None:
    deployments = Deployment.objects.filter(
        Q(state=State.SERVING) | Q(state=State.FAILED, acknowledged__isnull=False),
        node=seen.node,
        updated__lt=seen.asked,
    )
    for each in deployments.select_related("version"):
        model = seen.models.get(bytes(each.version.commitment or b""))
        if model is not None and model.state == "loading":
            continue  # a node that has just started, or whose Triton has: it will tell
        serves = model is not None and model.state == "serving"
        if serves == (each.state == State.SERVING):
            continue
        reason = (model.detail if model else "") or LOST
        Deployment.objects.filter(pk=each.pk, attempt=each.attempt, state=each.state).update(
            state=State.SERVING if serves else State.FAILED,
            detail="" if serves else reason[:300],
            updated=timezone.now(),
        )
