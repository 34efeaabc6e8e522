"""What the database refuses, whoever asks: two places for one owner, groups that cannot count, new geneses."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from marketplace.groups import actions
from marketplace.groups.models import Group, Member, Proposal, Swap
from tests.marketplace import people
from tests.marketplace.groups import founded, succeeding

pytestmark = pytest.mark.django_db


def refused(statement: str, *parameters: object) -> bool:
    """Whether PostgreSQL refuses a statement."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
    except IntegrityError:
        return True
    return False


def test_an_organisation_has_one_place_and_a_place_one_organisation(owners, inviting):
    asha, bela = owners[0].person.organisation, owners[1].person.organisation
    for organisation, position in ((asha, 1), (bela, 0)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Member.objects.create(group=inviting, organisation=organisation, position=position)


@pytest.mark.parametrize(
    "changes",
    [
        "position = NULL",
        "node_id = NULL",
        "version_id = NULL",
        "state = 'invited'",
        "state = 'declined'",
        "state = 'declined', node_id = NULL, version_id = NULL",
    ],
)
def test_who_has_accepted_has_a_place_a_node_and_a_model(inviting, changes):
    assert refused(f"UPDATE groups_member SET {changes}")


@pytest.mark.parametrize(
    "changes", ["size = 5", "aggregator = 'mean'", "aggregator = 'median'", "scale = 10", "scale = 0"]
)
def test_a_group_can_count_what_it_answers(inviting, changes):
    assert refused(f"UPDATE groups_group SET {changes}")


def test_a_scale_belongs_to_numbers(inviting):
    assert not refused("UPDATE groups_group SET aggregator = 'median', scale = 1000")
    assert refused("UPDATE groups_group SET scale = NULL")


def test_before_the_last_signature_all_can_be_undone(owners, signing):
    assert not refused("DELETE FROM groups_groupepoch")
    assert not refused("UPDATE groups_member SET position = position + 10")
    assert not refused("UPDATE groups_group SET grace = 300")


def test_what_is_to_be_signed_is_replaced_never_altered(signing):
    assert refused("UPDATE groups_groupepoch SET digest = %s", bytes(32))
    assert refused("UPDATE groups_groupepoch SET document = 'x'")  # and since when it stands is missing


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE groups_groupepoch SET document = NULL, stood = NULL",
        "UPDATE groups_groupepoch SET stood = now()",
        "DELETE FROM groups_groupepoch",
        "UPDATE groups_consent SET signature = '\\x00'",
        "DELETE FROM groups_consent",
        "UPDATE groups_member SET position = position + 10",
        "UPDATE groups_member SET state = 'invited', node_id = NULL, version_id = NULL",
        "DELETE FROM groups_member",
        "UPDATE groups_group SET slug = 'other'",
        "UPDATE groups_group SET grace = 300",
        "UPDATE groups_group SET interface = '{}'",
        "DELETE FROM groups_group",
    ],
)
def test_after_it_nothing_can(forming, statement):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_member_changes_its_model_and_a_group_its_state(owners, serving):
    better = founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)
    member = serving.members.get(position=1)
    member.version = better.version
    member.save()
    serving.state, serving.title = Group.State.WITHDRAWN, "Other words"
    serving.save()


def test_a_member_changes_one_model_at_a_time(owners, serving):
    better = founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)
    member = serving.members.get(position=1)
    fields = {"member": member, "before": owners[1].version, "after": better.version}
    Swap.objects.create(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Swap.objects.create(**fields)
    assert refused("UPDATE groups_swap SET state = 'adopted'")  # without saying when


SQUATS = """
INSERT INTO groups_member (group_id, organisation_id, position, epoch, state, told, told_epoch, detail, created)
SELECT group_id, (SELECT max(id) FROM accounts_organisation), 9, 0, 'invited', told, 0, '', now()
FROM groups_member LIMIT 1
"""


def test_there_is_one_open_proposal_of_a_group(owners, serving):
    made = succeeding.proposed(serving, owners[0], grace=400)
    fields = {"group": serving, "number": 1, "grace": 1, "horizon": 1, "organisation": made.organisation}
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.create(state="inviting", **fields)
    for changes in ("state = 'withdrawn'", "completed = now()", "digest = NULL", "state = 'inviting'"):
        assert refused(f"UPDATE groups_proposal SET {changes}")  # one of two things that go together
    actions.withdraw_proposal(owners[0].actor, made)
    Proposal.objects.create(state="inviting", **fields)


def test_a_key_signs_a_proposal_once(owners, serving):
    made = succeeding.signed(succeeding.proposed(serving, owners[0], grace=400), owners[:1])
    key = bytes(made.signatures.get().key)
    with pytest.raises(IntegrityError), transaction.atomic():
        made.signatures.create(key=key, signature=bytes(64))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE groups_member SET epoch = 1, position = 7 - position",  # no such epoch stands
        "UPDATE groups_group SET epoch = 1, grace = 300",
        "UPDATE groups_member SET epoch = -1",
        "UPDATE groups_member SET position = NULL, state = 'left', epoch = 1",
        SQUATS,
    ],
)
def test_places_and_rules_change_with_an_epoch_that_stands_or_not_at_all(cast, serving, statement):
    people.person("zoe")
    assert refused(statement)


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("UPDATE groups_group SET grace = 1000", False),
        ("UPDATE groups_member SET position = 3 - position", False),
        ("UPDATE groups_member SET state = 'left', position = NULL, epoch = 1", False),  # they are of it already
        ("DELETE FROM groups_groupepoch WHERE number = 1", False),
        ("UPDATE groups_groupepoch SET stood = now()", False),
        ("UPDATE groups_member SET told_epoch = 0, detail = 'x'", True),
    ],
)
def test_what_an_epoch_says_stands_as_the_genesis_does(owners, serving, statement, allowed):
    succeeding.succeeded(serving, owners[0], owners, [each.key for each in owners], grace=400)
    assert refused(statement) != allowed
