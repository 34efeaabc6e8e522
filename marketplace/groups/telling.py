"""Telling members' nodes: in which epoch their group is and where its members are now (Form), with which model to
answer from now on (Adopt), and that the group was withdrawn (Dissolve). Who has left is told of the epoch since.

Errands of the outbox, carried out at least once; a node answers either as often as it is told. Who could not be
told, however often it was tried, is tried again by a sweep (`tell_again`): a group waits for its members' nodes,
a node that has moved is looked for where it was, and a change of model waits for the owner's word on the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from marketplace.accounts import audit
from marketplace.accounts.audit import Action
from marketplace.catalogue.background import told_by
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Node
from marketplace.catalogue.peers import connected
from marketplace.groups.models import Group, GroupEpoch, Member, Swap
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from wire.deadline import in_seconds
from wire.messages import Adopt, Answer, Dissolve, Done, Form, Request

FORMING = 30.0  # seconds for a node to take part
LEAVING = 30.0  # seconds for a node to end its part
ADOPTING = 60.0  # seconds for a group to order a change of model
ASKING_AGAIN = timedelta(minutes=10)  # before a node is asked once more to change; mostly it is heard of at once

NOT_A_MEMBER = "not-a-member"  # the code with which a node says that its key is none of the members'
OWNER_MUST_ADOPT = "owner-must-adopt"  # the code with which a node says so

State = Group.State
TOLD = (State.FORMING, State.SERVING)


def form(member: int) -> None:
    """Tells a member's node in which epoch its group is and where all are, unless it has said that it knows.

    Raises AssayError.
    """
    seat = Member.objects.select_related("group", "node").filter(pk=member).first()
    if seat is None or seat.node is None or seat.group.state not in TOLD:
        return
    if seat.state == Member.State.LEFT:
        _part(seat)
        return
    where = list(seated(seat.group.members.all()).values_list("node__address", flat=True))
    knows = seat.told == where and seat.told_epoch == seat.group.epoch
    if seat.state != Member.State.ACCEPTED or (seat.formed is not None and knows):
        return
    epochs = documents(seat.group)
    try:
        _tell(seat.node, Form(id=0, epochs=epochs, addresses=tuple(where)), FORMING)
    except (AssayError, OSError) as error:
        Member.objects.filter(pk=seat.pk).update(detail=str(error)[:300])
        raise
    _note_formed(seat, where, len(epochs) - 1)


def _part(seat: Member) -> None:
    """Tells the node of who has left which epoch began without it. Raises AssayError, OSError."""
    if seat.node is None or seat.told_epoch >= seat.epoch:
        return
    epochs = documents(seat.group)
    try:
        _tell(seat.node, Form(id=0, epochs=epochs), FORMING)
    except AssayError as error:
        if error.code != NOT_A_MEMBER:  # it knows already
            raise
    Member.objects.filter(pk=seat.pk, state=Member.State.LEFT).update(told_epoch=len(epochs) - 1)


def documents(group: Group) -> tuple[bytes, ...]:
    """The group's epochs as they are told, genesis first."""
    stood = group.epochs.filter(document__isnull=False).order_by("number")
    return tuple(bytes(document) for document in stood.values_list("document", flat=True) if document is not None)


def moved(node: Node) -> None:
    """To be called in the transaction in which a node's address changes: its fellow members are told of it."""
    for member in seated(Member.objects.filter(group__members__node=node)).values_list("pk", flat=True):
        outbox.add("groups.form", member=member)


def seated(members: QuerySet[Member]) -> QuerySet[Member]:
    """Those of groups that stand, in their order."""
    found = members.filter(group__state__in=TOLD, state=Member.State.ACCEPTED)
    return found.order_by("group_id", "position")


def dissolve(member: int) -> None:
    """Tells a member's node that its group was withdrawn. Raises AssayError, OSError."""
    seat = Member.objects.select_related("group", "node").filter(pk=member).first()
    if seat is None or seat.node is None or seat.group.state != State.WITHDRAWN:
        return
    _tell(seat.node, Dissolve(id=0, group=bytes(_genesis(seat.group).digest)), LEAVING)


def withdrawn(members: QuerySet[Member]) -> None:
    """These are told. Who cannot be reached is told once it says that it still takes part (`groups.heard`)."""
    send("groups.dissolve", "member", members.order_by("pk").values_list("pk", flat=True))


def adopt(swap: int) -> None:
    """Tells a member's node to answer with another model; once it does, the change is on record.

    A node refuses as long as its owner has not allowed the change; the change waits for that, and the sweep asks
    again. Raises Unavailable, DeadlineExceeded or OSError for what may pass.
    """
    found = Swap.objects.select_related("member__group", "member__node", "after").filter(pk=swap)
    made = found.filter(state=Swap.State.WAITING).first()
    if made is None or made.member.node is None:
        return
    group = bytes(_genesis(made.member.group).digest)
    found.update(last_told=timezone.now())
    try:
        _tell(made.member.node, Adopt(id=0, group=group, commitment=bytes(made.after.commitment or b"")), ADOPTING)
    except (Unavailable, DeadlineExceeded, OSError) as error:
        found.filter(state=Swap.State.WAITING).update(detail=f"Trying again: {error}"[:300])
        raise
    except AssayError as error:
        if error.code != OWNER_MUST_ADOPT:
            _end_swap(made, Swap.State.FAILED, str(error))
            return
        said = f"Its owner has to allow it on the node's machine: {made.command}"
        found.filter(state=Swap.State.WAITING).update(detail=said[:300], awaits_owner=True)
    else:
        _end_swap(made, Swap.State.ADOPTED, "")


def tell_again() -> int:
    """Sends for the members of whom it is not known that they take part, that they know where the others are, or
    that they answer with the model which they are to change to, and whom nobody is telling; how many.

    Changes that have waited for too long end.
    """
    _expire()
    now = timezone.now()
    waiting = (
        Swap.objects.filter(state=Swap.State.WAITING).exclude(last_told__gt=now - ASKING_AGAIN).order_by("pk")
    )
    return send("groups.form", "member", _untold()) + send(
        "groups.adopt", "swap", waiting.values_list("pk", flat=True)
    )


def parted(members: QuerySet[Member]) -> None:
    """These have left, and their nodes say that they still take part: they are told."""
    send("groups.form", "member", members.filter(state=Member.State.LEFT).values_list("pk", flat=True))


def adopted(swaps: QuerySet[Swap]) -> None:
    """These have happened, as the nodes say by themselves: they are asked, so that it is on record."""
    send("groups.adopt", "swap", swaps.filter(state=Swap.State.WAITING).values_list("pk", flat=True))


def send(kind: str, whose: str, untold: Iterable[int]) -> int:
    """An errand for each for whom none is under way; how many."""
    under_way = Outbox.objects.filter(kind=kind, done__isnull=True)
    told = set(under_way.values_list(f"payload__{whose}", flat=True))
    again = [pk for pk in untold if pk not in told]
    for each in again:
        with transaction.atomic():
            outbox.add(kind, **{whose: each})
    return len(again)


def _expire() -> None:
    over = Swap.objects.filter(state=Swap.State.WAITING, created__lt=timezone.now() - Swap.WAITS)
    for made in over.select_related("member__group"):
        why = "its owner has not allowed it" if made.awaits_owner else "its node could not be told"
        _end_swap(made, Swap.State.EXPIRED, f"In {Swap.WAITS.days} days {why}")


def _untold() -> Iterator[int]:
    fields = ("pk", "formed", "told", "told_epoch", "group__epoch", "node__address")
    rows = seated(Member.objects.all()).values_list("group_id", *fields)
    for _, each in groupby(rows, key=itemgetter(0)):
        members = list(each)
        where = [address for *_, address in members]
        for _, pk, formed, told, told_epoch, epoch, _ in members:
            if formed is None or told != where or told_epoch != epoch:
                yield pk


def _genesis(group: Group) -> GroupEpoch:
    return group.epochs.get(number=0)


def _tell(node: Node, message: Request, seconds: float) -> None:
    answer = ask(node, message, seconds)
    if not isinstance(answer, Done):
        raise Refused("answer of another kind", expected="Done", got=type(answer).__name__)


def ask(node: Node, message: Request, seconds: float) -> Answer:
    """A node's answer. Raises AssayError, OSError."""

    async def work(tell: Callable[[Answer], None]) -> None:
        async with connected(node) as peer:
            tell(await peer.request(message, in_seconds(seconds)))

    [answer] = told_by(work)
    return answer


@transaction.atomic
def _note_formed(seat: Member, where: list[str], epoch: int) -> None:
    """The group serves once a quorum of its members takes part; which members those are is for all to see."""
    group = held(seat.group, "organisation")
    Member.objects.filter(pk=seat.pk).update(told=where, told_epoch=epoch, detail="")
    Member.objects.filter(pk=seat.pk, formed__isnull=True).update(formed=timezone.now())
    formed = seated(group.members.all()).filter(formed__isnull=False).count()
    if group.state == State.FORMING and formed >= quorum(group.size):
        group.state = State.SERVING
        group.save(update_fields=["state", "updated"])
        audit.record(group.organisation, None, Action.GROUP_SERVES, group)


def quorum(size: int) -> int:
    """2f + 1 of 3f + 1."""
    return 2 * ((size - 1) // 3) + 1


@transaction.atomic
def _end_swap(made: Swap, state: Swap.State, detail: str) -> None:
    """Once: a change that has ended stays as it ended, unless the node did it though nobody waited any more."""
    held(made.member.group)
    open_ = Swap.objects.filter(pk=made.pk).exclude(state=Swap.State.ADOPTED)
    if state != Swap.State.ADOPTED:
        open_ = open_.filter(state=Swap.State.WAITING)
    ended = open_.update(state=state, detail=detail[:300], awaits_owner=False, completed=timezone.now())
    if ended and state == Swap.State.ADOPTED:
        Member.objects.filter(pk=made.member_id).update(version=made.after)
