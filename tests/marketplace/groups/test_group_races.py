"""Members and founders who act at the same moment, in the real database: the group is what one order makes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from assay.errors import AssayError
from marketplace.groups import access, actions
from marketplace.groups.models import Consent, Group, GroupEpoch, Member, Swap
from marketplace.predictions.models import Outbox
from tests.marketplace import people
from tests.marketplace.groups import founded

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*deeds: Callable[[], object]) -> list[BaseException | None]:
    """What became of each: None where it was done."""
    together = threading.Barrier(len(deeds))
    ends: list[BaseException | None] = [None] * len(deeds)

    def do(i: int, deed: Callable[[], object]) -> None:
        try:
            together.wait(10)
            deed()
        except BaseException as error:  # noqa: BLE001 - told to the test
            ends[i] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(i, deed)) for i, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert all(end is None or isinstance(end, AssayError) for end in ends), ends
    return ends


def test_the_last_three_accept_at_once_and_one_configuration_is_fixed(owners, inviting):
    for each in owners[1:]:
        actions.invite(owners[0].actor, inviting, each.slug)
    ends = at_once(
        *(
            lambda each=each: actions.accept(each.actor, each.seat(inviting), each.deployment)
            for each in owners[1:]
        )
    )
    inviting.refresh_from_db()
    assert (ends, inviting.state, inviting.epochs.count()) == ([None] * 3, Group.State.SIGNING, 1)


def test_all_sign_at_once_and_every_node_is_told_once(owners, signing):
    signatures = {each.slug: founded.signature(signing, each) for each in owners}
    twice = [*owners, *owners]
    ends = at_once(
        *(lambda each=each: actions.sign(each.actor, each.seat(signing), *signatures[each.slug]) for each in twice)
    )
    signing.refresh_from_db()
    assert (ends, signing.state, Consent.objects.count()) == ([None] * 8, Group.State.FORMING, 4)
    assert Outbox.objects.filter(kind="groups.form").count() == 4


def test_the_last_signs_while_another_leaves_and_the_group_stands_whole_or_not_at_all(owners, signing):
    founded.signed(signing, owners[:3])
    *_, leaving, last = owners
    mine = founded.signature(signing, last)
    signed, left = at_once(
        lambda: actions.sign(last.actor, last.seat(signing), *mine),
        lambda: actions.decline(leaving.actor, leaving.seat(signing)),
    )
    signing.refresh_from_db()
    assert (signed is None) != (left is None)
    stands = signing.state == Group.State.FORMING
    assert stands == (signed is None)
    assert GroupEpoch.objects.filter(document__isnull=False).exists() == stands
    assert signing.members.filter(state=Member.State.ACCEPTED).count() == (4 if stands else 3)


def test_one_accepts_while_the_founder_withdraws_and_nothing_is_left_to_sign(owners, inviting):
    for each in owners[1:]:
        actions.invite(owners[0].actor, inviting, each.slug)
    for each in owners[1:3]:
        actions.accept(each.actor, each.seat(inviting), each.deployment)
    last = owners[3]
    at_once(
        lambda: actions.accept(last.actor, last.seat(inviting), last.deployment),
        lambda: actions.withdraw(owners[0].actor, access.founded(owners[0].actor, inviting.slug)),
    )
    inviting.refresh_from_db()
    assert (inviting.state, GroupEpoch.objects.count()) == (Group.State.WITHDRAWN, 0)


def test_more_are_invited_at_once_than_there_are_places(owners, inviting):
    names = [*(each.slug for each in owners[1:]), people.person("late").organisation.slug]
    ends = at_once(*(lambda name=name: actions.invite(owners[0].actor, inviting, name) for name in names))
    assert [end.code for end in ends if end is not None] == ["group-full"]
    assert sorted(inviting.members.values_list("position", flat=True)) == [0, 1, 2, 3]


def test_a_member_asks_for_two_changes_at_once_and_one_is_made(owners, serving):
    bela = owners[1]
    better = [founded.deployed(bela.person, bela.node, bytes([70 + i]) * 32) for i in range(2)]
    ends = at_once(*(lambda each=each: actions.swap(bela.actor, bela.seat(serving), each) for each in better))
    assert [end.code for end in ends if end is not None] == ["swap-under-way"]
    assert Swap.objects.count() == 1
