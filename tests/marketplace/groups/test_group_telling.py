"""Members' nodes are told of their group until they take part, and of another model until they answer with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from assay import joining
from assay.errors import Refused
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue import peers
from marketplace.catalogue.actions import register_node
from marketplace.errors import Conflict
from marketplace.groups import actions, tasks, telling
from marketplace.groups.models import Group, Swap
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from tests.marketplace.catalogue.wired import wired
from tests.marketplace.groups import founded

pytestmark = pytest.mark.django_db
State = Group.State


def due_again() -> None:
    """What failed is due now: its pause is over."""
    Outbox.objects.filter(done__isnull=True).update(due=timezone.now() - timedelta(seconds=1))


def give_up() -> None:
    """Every open errand fails as often as it may."""
    for _ in range(outbox.MAX_ATTEMPTS):
        due_again()
        outbox.carry_out()


# --- forming ----------------------------------------------------------------------------------------------


def test_every_members_node_is_told_and_the_group_serves(machines, owners, forming):
    outbox.carry_out()
    forming.refresh_from_db()
    genesis = bytes(forming.epochs.get().digest)
    assert forming.state == State.SERVING
    assert not forming.members.filter(formed__isnull=True).exists()
    for machine in machines:
        assert list(machine.groups) == [genesis]
        assert [each.owner for each in machine.groups[genesis].configuration.members] == [o.slug for o in owners]


def test_a_quorum_is_enough_and_the_rest_is_told_later(machines, owners, forming):
    machines[3].refuses = "Form"
    give_up()
    forming.refresh_from_db()
    silent = forming.members.get(position=3)
    assert (forming.state, silent.formed) == (State.SERVING, None)
    assert "will not" in silent.detail
    machines[3].refuses = ""
    tasks.tell_again()
    assert telling.tell_again() == 0  # somebody is telling already
    due_again()
    outbox.carry_out()
    silent.refresh_from_db()
    assert silent.formed is not None
    assert silent.detail == ""
    assert telling.tell_again() == 0


def test_less_than_a_quorum_does_not_serve(machines, forming):
    for machine in machines[:2]:
        machine.refuses = "Form"
    give_up()
    forming.refresh_from_db()
    assert forming.state == State.FORMING


def test_a_group_that_was_withdrawn_is_told_to_nobody(machines, owners, forming):
    actions.withdraw(owners[0].actor, forming)
    outbox.carry_out()
    assert not any(machine.groups for machine in machines)
    assert telling.tell_again() == 0


# --- moving -----------------------------------------------------------------------------------------------


def registered(owner, address):
    """The owner's node, registered with its key again."""
    proof = joining.prove(owner.key, owner.slug)
    return register_node(owner.actor, owner.node.name, str(owner.key.public), address, proof)


def test_when_a_members_node_moves_all_members_are_told_where_it_is(machines, owners, forming):
    outbox.carry_out()
    genesis = bytes(forming.epochs.get().digest)
    before = tuple(machine.address for machine in machines)
    assert all(machine.members[genesis] == before for machine in machines)
    with wired(owners[2].key, peers.identity().public) as elsewhere:
        registered(owners[2], elsewhere.address)
        outbox.carry_out()
        now = (*before[:2], elsewhere.address, before[3])
        told = [machines[i].members[genesis] for i in (0, 1, 3)]
        assert [*told, elsewhere.members[genesis]] == [now] * 4
        asked = [len(machine.asked) for machine in machines]
        registered(owners[2], elsewhere.address)
        outbox.carry_out()
        assert (asked, telling.tell_again()) == ([len(machine.asked) for machine in machines], 0)


def test_who_could_not_be_told_of_a_move_is_told_by_the_sweep(machines, owners, forming):
    outbox.carry_out()
    genesis = bytes(forming.epochs.get().digest)
    machines[0].refuses = "Form"
    with wired(owners[2].key, peers.identity().public) as elsewhere:
        registered(owners[2], elsewhere.address)
        give_up()
        assert machines[0].members[genesis][2] != elsewhere.address
        machines[0].refuses = ""
        assert telling.tell_again() == 1
        outbox.carry_out()
        assert machines[0].members[genesis][2] == elsewhere.address
        assert telling.tell_again() == 0


# --- another model ----------------------------------------------------------------------------------------


@pytest.fixture
def better(owners):
    return founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)


def test_a_member_changes_its_model_once_its_node_has_the_groups_word(machines, owners, serving, better):
    made = actions.swap(owners[1].actor, owners[1].seat(serving), better)
    assert serving.members.get(position=1).version == owners[1].version
    for each in (owners[1].deployment, better):
        with pytest.raises(Conflict):
            catalogue.undeploy(owners[1].actor, each)
    outbox.carry_out()
    made.refresh_from_db()
    assert (made.state, serving.members.get(position=1).version) == (Swap.State.ADOPTED, better.version)
    assert machines[1].adopted == [(bytes(serving.epochs.get().digest), bytes(better.version.commitment))]
    telling.adopt(made.pk, last=False)  # carried out twice it is told once
    assert len(machines[1].adopted) == 1


def test_what_the_node_refuses_is_on_record_and_the_old_model_answers_on(machines, owners, serving, better):
    machines[1].refuses = "Adopt"
    made = actions.swap(owners[1].actor, owners[1].seat(serving), better)
    outbox.carry_out()
    made.refresh_from_db()
    assert (made.state, serving.members.get(position=1).version) == (Swap.State.FAILED, owners[1].version)
    assert "will not" in made.detail


def test_a_node_that_cannot_be_reached_is_tried_again_and_given_up(owners, serving, better, marketplace_key):
    owners[1].node.address = "127.0.0.1:9"
    owners[1].node.save()
    made = actions.swap(owners[1].actor, owners[1].seat(serving), better)
    outbox.carry_out()
    made.refresh_from_db()
    assert (made.state, made.detail[:13]) == (Swap.State.WAITING, "Trying again:")
    give_up()
    made.refresh_from_db()
    assert made.state == Swap.State.FAILED


def test_one_change_at_a_time_to_a_model_that_fits_and_is_on_the_members_node(cast, owners, serving, better):
    bela = owners[1]
    for same in (bela.deployment,):
        with pytest.raises(Conflict) as caught:
            actions.swap(bela.actor, bela.seat(serving), same)
        assert caught.value.code == "same-model"
    misfit = founded.deployed(
        bela.person,
        bela.node,
        b"\x71" * 32,
        founded.other(founded.answering.INTERFACE, labels=("a", "b")),
        "misfit",
    )
    with pytest.raises(Refused) as refused:
        actions.swap(bela.actor, bela.seat(serving), misfit)
    assert refused.value.code == "wrong-interface"
    better.state = "stopped"
    better.save()
    with pytest.raises(Conflict) as caught:
        actions.swap(bela.actor, bela.seat(serving), better)
    assert caught.value.code == "not-serving"
    better.state = "serving"
    better.save()
    actions.swap(bela.actor, bela.seat(serving), better)
    with pytest.raises(Conflict) as caught:
        actions.swap(bela.actor, bela.seat(serving), better)
    assert caught.value.code == "swap-under-way"


def test_a_group_that_does_not_serve_changes_nothing(owners, forming, better):
    with pytest.raises(Conflict) as caught:
        actions.swap(owners[1].actor, owners[1].seat(forming), better)
    assert caught.value.code == "group-not-serving"
