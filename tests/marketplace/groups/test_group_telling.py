"""Members' nodes are told of their group until they take part, and of another model until they answer with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from assay import joining
from assay.errors import Refused
from marketplace.accounts.audit import Action
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue import peers
from marketplace.catalogue.actions import register_node
from marketplace.catalogue.models import Node
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
    telling.adopt(made.pk)  # carried out twice it is told once
    assert len(machines[1].adopted) == 1


def test_what_the_node_refuses_is_on_record_and_the_old_model_answers_on(machines, owners, serving, better):
    machines[1].refuses = "Adopt"
    made = actions.swap(owners[1].actor, owners[1].seat(serving), better)
    outbox.carry_out()
    made.refresh_from_db()
    assert (made.state, serving.members.get(position=1).version) == (Swap.State.FAILED, owners[1].version)
    assert "will not" in made.detail


def later(swap: Swap, **past: float) -> None:
    """So much time has passed since the change was asked for, and the node."""
    ago = timezone.now() - timedelta(**past)
    Swap.objects.filter(pk=swap.pk).update(created=ago, last_told=ago)


def test_a_node_that_cannot_be_reached_is_tried_again_until_it_can(machines, owners, serving, better):
    where = machines[1].address
    Node.objects.filter(pk=owners[1].node.pk).update(address="127.0.0.1:9")
    made = actions.swap(owners[1].actor, owners[1].seat(serving), better)
    give_up()
    made.refresh_from_db()
    assert (made.state, made.detail[:13]) == (Swap.State.WAITING, "Trying again:")
    assert not Outbox.objects.filter(kind="groups.adopt", done__isnull=True).exists()
    Node.objects.filter(pk=owners[1].node.pk).update(address=where)
    later(made, minutes=11)
    tasks.tell_again()
    outbox.carry_out()
    made.refresh_from_db()
    assert made.state == Swap.State.ADOPTED


@pytest.fixture
def awaiting(machines, owners, serving, better):
    """A change that waits for the word of Bela, who owns the node."""
    machines[1].refuses, machines[1].code = "Adopt", "owner-must-adopt"
    made = actions.swap(owners[1].actor, owners[1].seat(serving), better)
    outbox.carry_out()
    made.refresh_from_db()
    return made


def test_a_change_waits_for_the_word_of_the_nodes_owner(machines, owners, serving, better, awaiting):
    commitment = bytes(better.version.commitment).hex()
    assert (awaiting.state, awaiting.awaits_owner) == (Swap.State.WAITING, True)
    assert awaiting.detail.endswith(f"assay-node adopt {serving.slug} {commitment}")
    assert machines[1].asked.count("Adopt") == 1  # refused for good: not tried again at once
    assert not Outbox.objects.filter(done__isnull=True).exists()
    machines[1].refuses = ""  # the owner has run it
    later(awaiting, minutes=11)
    assert telling.tell_again() == 1
    outbox.carry_out()
    awaiting.refresh_from_db()
    assert (awaiting.state, awaiting.awaits_owner, awaiting.detail) == (Swap.State.ADOPTED, False, "")
    assert serving.members.get(position=1).version == better.version


def test_a_node_is_asked_again_after_a_while_by_one_errand_at_a_time(machines, awaiting):
    assert telling.tell_again() == 0  # it has just been asked
    later(awaiting, minutes=11)
    assert (telling.tell_again(), telling.tell_again()) == (1, 0)
    outbox.carry_out()
    assert (machines[1].asked.count("Adopt"), telling.tell_again()) == (2, 0)


def test_a_change_that_nobody_allows_ends_after_seven_days_and_says_why(owners, serving, better, awaiting):
    later(awaiting, days=6, hours=23)
    telling.tell_again()
    awaiting.refresh_from_db()
    assert awaiting.state == Swap.State.WAITING
    later(awaiting, days=7, seconds=1)
    assert telling.tell_again() == 0
    awaiting.refresh_from_db()
    assert (awaiting.state, awaiting.awaits_owner) == (Swap.State.EXPIRED, False)
    assert awaiting.detail == "In 7 days its owner has not allowed it"
    assert serving.members.get(position=1).version == owners[1].version
    assert actions.swap(owners[1].actor, owners[1].seat(serving), better).state == Swap.State.WAITING


def test_a_change_that_waits_can_be_withdrawn_and_another_asked_for(machines, owners, serving, better, awaiting):
    bela = owners[1]
    kept = actions.keep(bela.actor, bela.seat(serving))
    assert (kept.pk, kept.state, kept.detail) == (awaiting.pk, Swap.State.WITHDRAWN, "")
    later(awaiting, minutes=11)
    assert telling.tell_again() == 0
    with pytest.raises(Conflict):
        actions.keep(bela.actor, bela.seat(serving))
    assert AuditEntry.objects.filter(organisation=bela.person.organisation, action=Action.GROUP_KEPT).count() == 1
    catalogue.undeploy(bela.actor, better)  # nothing counts on it any more
    assert serving.members.get(position=1).version == bela.version


def test_what_the_node_did_has_happened_though_the_change_was_withdrawn_meanwhile(
    owners, serving, better, monkeypatch
):
    bela = owners[1]
    made = actions.swap(bela.actor, bela.seat(serving), better)
    monkeypatch.setattr(telling, "_tell", lambda *_: actions.keep(bela.actor, bela.seat(serving)))
    outbox.carry_out()
    made.refresh_from_db()
    assert (made.state, serving.members.get(position=1).version) == (Swap.State.ADOPTED, better.version)


def test_a_group_that_is_withdrawn_takes_its_changes_along(owners, serving, awaiting):
    actions.withdraw(owners[0].actor, serving)
    awaiting.refresh_from_db()
    assert (awaiting.state, telling.tell_again()) == (Swap.State.WITHDRAWN, 0)


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
