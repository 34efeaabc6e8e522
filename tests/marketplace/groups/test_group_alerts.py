"""Alerts: one failure from stopping, and stopped; raised once if it lasts, cleared once, for whom it is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.access import for_user
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue.health import check_nodes
from marketplace.catalogue.models import Node
from marketplace.groups import actions, alerts
from marketplace.groups.alerts import LASTING, working
from marketplace.groups.models import Alert
from tests.marketplace import people
from tests.marketplace.groups import founded
from tests.marketplace.groups.test_group_heard import word

pytestmark = pytest.mark.django_db
ONE = f"/api/v1/groups/{founded.SLUG}"


def look(group, *reached: int | None, away: tuple[int, ...] = ()) -> None:
    """All nodes have just been asked: how many members each reaches by its own word; who did not serve."""
    for i, each in enumerate(reached):
        group.members.filter(position=i).update(reached=each)
    seats = group.members.all()
    Node.objects.filter(seats__in=seats).update(serving=True)
    Node.objects.filter(seats__in=seats.filter(position__in=away)).update(serving=False)
    alerts.check()


def later() -> None:
    """Time goes by."""
    for each in Alert.objects.filter(cleared__isnull=True):
        Alert.objects.filter(pk=each.pk).update(noticed=each.noticed - LASTING)


def logged() -> list[tuple[str, str]]:
    return list(
        AuditEntry.objects.filter(action__in=("group.marginal", "group.stopped", "group.recovered"))
        .order_by("pk")
        .values_list("action", "subject")
    )


def raised(group) -> tuple[str, int] | None:
    found = alerts.of_group(group)
    return None if found is None else (found.level, found.working)


def test_a_group_with_members_to_spare_alerts_nobody(serving):
    look(serving, 4, 4, 4, 4)
    later()
    look(serving, 4, 4, 4, 4)
    assert not Alert.objects.exists()


def test_a_shortage_is_raised_once_and_cleared_once_for_every_members_owner(owners, serving):
    for _ in range(3):
        look(serving, 3, 3, 3, None, away=(3,))
        later()
    assert raised(serving) == ("marginal", 3)
    assert logged() == [("group.marginal", "digits-four: 3 of 4 work, 3 needed")] * 4
    told = AuditEntry.objects.filter(action="group.marginal").values_list("organisation__slug", flat=True)
    assert sorted(told) == sorted(each.slug for each in owners)
    for _ in range(2):
        look(serving, 4, 4, 4, 4)
    assert raised(serving) is None
    assert logged()[4:] == [("group.recovered", "digits-four")] * 4
    assert Alert.objects.filter(cleared__isnull=False).count() == 1


def test_what_passes_at_once_is_told_to_nobody(serving):
    for _ in range(5):  # a node that restarts
        look(serving, 3, 3, 3, None, away=(3,))
        assert raised(serving) is None
        look(serving, 4, 4, 4, 4)
    assert (logged(), Alert.objects.count()) == ([], 0)


def test_it_gets_worse_and_better_by_alerts_of_their_own(serving):
    look(serving, 3, 3, 3, None, away=(3,))
    later()
    look(serving, 3, 3, 3, None, away=(3,))
    look(serving, 2, 2, None, None, away=(2, 3))
    assert raised(serving) == ("stopped", 2)
    look(serving, 1, None, None, None, away=(1, 2, 3))
    assert raised(serving) == ("stopped", 1)
    look(serving, 3, 3, 3, None, away=(3,))
    assert raised(serving) == ("marginal", 3)
    assert [action for action, _ in logged()[::4]] == ["group.marginal", "group.stopped", "group.marginal"]


@pytest.mark.parametrize(
    ("reached", "away", "count"),
    [
        ((4, 4, 4, 4), (), 4),
        ((4, 4, 4, 4), (0,), 3),  # reachable, but its Triton is down: it will not answer
        ((2, 2, 2, 2), (), 2),  # each node answers the marketplace, but the members fell into two halves
        ((3, 3, 3, 1), (), 3),
        ((3, 3, 3, None), (), 3),  # it answers, but takes no part
        ((0, 0, 0, 0), (), 0),
    ],
)
def test_who_works_is_who_serves_and_reaches_the_others(serving, reached, away, count):
    look(serving, *reached, away=away)
    found = Alert.objects.first()
    assert (4 if found is None else found.working) == count


@given(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 16)), min_size=4, max_size=16))
def test_that_many_members_each_reach_that_many(members):
    seats = [
        SimpleNamespace(reachable=reachable, member=SimpleNamespace(reached=reached))
        for reachable, reached in members
    ]
    enough = [
        k for k in range(len(members) + 1) if sum(up and (reached or 0) >= k for up, reached in members) >= k
    ]
    assert working(seats) == max(enough)


def test_a_node_with_another_key_is_no_member(owners, serving):
    Node.objects.filter(pk=owners[1].node.pk).update(key=b"\x01" * 32)
    look(serving, 4, 4, 4, 4)
    assert Alert.objects.get().working == 3


def test_nodes_that_are_asked_make_and_clear_alerts(machines, owners, serving, monkeypatch):
    monkeypatch.setattr(alerts, "LASTING", alerts.timedelta())
    for machine, owner in zip(machines, owners, strict=True):
        machine.within = (word(serving, owner, reached=4),)
    check_nodes()
    assert not Alert.objects.exists()
    machines[2].within = ()
    check_nodes()
    check_nodes()
    assert raised(serving) == ("marginal", 3)


def test_a_withdrawn_group_needs_nobody(owners, serving):
    look(serving, 1, 1, 1, 1)
    later()
    look(serving, 1, 1, 1, 1)
    actions.withdraw(owners[0].actor, serving)
    alerts.check()
    assert not Alert.objects.filter(cleared__isnull=True).exists()


def test_alerts_are_shown_to_members_and_the_groups_own_to_all(client, cast, owners, serving):
    assert client.get(ONE).json()["alert"] is None
    look(serving, 2, 2, 2, 2)
    later()
    look(serving, 2, 2, 2, 2)
    shown = client.get(ONE).json()["alert"]
    assert (shown["level"], shown["working"], shown["needed"]) == ("stopped", 2, 3)
    for each in owners:
        assert [alert.group for alert in alerts.of_actor(for_user(each.person.user))] == [serving]
    assert alerts.of_actor(for_user(cast.tariq.user)).exists()  # asha's teammate
    assert not alerts.of_actor(for_user(people.person("stranger").user)).exists()


def test_looking_takes_as_many_queries_whatever_the_number_of_groups(
    owners, serving, django_assert_max_num_queries
):
    look(serving, 4, 4, 4, 4)
    for i in range(3):
        other = founded.found(owners[0], f"other-{i}")
        founded.formed(founded.signed(founded.complete(other, owners), owners))
    serving.members.model.objects.update(reached=4)
    with django_assert_max_num_queries(4 + 1):  # to read all groups, and what is open
        alerts.check()
