"""Having a group go on to its next epoch, and following it there.

Once all who must have signed, each present member's node is handed the successor (Reform) and asked which epochs
there are (Follow) until the new one is among them: an errand of the outbox for each, any one of which is enough.
The group orders it by itself; what a node tells of it is believed for the signatures in it (`following`). So an
epoch is found in whatever way it came about, also when all of these were killed: a node says in which epoch it is
whenever it is asked how it is (`heard`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from marketplace.catalogue.background import told_by
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Node
from marketplace.catalogue.peers import connected
from marketplace.groups import following, succession, telling
from marketplace.groups.models import Group, Member, Proposal
from wire.deadline import in_seconds, left
from wire.messages import Done, Epochs, Follow, Reform

ORDERING = 10.0  # seconds for a group to order its next epoch before the node is asked another time
TALKING = 20.0  # seconds for a node to answer
LOOK = 0.1  # seconds between looks whether it has
ASKING_AGAIN = timedelta(minutes=1)  # before nodes that were handed it are once more

State = Proposal.State


def begin(proposal: Proposal) -> None:
    """To be called in the transaction in which all have signed, of a group that is held."""
    telling.send("groups.reform", "member", _present(proposal.group))
    Proposal.objects.filter(pk=proposal.pk).update(last_told=timezone.now())


def begun(member: int) -> None:
    """A member's node says that it is in an epoch that is not known here: it is asked about it."""
    telling.send("groups.follow", "member", [member])


def reform(member: int) -> None:
    """Hands a member's node what its group is to order, and returns once the new epoch is known here.

    What the node refuses is written down for the owners to see. Raises AssayError, OSError for what may pass.
    """
    seat = Member.objects.select_related("group", "node", "organisation").filter(pk=member).first()
    if seat is None or seat.node is None or seat.state != Member.State.ACCEPTED:
        return
    proposal = seat.group.proposals.filter(state=State.ORDERING).first()
    if proposal is None:
        return
    chain = succession.chain(seat.group)
    successor = succession.successor(proposal, chain[-1].configuration)
    handed = Reform(id=0, group=chain[0].configuration.digest, successor=successor)
    try:
        found = _epochs(seat.node, handed.group, len(chain), handed)
    except (Unavailable, DeadlineExceeded, OSError):
        raise
    except AssayError as error:
        follow(member)  # it may be further already
        said = f"The node of {seat.organisation.slug} refuses it: {error}"
        Proposal.objects.filter(pk=proposal.pk, state=State.ORDERING).update(detail=said[:300])
        return
    following.install(seat.group, found)


def follow(member: int) -> None:
    """Asks a member's node for the epochs that are not known here. Raises AssayError, OSError."""
    seat = Member.objects.select_related("group", "node").filter(pk=member).first()
    if seat is None or seat.node is None or seat.group.state not in telling.TOLD:
        return
    known = telling.documents(seat.group)
    genesis = bytes(seat.group.epochs.get(number=0).digest)
    if found := _epochs(seat.node, genesis, len(known), None):
        following.install(seat.group, found)


def tell_again() -> int:
    """Has proposals that all have signed handed over once more, as long as they are not in force; how many.

    Those that have waited for too long end.
    """
    now = timezone.now()
    for each in Proposal.objects.filter(state__in=Proposal.OPEN, created__lt=now - Proposal.WAITS):
        _expire(each)
    again = Proposal.objects.filter(state=State.ORDERING, group__state=Group.State.SERVING)
    again = again.filter(Q(last_told__isnull=True) | Q(last_told__lt=now - ASKING_AGAIN))
    for each in again.select_related("group"):
        begin(each)
    return len(again)


def _present(group: Group) -> list[int]:
    return list(telling.seated(group.members.all()).values_list("pk", flat=True))


@transaction.atomic
def _expire(proposal: Proposal) -> None:
    group = held(proposal.group)
    proposal = held(proposal)
    if proposal.state in Proposal.OPEN:
        what = {State.INVITING: "not all who were asked have come", State.SIGNING: "not all have signed"}
        why = what.get(State(proposal.state), "the group has not ordered it")
        succession.end(group, proposal, State.EXPIRED, f"In {Proposal.WAITS.days} days {why}")


def _epochs(node: Node, genesis: bytes, since: int, first: Reform | None) -> tuple[bytes, ...]:
    """What the node knows from epoch `since` on; where it is handed something `first`, once there is anything."""

    async def work(tell: Callable[[tuple[bytes, ...]], None]) -> None:
        async with connected(node) as peer:
            if first is not None and not isinstance(await peer.request(first, in_seconds(TALKING)), Done):
                raise Refused("answer of another kind", expected="Done")
            until = in_seconds(ORDERING)
            while True:
                answer = await peer.request(Follow(id=0, group=genesis, since=since), in_seconds(TALKING))
                if not isinstance(answer, Epochs):
                    raise Refused("answer of another kind", expected="Epochs", got=type(answer).__name__)
                if answer.epochs or first is None:
                    tell(answer.epochs)
                    return
                if left(until) <= 0:
                    raise Unavailable("the group has not ordered its next epoch yet", code="not-ordered")
                await asyncio.sleep(LOOK)

    (found,) = told_by(work)
    return found
