"""Members' nodes say whom they reach and what they answer with; their owners see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from marketplace.catalogue.health import check_nodes
from marketplace.groups import actions, telling
from marketplace.groups.models import Swap
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from tests.marketplace.groups import founded
from wire.messages import InGroup

pytestmark = pytest.mark.django_db


def word(group, owner, *, reached: int, model: bytes | None = None) -> InGroup:
    return InGroup(
        group=bytes(group.epochs.get().digest),
        epoch=0,
        number=7,
        model=model or bytes(owner.version.commitment),
        reached=reached,
    )


def heard(group) -> list[int | None]:
    return list(group.members.order_by("position").values_list("reached", flat=True))


def test_how_many_members_a_node_reaches_is_its_own_word_as_long_as_it_answers(machines, owners, serving):
    for machine, owner, reached in zip(machines, owners, (4, 3, 0, 2**31), strict=True):
        machine.within = (word(serving, owner, reached=reached),)
    check_nodes()
    assert heard(serving) == [4, 3, 0, 4]  # no more than there are
    machines[1].within = ()
    owners[2].node.address = "127.0.0.1:9"
    owners[2].node.save()
    check_nodes()
    assert heard(serving) == [4, None, None, 4]


def test_what_a_node_says_of_groups_it_is_no_member_of_changes_nothing(machines, owners, serving):
    machines[0].within = (InGroup(group=bytes(32), epoch=0, number=0, model=bytes(32), reached=3),)
    check_nodes()
    assert heard(serving) == [None] * 4


def test_a_change_that_its_owner_made_is_on_record_as_soon_as_the_node_says_so(machines, owners, serving):
    bela, machine = owners[1], machines[1]
    better = founded.deployed(bela.person, bela.node, b"\x70" * 32)
    machine.states = {bytes(each.commitment): "serving" for each in (bela.version, better.version)}
    machine.refuses, machine.code = "Adopt", "owner-must-adopt"
    made = actions.swap(bela.actor, bela.seat(serving), better)
    outbox.carry_out()
    machine.within = (word(serving, bela, reached=4),)
    check_nodes()
    assert not Outbox.objects.filter(done__isnull=True).exists()
    machine.refuses = ""  # it is allowed, and has happened
    machine.within = (word(serving, bela, reached=4, model=bytes(better.version.commitment)),)
    check_nodes()
    check_nodes()
    assert Outbox.objects.filter(done__isnull=True).count() == 1  # one errand at a time
    outbox.carry_out()
    made.refresh_from_db()
    assert made.state == Swap.State.ADOPTED


# --- withdrawn --------------------------------------------------------------------------------------------


def test_every_members_node_is_told_that_its_group_was_withdrawn(machines, owners, serving):
    genesis = bytes(serving.epochs.get().digest)
    actions.withdraw(owners[0].actor, serving)
    actions.withdraw(owners[0].actor, serving)
    outbox.carry_out()
    assert [machine.dissolved for machine in machines] == [[genesis]] * 4
    assert telling.tell_again() == 0


def test_a_node_that_was_away_is_told_once_it_is_back(machines, owners, serving):
    machines[3].refuses = "Dissolve"
    actions.withdraw(owners[0].actor, serving)
    for _ in range(outbox.MAX_ATTEMPTS):
        Outbox.objects.filter(done__isnull=True).update(due=timezone.now() - timedelta(seconds=1))
        outbox.carry_out()
    assert (machines[3].dissolved, telling.tell_again()) == ([], 0)
    machines[3].refuses, machines[3].within = "", (word(serving, owners[3], reached=1),)
    check_nodes()
    check_nodes()
    outbox.carry_out()
    assert len(machines[3].dissolved) == 1
    machines[3].within = ()
    check_nodes()
    assert outbox.carry_out() == 0


def test_a_group_that_nobody_has_been_told_of_is_withdrawn_in_silence(machines, owners, signing):
    actions.withdraw(owners[0].actor, signing)
    assert outbox.carry_out() == 0


def test_nobody_is_told_to_leave_a_group_that_stands(machines, owners, serving):
    telling.withdrawn(serving.members.all())
    outbox.carry_out()
    assert not any(machine.dissolved for machine in machines)
