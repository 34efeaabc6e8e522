"""Stakes: deposited, locked with a place, unlocked after it was given up, lost on evidence."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts.access import for_user
from marketplace.billing import credit, ledger, stakes
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Hold, HoldEnd
from marketplace.errors import Conflict, Forbidden, PaymentRequired
from marketplace.groups import actions
from marketplace.groups.models import Group, Member
from tests.marketplace.billing.books import entries_read, large
from tests.marketplace.groups import founded

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000
STAKE = 2_000_000


@pytest.fixture
def owners(cast):
    """Four owners who have deposited twice what the group asks for."""
    owners = founded.owners(cast)
    for each in owners:
        credit.grant(cast.staff, each.person.organisation, 3 * STAKE, f"tests {each.slug}", "for a test")
        stakes.deposit(each.actor, 2 * STAKE, Kind.CREDIT, "first")
    return owners


@pytest.fixture
def staked(owners) -> Group:
    """A group that asks for a stake, and serves."""
    group = founded.complete(founded.found(owners[0], stake=STAKE), owners)
    return founded.formed(founded.signed(group, owners))


def at_stake(books, owner) -> dict[str, int]:
    return {kind: amount for kind, amount in books.of(owner.person).items() if kind in ("staked", "locked")}


def test_a_deposit_is_withdrawn_to_where_it_came_from(cast, books, owners):
    stakes.withdraw(owners[1].actor, 2 * STAKE, "all of it")
    assert books.of(cast.bela) == {"free": WELCOME, "credit": 3 * STAKE}


def test_what_was_credited_and_spent_is_not_read_to_withdraw_a_stake(cast, owners):
    parts = Part(Where(Kind.GRANTED), -1), Part(Where(Kind.CREDIT, cast.bela.organisation.pk), 1)
    ledger.post([Posting(f"as many as predictions {i}", ledger.Kind.GRANTED, parts) for i in range(3000)])
    large()
    before = entries_read()
    stakes.withdraw(owners[1].actor, STAKE, "some of it")
    assert entries_read() - before < 100


def test_the_same_key_deposits_once(cast, books, owners):
    stakes.deposit(owners[1].actor, 2 * STAKE, Kind.CREDIT, "first")
    assert at_stake(books, owners[1]) == {"staked": 2 * STAKE}


def test_free_credit_is_no_stake(cast, books):
    with pytest.raises(Conflict):
        stakes.deposit(cast.bela.actor, 1, Kind.CREDIT, "nothing there")
    assert books.of(cast.bela) == {"free": WELCOME}


def test_who_is_no_billing_member_moves_no_stake(cast):
    with pytest.raises(Forbidden):
        stakes.deposit(for_user(cast.tariq.user, "asha"), 1, Kind.CREDIT, "not mine")


@pytest.mark.parametrize("amount", [0, -1])
@pytest.mark.parametrize(
    "move",
    [lambda *given: stakes.deposit(*given, Kind.CREDIT, "x"), lambda *given: stakes.withdraw(*given, "x")],
    ids=["deposit", "withdraw"],
)
def test_nothing_and_less_is_not_moved(cast, owners, move, amount):
    with pytest.raises(Refused):
        move(owners[0].actor, amount)


def test_a_place_locks_what_the_group_asks_for(books, owners, staked):
    for each in owners:
        assert at_stake(books, each) == {"staked": STAKE, "locked": STAKE}
    assert Hold.objects.filter(member__group=staked).count() == 4


def test_who_has_deposited_too_little_gets_no_place(cast, books, owners):
    stakes.withdraw(owners[1].actor, 2 * STAKE - 5, "nearly all")
    group = founded.found(owners[0], stake=STAKE)
    actions.invite(owners[0].actor, group, owners[1].slug)
    with pytest.raises(PaymentRequired) as refused:
        actions.accept(owners[1].actor, owners[1].seat(group), owners[1].deployment)
    assert (refused.value.code, refused.value.missing) == ("stake-missing", STAKE - 5)
    assert owners[1].seat(group).state == Member.State.INVITED


def test_choosing_another_model_locks_nothing_more(books, owners):
    group = founded.found(owners[0], stake=STAKE)
    actions.invite(owners[0].actor, group, owners[1].slug)
    for _ in range(2):
        actions.accept(owners[1].actor, owners[1].seat(group), owners[1].deployment)
    assert at_stake(books, owners[1]) == {"staked": STAKE, "locked": STAKE}


def test_a_place_given_up_before_the_group_served_is_unlocked_at_once(books, owners):
    group = founded.found(owners[0], stake=STAKE)
    actions.invite(owners[0].actor, group, owners[1].slug)
    actions.accept(owners[1].actor, owners[1].seat(group), owners[1].deployment)
    actions.decline(owners[1].actor, owners[1].seat(group))
    assert stakes.sweep() == 1
    assert at_stake(books, owners[1]) == {"staked": 2 * STAKE}
    assert HoldEnd.objects.get().ending == "unlocked"


def test_a_place_given_up_later_stays_locked_for_the_delay(books, owners, staked):
    actions.withdraw(owners[0].actor, staked)
    now = timezone.now()
    assert stakes.sweep(now) == 0
    assert stakes.sweep(now + stakes.RELEASED_AFTER - dt.timedelta(seconds=1)) == 0
    assert at_stake(books, owners[2]) == {"staked": STAKE, "locked": STAKE}
    assert stakes.sweep(now + stakes.RELEASED_AFTER + dt.timedelta(seconds=1)) == 4
    assert at_stake(books, owners[2]) == {"staked": 2 * STAKE}
    assert stakes.sweep(now + 2 * stakes.RELEASED_AFTER) == 0


def test_a_locked_stake_cannot_be_withdrawn(owners, staked):
    with pytest.raises(Conflict):
        stakes.withdraw(owners[1].actor, STAKE + 1, "more than is free")


def test_slashing_takes_the_lock_once(books, owners, staked):
    seat = owners[1].seat(staked)
    assert stakes.slash([seat], "a double vote") == 1
    assert stakes.slash([seat], "another deed") == 0
    assert at_stake(books, owners[1]) == {"staked": STAKE}
    assert books.platform["slashed"] == STAKE
    assert at_stake(books, owners[2]) == {"staked": STAKE, "locked": STAKE}


def test_who_leaves_is_slashed_all_the_same_until_the_delay_is_over(books, owners, staked):
    actions.withdraw(owners[0].actor, staked)
    stakes.sweep()
    assert (
        stakes.slash([Member.objects.get(group=staked, organisation=owners[3].person.organisation)], "late") == 1
    )
    assert at_stake(books, owners[3]) == {"staked": STAKE}
    assert stakes.sweep(timezone.now() + 2 * stakes.RELEASED_AFTER) == 3
