"""Members that want a place without a stake, or their stake out of a place; and those who want others' stakes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from marketplace.accounts.access import for_user
from marketplace.billing import credit, stakes
from marketplace.billing.accounts import Kind
from marketplace.errors import Conflict, Forbidden, PaymentRequired
from marketplace.groups import access, actions, following
from marketplace.groups.models import Group, Member, Proposal
from tests.marketplace.groups import founded, succeeding

pytestmark = pytest.mark.django_db
STAKE = 2_000_000
LATER = stakes.RELEASED_AFTER + dt.timedelta(minutes=1)


@pytest.fixture
def owners(cast):
    """Five owners who have deposited twice what the group asks for."""
    owners = founded.owners(cast, 5)
    for each in owners:
        credit.grant(cast.staff, each.person.organisation, 3 * STAKE, f"tests {each.slug}", "for a test")
        stakes.deposit(each.actor, 2 * STAKE, Kind.CREDIT, "first")
    return owners


@pytest.fixture
def staked(owners) -> Group:
    """The first four's, which asks for a stake, and serves."""
    group = founded.complete(founded.found(owners[0], stake=STAKE), owners[:4])
    return founded.formed(founded.signed(group, owners[:4]))


def at_stake(books, owner) -> dict[str, int]:
    return {kind: amount for kind, amount in books.of(owner.person).items() if kind in ("staked", "locked")}


def proposed(owners, group) -> Proposal:
    """The fifth is to come for the fourth; all have signed."""
    made = succeeding.proposed(group, owners[0], joining=[owners[4]], leaving=[owners[3]])
    return succeeding.signed(made, owners)


def in_force(group, owners, proposal) -> None:
    following.install(group, [succeeding.ordered(proposal, [each.key for each in owners[:4]])])


def test_a_proposal_given_up_that_comes_into_force_all_the_same_keeps_its_stake(books, owners, staked):
    """Its nodes had been handed it: the newcomer takes its place, and its lock is not on its way out."""
    proposal = proposed(owners, staked)
    document = succeeding.ordered(proposal, [each.key for each in owners[:4]])
    actions.withdraw_proposal(owners[0].actor, proposal)
    stakes.sweep()
    following.install(staked, [document])
    assert Member.objects.get(organisation=owners[4].person.organisation).state == Member.State.ACCEPTED
    stakes.sweep(timezone.now() + LATER)
    assert at_stake(books, owners[4]) == {"staked": STAKE, "locked": STAKE}


def test_who_comes_without_having_been_asked_here_locks_the_same_stake(books, owners, staked):
    """Members may agree on an epoch among their nodes; the marketplace hears of it when it is in force."""
    proposal = proposed(owners, staked)
    document = succeeding.ordered(proposal, [each.key for each in owners[:4]])
    actions.withdraw_proposal(owners[0].actor, proposal)
    stakes.sweep()
    stakes.sweep(timezone.now() + LATER)
    assert at_stake(books, owners[4]) == {"staked": 2 * STAKE}
    following.install(staked, [document])
    stakes.sweep()
    assert at_stake(books, owners[4]) == {"staked": STAKE, "locked": STAKE}


def test_who_comes_so_with_too_little_locks_it_once_there_is_enough(books, owners, staked):
    proposal = proposed(owners, staked)
    document = succeeding.ordered(proposal, [each.key for each in owners[:4]])
    actions.withdraw_proposal(owners[0].actor, proposal)
    stakes.sweep(timezone.now())
    stakes.sweep(timezone.now() + LATER)
    stakes.withdraw(owners[4].actor, 2 * STAKE, "all of it")
    following.install(staked, [document])
    stakes.sweep()
    assert at_stake(books, owners[4]) == {}
    stakes.deposit(owners[4].actor, STAKE, Kind.CREDIT, "at last")
    stakes.sweep()
    assert at_stake(books, owners[4]) == {"locked": STAKE}


def test_whoever_has_too_little_does_not_stand_in_the_way_of_the_others(monkeypatch, books, owners):
    """However many there are of those: here one is as many as a sweep asks."""
    monkeypatch.setattr(stakes, "SWEEP", 1)
    group = founded.complete(founded.found(owners[0]), owners[:4])
    Group.objects.filter(pk=group.pk).update(stake=STAKE)
    stakes.withdraw(owners[0].actor, 2 * STAKE, "all of it")
    for _ in range(3):
        stakes.sweep()
    assert [at_stake(books, each).get("locked", 0) for each in owners] == [0, STAKE, STAKE, STAKE, 0]


def test_who_has_lost_its_stake_is_not_made_to_lock_another(books, owners, staked):
    stakes.slash([owners[1].seat(staked)], "a double vote")
    stakes.sweep()
    assert at_stake(books, owners[1]) == {"staked": STAKE}


def test_a_place_given_up_and_taken_again_while_the_sweep_looks_keeps_its_stake(monkeypatch, books, owners):
    """Between the sweep's look at who has gone and its note of it, the place is taken again."""
    group = founded.found(owners[0], stake=STAKE)
    actions.invite(owners[0].actor, group, owners[1].slug)
    actions.accept(owners[1].actor, owners[1].seat(group), owners[1].deployment)
    actions.decline(owners[1].actor, owners[1].seat(group))
    due = stakes._due

    def meanwhile(hold, now):
        monkeypatch.setattr(stakes, "_due", due)
        actions.invite(owners[0].actor, group, owners[1].slug)
        actions.accept(owners[1].actor, owners[1].seat(group), owners[1].deployment)
        return due(hold, now)

    monkeypatch.setattr(stakes, "_due", meanwhile)
    stakes.sweep()
    stakes.sweep(timezone.now() + LATER)
    assert at_stake(books, owners[1]) == {"staked": STAKE, "locked": STAKE}


def test_who_leaves_and_comes_back_has_one_lock(books, owners, staked):
    proposal = proposed(owners, staked)
    in_force(staked, owners, proposal)
    stakes.sweep()
    assert at_stake(books, owners[3]) == {"staked": STAKE, "locked": STAKE}
    staked.refresh_from_db()
    back = succeeding.proposed(staked, owners[0], joining=[owners[3]], leaving=[owners[4]])
    succeeding.signed(back, owners)
    present = [owners[0], owners[1], owners[2], owners[4]]
    following.install(staked, [succeeding.ordered(back, [each.key for each in present], last=9)])
    stakes.sweep(timezone.now() + LATER)
    assert at_stake(books, owners[3]) == {"staked": STAKE, "locked": STAKE}
    assert at_stake(books, owners[4]) == {"staked": STAKE, "locked": STAKE}
    stakes.sweep(timezone.now() + 2 * LATER)
    assert at_stake(books, owners[4]) == {"staked": 2 * STAKE}


def test_a_teammate_without_rights_moves_no_stake_and_takes_no_place(cast, owners):
    group = founded.found(owners[1], "other", stake=STAKE)
    actions.invite(owners[1].actor, group, "asha")
    tariq = for_user(cast.tariq.user, "asha")
    with pytest.raises(Forbidden):
        stakes.withdraw(tariq, 1, "x")
    with pytest.raises(Forbidden):
        access.seat(tariq, "other")


def test_two_groups_do_not_share_one_stake(owners):
    """Two places at STAKE each are locked; for a third there is nothing."""
    for slug in ("one", "two"):
        founded.found(owners[0], slug, stake=STAKE)
    with pytest.raises(PaymentRequired):
        founded.found(owners[0], "three", stake=STAKE)
    with pytest.raises(Conflict):
        stakes.withdraw(owners[0].actor, 1, "a little")
