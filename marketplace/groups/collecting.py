"""Taking in what members' nodes have caught other members in: a node calls nobody, so it is asked.

A node says of which groups it has evidence to hand in; an errand fetches it piece by piece, hands each in like
anybody's, and tells the node what became of it. Whatever it says, it stands or falls by itself; how much of it is
looked at is bounded. What is interrupted is asked for again, and known by then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from assay.digest import sha256
from assay.errors import AssayError, Refused
from marketplace.catalogue.models import Node
from marketplace.groups import evidence, telling
from marketplace.groups.models import Group, GroupEpoch, Member
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from wire.failures import printable
from wire.messages import Disclose, Disclosed

KIND = "groups.collect"
AT_ONCE = 16  # pieces of one node; the rest is fetched next time
PAUSE = timedelta(minutes=5)  # between two errands to one node about one group
ANSWERING = 10.0  # seconds
MAX_VERDICT = 200  # characters
UNKNOWN_EPOCH = "unknown-epoch"  # the code with which evidence is put off


def note(node: Node, caught: Collection[bytes]) -> None:
    """Sends for what a node says that it has, of the groups (by their geneses) in which it has a seat."""
    if not caught:
        return
    found = Member.objects.filter(node=node, group__epochs__number=0, group__epochs__digest__in=caught)
    waiting = Outbox.objects.filter(kind=KIND, created__gt=timezone.now() - PAUSE)
    lately = set(waiting.values_list("payload__member", flat=True))
    for member in found.order_by("pk").values_list("pk", flat=True):
        if member not in lately:
            with transaction.atomic():
                outbox.add(KIND, member=member)


def collect(member: int) -> None:
    """Fetches and hands in what a member's node has. Raises AssayError where the node cannot be asked."""
    seat = Member.objects.select_related("group", "node").filter(pk=member).first()
    if seat is None or seat.node is None:
        return
    genesis = bytes(GroupEpoch.objects.get(group=seat.group, number=0).digest)
    document = _ask(seat.node, Disclose(id=0, group=genesis))
    for _ in range(AT_ONCE):
        if not document:
            return
        verdict = _handed_in(seat.group, document)
        if verdict is None:
            return
        settled = sha256(document)
        document = _ask(seat.node, Disclose(id=0, group=genesis, settled=settled, verdict=verdict))


def _ask(node: Node, message: Disclose) -> bytes:
    answer = telling.ask(node, message, ANSWERING)
    if not isinstance(answer, Disclosed):
        raise Refused("answer of another kind", expected="Disclosed", got=type(answer).__name__)
    return answer.document


def _handed_in(group: Group, document: bytes) -> str | None:
    """Why it is refused for good; nothing if it was taken, None if it has to wait for its epoch to begin here."""
    try:
        evidence.submit(None, group, document)
    except AssayError as error:
        if error.code == UNKNOWN_EPOCH:
            return None
        return printable(f"{error.code}: {error.detail}")[:MAX_VERDICT]
    return ""
