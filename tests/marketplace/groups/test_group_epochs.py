"""A group's next epoch: handed to nodes, followed, written down once, told to all, whoever is killed meanwhile."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from django.utils import timezone
from msgspec import structs

from assay.agreement.group import Member as Seated
from assay.digest import Tag
from assay.errors import NotVerified, Refused
from assay.keys import PrivateKey
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.health import check_nodes
from marketplace.catalogue.interfaces import reference_of
from marketplace.catalogue.models import Node
from marketplace.errors import Conflict, NotFound
from marketplace.groups import access, actions, following, ordering, standing, succession, tasks, telling
from marketplace.groups.models import Group, GroupEpoch, Member, Proposal
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from tests.lines import at_line
from tests.marketplace import people
from tests.marketplace.catalogue.wired import wired
from tests.marketplace.groups import founded, succeeding
from wire.messages import InGroup

pytestmark = pytest.mark.django_db
ASHA, BELA, SAM, DANA = range(4)


@pytest.fixture
def eve(cast):
    return founded.owner(people.person("eve"), 9)


@pytest.fixture
def replacing(owners, serving, eve):
    """Eve comes in Dana's place; nobody has signed."""
    return succeeding.proposed(serving, owners[ASHA], joining=[eve], leaving=[owners[DANA]])


@pytest.fixture
def agreed(owners, replacing, eve):
    """All have signed but Dana, who goes; no node has been told."""
    return succeeding.signed(replacing, [*owners[:DANA], eve])


@pytest.fixture
def following_epoch(owners, agreed):
    """What the nodes tell once they have ordered it."""
    return succeeding.ordered(agreed, [each.key for each in owners])


def due_again() -> None:
    Outbox.objects.filter(done__isnull=True).update(due=timezone.now() - timedelta(seconds=1))


def seats(group) -> dict[str, tuple[int | None, str, int]]:
    rows = group.members.select_related("organisation")
    return {each.organisation.slug: (each.position, each.state, each.epoch) for each in rows}


REPLACED = {
    "asha": (0, "accepted", 1),
    "bela": (1, "accepted", 1),
    "sam": (2, "accepted", 1),
    "owner3": (None, "left", 1),
    "eve": (3, "accepted", 1),
}


# --- writing it down --------------------------------------------------------------------------------------


def test_with_the_epoch_all_change_places_at_once(owners, serving, agreed, following_epoch):
    for _ in range(2):
        following.install(serving, [following_epoch])
    serving.refresh_from_db()
    agreed.refresh_from_db()
    assert (serving.epoch, serving.size, seats(serving)) == (1, 4, REPLACED)
    assert (agreed.state, agreed.completed is None) == (Proposal.State.IN_FORCE, False)
    newest = serving.epochs.get(number=1)
    assert (bytes(newest.document), newest.hex) == (following_epoch, agreed.hex)
    kinds = ("group.epoch", "group.joined", "group.left")
    said = AuditEntry.objects.filter(action__in=kinds).values_list("organisation__slug", "action")
    stayed = [(each, "group.epoch") for each in ("asha", "bela", "sam")]
    assert sorted(said) == sorted([*stayed, ("eve", "group.joined"), ("owner3", "group.left")])


def test_a_key_that_changed_comes_into_the_next_epoch_and_again_the_one_after(owners, serving):
    keys = [each.key for each in owners]
    bela = owners[BELA]
    for i in range(2):
        bela.key = PrivateKey(bytes([200 + i]) * 32)
        Node.objects.filter(pk=bela.node.pk).update(key=bela.key.public.raw)
        assert not standing.one(serving).seats[BELA].reachable
        succeeding.succeeded(serving, owners[ASHA], owners, keys)
        keys[BELA] = bela.key
        assert standing.one(serving).seats[BELA].reachable
    assert serving.epoch == 2
    assert len(succession.chain(serving)) == 3


def test_who_founded_it_can_be_replaced_and_the_next_in_line_keeps_its_page(owners, serving, eve):
    asha, bela, sam, dana = owners
    keys = [None, bela.key, sam.key, dana.key]
    succeeding.succeeded(serving, bela, [bela, sam, dana, eve], keys, joining=[eve], leaving=[asha])
    assert [each.owner for each in standing.one(serving).seats] == ["bela", "sam", "owner3", "eve"]
    assert serving.organisation == bela.person.organisation
    with pytest.raises(NotFound):
        access.founded(asha.actor, serving.slug)
    assert access.founded(bela.actor, serving.slug) == serving


def test_an_epoch_is_believed_for_its_signatures_alone(owners, serving, agreed):
    keys = [each.key for each in owners]
    for wrong in (keys[:2], [*keys[:2], keys[3]], []):  # too few, another's, nobody's
        with pytest.raises((NotVerified, Refused)):
            following.install(serving, [succeeding.ordered(agreed, wrong)])
    assert seats(serving)["owner3"] == (DANA, "accepted", 0)
    assert not GroupEpoch.objects.filter(number=1).exists()


def test_what_was_withdrawn_and_ordered_all_the_same_is_in_force(owners, serving, agreed, following_epoch):
    actions.withdraw_proposal(owners[ASHA].actor, agreed)
    assert seats(serving)["eve"][1] == "declined"
    other = succeeding.proposed(serving, owners[BELA], grace=700)
    following.install(serving, [following_epoch])
    agreed.refresh_from_db()
    other.refresh_from_db()
    assert (seats(serving), agreed.state, other.state) == (REPLACED, "in-force", "overtaken")


def test_an_epoch_that_nobody_proposed_here_is_followed(owners, serving, eve):
    chain = succession.chain(serving)
    before = chain[0].configuration
    hers = Seated("eve", eve.key.public.raw, eve.node.address, reference_of(eve.version))
    members = (*before.members[:DANA], hers)
    after = structs.replace(before, epoch=1, previous=before.digest, members=members)
    consents = [each.key.sign(Tag.GROUP, after.digest) for each in (*owners[:DANA], eve)]
    following.install(serving, [succeeding.approved(chain, after, consents, [each.key for each in owners], 7)])
    assert seats(serving) == REPLACED


def test_an_epoch_with_a_member_that_is_not_known_here_is_not_followed(owners, serving, agreed, eve):
    document = succeeding.ordered(agreed, [each.key for each in owners])
    Node.objects.filter(pk=eve.node.pk).update(key=bytes(range(32)))
    with pytest.raises(Refused) as caught:
        following.install(serving, [document])
    assert caught.value.code == "unknown-member"
    assert seats(serving)["owner3"] == (DANA, "accepted", 0)


# --- having it ordered ------------------------------------------------------------------------------------


@pytest.fixture
def told(machines, serving):
    """All nodes know the group as it is."""
    telling.send("groups.form", "member", serving.members.values_list("pk", flat=True))
    Member.objects.update(formed=None)
    outbox.carry_out()
    return machines


def has_ordered(machine, serving, document: bytes) -> None:
    """The node knows the next epoch."""
    genesis = bytes(serving.epochs.get(number=0).digest)
    machine.chains[genesis] = (bytes(serving.epochs.get(number=0).document), document)


def test_once_all_have_signed_a_node_is_handed_it_and_all_are_told_what_followed(
    told, owners, serving, agreed, following_epoch, marketplace_key, eve
):
    has_ordered(told[ASHA], serving, following_epoch)
    with wired(eve.key, marketplace_key.public) as hers:
        founded.listening(eve, hers)
        outbox.carry_out()
        serving.refresh_from_db()
        assert serving.epoch == 1
        (successor,) = told[ASHA].reformed
        assert successor == succession.successor(agreed, succession.chain(serving)[0].configuration)
        assert [each.reformed for each in told[1:]] == [[]] * 3  # one is enough
        genesis = bytes(serving.epochs.get(number=0).digest)
        for machine in (*told[:DANA], hers):
            assert machine.chains[genesis][1] == following_epoch
            assert machine.members[genesis][DANA] == hers.address
        assert genesis not in told[DANA].groups  # who has left is told so
    assert not serving.members.filter(position__isnull=False).exclude(told_epoch=1).exists()
    assert serving.members.get(organisation=eve.person.organisation).formed is not None
    assert telling.tell_again() == 0


def test_nodes_that_are_down_or_refuse_keep_nothing_from_happening(told, owners, serving, agreed, following_epoch):
    told[ASHA].refuses = "Reform"
    Node.objects.filter(pk=owners[BELA].node.pk).update(address="127.0.0.1:9")
    has_ordered(told[SAM], serving, following_epoch)
    outbox.carry_out()
    serving.refresh_from_db()
    assert serving.epoch == 1


def test_what_nodes_refuse_is_shown_to_the_owners(told, serving, agreed):
    for machine in told:
        machine.refuses = "Reform"
    outbox.carry_out()
    agreed.refresh_from_db()
    assert agreed.state == Proposal.State.ORDERING
    assert agreed.detail.startswith("The node of owner3 refuses it: this node will not")
    assert not Outbox.objects.filter(done__isnull=True).exists()


def test_a_group_that_takes_long_is_asked_again(told, serving, agreed, following_epoch, monkeypatch):
    monkeypatch.setattr(ordering, "ORDERING", 0.0)
    outbox.carry_out()
    assert len(told[ASHA].reformed) == 1
    for _ in range(outbox.MAX_ATTEMPTS):
        due_again()
        outbox.carry_out()
    assert ordering.tell_again() == 0  # just told
    Proposal.objects.update(last_told=timezone.now() - timedelta(minutes=2))
    has_ordered(told[BELA], serving, following_epoch)
    tasks.tell_again()
    outbox.carry_out()
    serving.refresh_from_db()
    assert serving.epoch == 1


def in_epoch(group, number: int) -> InGroup:
    digest = bytes(group.epochs.get(number=0).digest)
    return InGroup(group=digest, epoch=number, number=9, model=bytes(32), reached=4)


def test_an_epoch_is_found_by_what_a_node_says_of_itself(told, owners, serving, agreed, following_epoch):
    actions.withdraw_proposal(owners[ASHA].actor, agreed)
    Outbox.objects.all().delete()
    has_ordered(told[BELA], serving, following_epoch)
    told[BELA].within = (in_epoch(serving, 1),)
    told[SAM].within = (in_epoch(serving, 2**40),)  # which says more than it knows
    check_nodes()
    outbox.carry_out()
    serving.refresh_from_db()
    assert (serving.epoch, seats(serving)) == (1, REPLACED)


def test_who_was_down_learns_of_it_later_and_who_has_left_too(told, owners, serving, agreed, following_epoch):
    for machine in (told[SAM], told[DANA]):
        machine.refuses = "Form"
    following.install(serving, [following_epoch])
    for _ in range(outbox.MAX_ATTEMPTS):
        due_again()
        outbox.carry_out()
    genesis = bytes(serving.epochs.get(number=0).digest)
    assert len(told[SAM].chains[genesis]) == 1
    for machine in (told[SAM], told[DANA]):
        machine.refuses = ""
    told[DANA].within = (in_epoch(serving, 0),)
    check_nodes()
    tasks.tell_again()
    due_again()
    outbox.carry_out()
    assert len(told[SAM].chains[genesis]) == 2
    assert genesis not in told[DANA].groups
    asked = len(told[DANA].asked)
    check_nodes()
    outbox.carry_out()
    assert told[DANA].asked[asked:] == ["Health", "Capabilities"]  # it knows


def test_a_proposal_that_nobody_signs_ends_after_fourteen_days_and_says_why(owners, serving, eve, replacing):
    Proposal.objects.update(created=timezone.now() - timedelta(days=13, hours=23))
    ordering.tell_again()
    replacing.refresh_from_db()
    assert replacing.state == Proposal.State.SIGNING
    Proposal.objects.update(created=timezone.now() - timedelta(days=14, seconds=1))
    ordering.tell_again()
    replacing.refresh_from_db()
    assert (replacing.state, replacing.detail) == (Proposal.State.EXPIRED, "In 14 days not all have signed")
    assert seats(serving)["eve"][1] == "declined"
    assert succeeding.proposed(serving, owners[ASHA], grace=400).state == Proposal.State.SIGNING


def test_a_group_that_is_withdrawn_takes_its_proposal_along(owners, serving, replacing):
    actions.withdraw(owners[ASHA].actor, serving)
    replacing.refresh_from_db()
    assert (replacing.state, replacing.detail) == (Proposal.State.WITHDRAWN, "With the group")


# --- killed anywhere --------------------------------------------------------------------------------------


class Killed(BaseException):
    """The worker is gone."""


def killed_at(line: int):
    """A trace function that raises when the `line`-th line of what follows an epoch is about to run."""

    def kill() -> None:
        raise Killed

    return at_line(line, {module.__file__ for module in (ordering, following)}, kill)


def test_killed_at_any_line_the_next_worker_goes_on(told, serving, agreed, following_epoch):
    for machine in told:
        has_ordered(machine, serving, following_epoch)
    line, over = 0, False
    while not over:
        sys.settrace(killed_at(line))
        try:
            outbox.carry_out()
            over = True
        except Killed:
            line += 6
        finally:
            sys.settrace(None)
        epochs = list(serving.epochs.order_by("number").values_list("number", flat=True))
        serving.refresh_from_db()
        assert epochs == list(range(serving.epoch + 1))
        assert (seats(serving) == REPLACED) == (serving.epoch == 1)
        Outbox.objects.filter(done__isnull=True).update(due=timezone.now(), attempts=0)
    assert line > 30
    assert serving.epoch == 1


# --- what a group rests on --------------------------------------------------------------------------------


def test_who_comes_keeps_its_node_and_who_has_left_need_not(owners, serving, eve, agreed, following_epoch):
    with pytest.raises(Conflict) as caught:
        catalogue.retire_node(eve.actor, eve.node)
    assert caught.value.code == "in-group"
    following.install(serving, [following_epoch])
    assert catalogue.undeploy(owners[DANA].actor, owners[DANA].deployment).state == "stopped"
    assert catalogue.retire_node(owners[DANA].actor, owners[DANA].node).retired is not None


def test_who_has_left_comes_back(owners, serving, eve, agreed, following_epoch):
    following.install(serving, [following_epoch])
    keys = [owners[ASHA].key, owners[BELA].key, owners[SAM].key, eve.key]
    dana = owners[DANA]
    everybody = [*owners, eve]
    succeeding.succeeded(Group.objects.get(), owners[ASHA], everybody, keys, joining=[dana], leaving=[eve])
    assert seats(serving)["owner3"] == (3, "accepted", 2)
    assert seats(serving)["eve"] == (None, "left", 2)
