"""Settings at their edges, and organisations that came before there was a ledger: no money may vanish in them."""

from __future__ import annotations

import dataclasses

import pytest
from django.core import checks

from marketplace.accounts.models import Membership, Organisation, Role, User
from marketplace.billing import accounts, credit, maturing, pricing, reversing, stakes
from marketplace.billing.accounts import Kind
from marketplace.billing.ledger import Overdrawn
from marketplace.billing.models import Account, HoldEnd, Transaction
from marketplace.billing.pricing import Asking
from marketplace.errors import Conflict, PaymentRequired
from marketplace.predictions import actions, questions
from marketplace.predictions.questions import Body
from tests.marketplace import answering, people
from verification.ends import DISPUTE_LOST

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


@pytest.fixture
def setting(settings):
    def change(**changes) -> None:
        settings.ENV = dataclasses.replace(settings.ENV, **changes)

    return change


@pytest.fixture
def old(cast):
    """A person whose organisation has no accounts: it is older than the ledger."""
    user = User.objects.create_user("old@example.org", people.PASSWORD, name="Old")
    organisation = Organisation.objects.create(slug="old", name="Old", personal_of=user)
    Membership.objects.create(organisation=organisation, user=user, role=Role.ADMIN)
    accounts._opened.clear()
    return people.Person("old", user, "", organisation)


def test_who_is_older_than_the_ledger_is_told_what_is_missing(old, priced, ask):
    with pytest.raises(PaymentRequired) as refused:
        ask(old)
    assert refused.value.missing == 500


def test_who_is_older_than_the_ledger_has_nothing_to_move(old):
    with pytest.raises(Conflict):
        stakes.withdraw(old.actor, 1, "x")
    with pytest.raises(Conflict):
        stakes.deposit(old.actor, 1, Kind.PAYABLE, "x")
    with pytest.raises(Conflict):
        credit.spend_earnings(old.actor, 1, "x")
    assert stakes.balance(old.organisation) == (0, 0)


def test_who_is_older_than_the_ledger_is_paid(cast, books, old, node):
    version = answering.digits(old, "older")
    pricing.set_for_model(old.actor, version.model, "direct", Asking("0.0005"))
    body = Body(**answering.request(model="old/older"))
    answering.end(cast.node_key, actions.create(cast.bela.actor, questions.read(cast.bela.actor, body)))
    assert books.of(old) == {"earned": 450}


@pytest.mark.parametrize(("fee", "earned"), [(0, 500), (1, 500), (9_999, 0), (10_000, 0)])
def test_whatever_the_fee_all_that_is_charged_arrives(cast, books, priced, ask, setting, fee, earned):
    setting(fee=fee)
    prediction = answering.end(cast.node_key, ask())
    assert books.of(cast.asha).get("earned", 0) == earned
    assert books.platform.get("fees", 0) == 500 - earned
    reversing.reverse(prediction.hold_id, DISPUTE_LOST)
    assert books.of(cast.bela) == {"free": WELCOME}


def test_a_fee_that_changes_meanwhile_is_that_of_the_time_of_asking(cast, books, priced, ask, setting):
    prediction = ask()
    setting(fee=10_000)
    answering.end(cast.node_key, prediction)
    assert books.of(cast.asha)["earned"] == 450


def test_without_free_credit_one_begins_with_nothing(setting, books, cast):
    setting(free_credit=0)
    late = people.person("late")
    assert books.of(late) == {}
    assert Account.objects.filter(organisation=late.organisation).count() == 7


def test_another_currency_than_that_of_the_books_is_refused_before_anything_runs(cast, setting):
    setting(currency="EUR")
    (found,) = [each for each in checks.run_checks(databases=["default"]) if each.id == "billing.E001"]
    assert "USD" in found.msg
    setting(currency="USD")
    assert not checks.run_checks(databases=["default"])


def test_in_another_currency_nothing_that_is_under_way_moves(cast, books, priced, ask, setting):
    """Should it happen all the same: refused, and as it was once the setting is what it was."""
    posted, prediction = answering.end(cast.node_key, ask()), ask()
    accounts._opened.clear()
    setting(currency="EUR")
    with pytest.raises(Overdrawn):
        answering.end(cast.node_key, prediction)
    with pytest.raises(Overdrawn):
        reversing.reverse(posted.hold_id, DISPUTE_LOST)
    assert maturing.mature(Transaction.objects.get(kind="posted").available) == 0
    setting(currency="USD")
    answering.end(cast.node_key, prediction)
    assert HoldEnd.objects.get(hold=prediction.hold).posted == 500
    assert books.of(cast.asha)["earned"] == 900
