"""What members' nodes say of their groups when asked how they are: whom they reach, with which model, which epoch.

It is the node's own word on itself, shown to its owner; nothing is decided by it but what the node is told next.
"""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.catalogue.models import Node
from marketplace.groups import ordering, telling
from marketplace.groups.models import Group, Member, Swap
from wire.messages import InGroup


def note(node: Node, groups: Iterable[InGroup]) -> None:
    """Called with none where the node did not answer: whom it reaches is not known then."""
    said = {each.group: each for each in groups}
    seats = telling.seated(Member.objects.filter(node=node, group__epochs__number=0))
    fields = ("pk", "group__epochs__digest", "reached", "group__size", "group__epoch")
    for seat, genesis, reached, size, epoch in seats.values_list(*fields):
        word = said.get(bytes(genesis))
        now = None if word is None else max(0, min(word.reached, size))
        if now != reached:
            Member.objects.filter(pk=seat).update(reached=now)
        if word is not None:
            telling.adopted(Swap.objects.filter(member=seat, after__commitment=word.model))
            if word.epoch > epoch:
                ordering.begun(seat)
    stale = Member.objects.filter(node=node, group__epochs__digest__in=list(said), group__state__in=telling.TOLD)
    telling.parted(stale)
    telling.withdrawn(
        Member.objects.filter(node=node, group__state=Group.State.WITHDRAWN, group__epochs__digest__in=list(said))
    )
