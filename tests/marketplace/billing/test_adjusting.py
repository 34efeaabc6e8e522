"""Adjustments: nothing moves until a second person has approved it."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, connection, transaction

from assay.errors import Refused
from marketplace.accounts.models import AuditEntry, User
from marketplace.billing import adjusting
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Overdrawn
from marketplace.billing.models import Adjustment, Transaction
from marketplace.errors import Conflict, Forbidden, NotFound

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


@pytest.fixture
def second(cast) -> User:
    return User.objects.create_superuser("second@example.org", name="Second")


@pytest.fixture
def proposed(cast) -> Adjustment:
    """Two units for bela, of the platform's account for adjustments."""
    to = Where(Kind.CREDIT, cast.bela.organisation.pk)
    return adjusting.propose(cast.staff, to, Where(Kind.ADJUSTED), 2_000_000, "paid by bank transfer")


def test_nothing_moves_until_it_is_approved(cast, books, proposed):
    assert books.of(cast.bela) == {"free": WELCOME}
    assert (proposed.state, proposed.transaction) == ("proposed", None)


def test_a_second_person_approves_and_it_moves_once(cast, books, proposed, second):
    approved = adjusting.approve(second, proposed.pk)
    assert books.of(cast.bela) == {"free": WELCOME, "credit": 2_000_000}
    assert books.platform["adjusted"] == -2_000_000
    assert (approved.transaction.detail, approved.transaction.made_by) == ("paid by bank transfer", second)
    with pytest.raises(Conflict, match="decided already"):
        adjusting.approve(second, proposed.pk)
    with pytest.raises(Conflict, match="decided already"):
        adjusting.refuse(second, proposed.pk)
    assert books.of(cast.bela)["credit"] == 2_000_000


def test_nobody_approves_what_they_have_proposed(cast, books, proposed):
    with pytest.raises(Forbidden, match="needs a second person"):
        adjusting.approve(cast.staff, proposed.pk)
    assert books.of(cast.bela) == {"free": WELCOME}


def test_the_database_refuses_the_same_person_too(cast, proposed, second):
    """Whatever code were to forget it."""
    rows = Adjustment.objects.filter(pk=proposed.pk)
    decided = {"state": "approved", "decided": proposed.proposed}
    moved = Transaction.objects.first()
    with pytest.raises(IntegrityError, match="adjustment_needs_a_second_person"), transaction.atomic():
        rows.update(**decided, decided_by=cast.staff, transaction=moved)
    with pytest.raises(IntegrityError, match="adjustment_moves_once_approved"), transaction.atomic():
        rows.update(**decided, decided_by=second)


def test_who_proposed_it_may_withdraw_it(cast, books, proposed):
    assert adjusting.refuse(cast.staff, proposed.pk).state == "refused"
    assert books.of(cast.bela) == {"free": WELCOME}


@pytest.mark.parametrize(
    "what",
    [
        "UPDATE billing_adjustment SET amount = 9000000",
        "UPDATE billing_adjustment SET proposed_by_id = proposed_by_id + 1",
        "UPDATE billing_adjustment SET reason = 'other'",
        "DELETE FROM billing_adjustment",
    ],
)
def test_what_is_approved_is_what_was_proposed(proposed, what):
    refused = f"an adjustment is decided once: {what.split(maxsplit=1)[0]} refused"
    with pytest.raises(IntegrityError, match=re.escape(refused)), connection.cursor() as cursor:
        cursor.execute(what)


def test_what_is_decided_stays_so(proposed, second):
    adjusting.refuse(second, proposed.pk)
    with pytest.raises(IntegrityError, match="an adjustment is decided once: UPDATE refused"):
        Adjustment.objects.update(state="proposed", decided_by=None, decided=None)


def test_taking_more_than_there_is_is_refused_and_stays_open(cast, books, second):
    to, of = Where(Kind.ADJUSTED), Where(Kind.CREDIT, cast.sam.organisation.pk)
    made = adjusting.propose(cast.staff, to, of, 5, "a mistake")
    with pytest.raises(Overdrawn):
        adjusting.approve(second, made.pk)
    made.refresh_from_db()
    assert (made.state, books.of(cast.sam)) == ("proposed", {"free": WELCOME})


def test_both_sides_are_told_in_their_logs(cast, second):
    to, of = Where(Kind.FREE, cast.asha.organisation.pk), Where(Kind.FREE, cast.bela.organisation.pk)
    made = adjusting.propose(cast.staff, to, of, 1_000, "given to the wrong one")
    adjusting.approve(second, made.pk)
    for person in (cast.asha, cast.bela):
        entries = AuditEntry.objects.filter(organisation=person.organisation, action__startswith="adjustment")
        assert [(each.action, each.user) for each in entries.order_by("pk")] == [
            ("adjustment.proposed", cast.staff),
            ("adjustment.decided", second),
        ]
        assert "USD 0.001 to free of free: given to the wrong one" in entries.last().subject


def test_the_platforms_own_accounts_may_be_adjusted(cast, books, second):
    made = adjusting.propose(cast.staff, Where(Kind.FEES), Where(Kind.ADJUSTED), 10, "rounding of an invoice")
    adjusting.approve(second, made.pk)
    assert books.platform["fees"] == 10
    logged = AuditEntry.objects.filter(organisation=None).order_by("pk")
    assert [(each.action, each.user) for each in logged] == [
        ("adjustment.proposed", cast.staff),
        ("adjustment.decided", second),
    ]
    assert logged.last().subject == "approved: USD 0.00001 to fees of adjusted: rounding of an invoice"


@pytest.mark.parametrize("kind", [Kind.HELD, Kind.LOCKED, Kind.EARNED, Kind.FEES])
def test_what_is_held_locked_or_not_yet_available_is_not_adjusted(cast, kind):
    with pytest.raises(Refused, match="not adjusted by hand"):
        adjusting.propose(cast.staff, Where(kind, cast.bela.organisation.pk), Where(Kind.ADJUSTED), 5, "no")


@pytest.mark.parametrize(("amount", "reason"), [(0, "x"), (-5, "x"), (5, "  ")])
def test_an_adjustment_has_an_amount_and_a_reason(cast, amount, reason):
    with pytest.raises(Refused):
        adjusting.propose(cast.staff, Where(Kind.FEES), Where(Kind.ADJUSTED), amount, reason)


def test_an_adjustment_is_between_two_accounts(cast):
    with pytest.raises(Refused, match="between two accounts"):
        adjusting.propose(cast.staff, Where(Kind.FEES), Where(Kind.FEES), 5, "x")


def test_only_finance_staff_proposes_and_decides(cast, proposed):
    for by in (cast.asha.user, User.objects.create_user("other@example.org", is_staff=True)):
        with pytest.raises(Forbidden):
            adjusting.propose(by, Where(Kind.FEES), Where(Kind.ADJUSTED), 5, "x")
        with pytest.raises(Forbidden):
            adjusting.approve(by, proposed.pk)


def test_an_adjustment_that_there_is_not_is_not_approved(second):
    with pytest.raises(NotFound):
        adjusting.approve(second, 10**9)
