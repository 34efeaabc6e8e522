"""The finance pages of the staff: what they show, what they do once confirmed, and for whom."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import re

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from marketplace.accounts.models import AuditEntry, User
from marketplace.billing import adjusting, books
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.models import Adjustment, Balance, Entry, Hold, Period, Price, Spending, Transaction
from marketplace.predictions.models import Prediction
from tests.marketplace import answering

pytestmark = pytest.mark.django_db
YESTERDAY = (timezone.now() - dt.timedelta(days=1)).astimezone(dt.UTC).date()
PAGES = ("books", "grant", "propose", "close")


@pytest.fixture
def finance(db) -> User:
    """Somebody on the staff whose only rights are those of the group."""
    user = User.objects.create_user("fina@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    return user


@pytest.fixture
def second(finance) -> User:
    user = User.objects.create_user("fred@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    return user


@pytest.fixture
def staff(client, finance):
    client.force_login(finance)
    return client


def page(client, name: str, **query) -> str:
    answer = client.get(reverse(f"admin:billing_{name}"), query)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def hidden(text: str) -> dict[str, str]:
    """The hidden fields of a form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def confirmed(client, name: str, **given) -> str:
    """The page after looking first and then confirming what was shown."""
    address = reverse(f"admin:billing_{name}")
    shown = client.post(address, {**hidden(page(client, name)), **given}).content.decode()
    fields = hidden(shown)
    assert fields.get("confirmed") == "yes", shown
    answer = client.post(address, {name: html.unescape(value) for name, value in fields.items()}, follow=True)
    assert answer.redirect_chain, answer.content.decode()
    return html.unescape(answer.content.decode())


# --- to look at -------------------------------------------------------------------------------------------------


def test_the_books_are_shown_now_and_at_the_end_of_a_day(cast, staff, priced, ask):
    answering.end(cast.node_key, ask())
    now = page(staff, "books")
    assert now.index("Free credit") < now.index("Earned and available") < now.index("Platform: fees")
    for label, amount in (("Earned, not yet available", "0.00045"), ("Platform: fees", "0.00005")):
        assert re.search(rf"{label}</th><td[^>]*>\d</td><td>USD</td>\s*<td[^>]*>{amount}</td>", now), now
    assert re.search(r"Sum</th><td></td><td>USD</td>\s*<td[^>]*>0.00</td>", now)
    assert "0.00045" not in page(staff, "books", at=YESTERDAY.isoformat())


def test_the_journal_is_sent_as_csv(cast, staff):
    answer = staff.get(reverse("admin:billing_journal"), {"first": "", "last": ""})
    text = b"".join(answer).decode()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert text == "".join(books.journal(books.FIRST_DAY, dt.date.max))
    assert len(list(csv.DictReader(io.StringIO(text)))) == Entry.objects.count()
    none = b"".join(staff.get(reverse("admin:billing_journal"), {"last": YESTERDAY.isoformat()}))
    assert none.count(b"\n") == 1
    assert staff.get(reverse("admin:billing_journal"), {"first": "soon"}).status_code == 400


@pytest.mark.parametrize(
    "name", ["account", "transaction", "hold", "price", "spending", "cap", "period", "adjustment"]
)
def test_lists_are_there_for_finance_and_take_as_many_queries_however_long(
    cast, staff, priced, ask, name, django_assert_max_num_queries
):
    for _ in range(6):
        answering.end(cast.node_key, ask())
    address = reverse(f"admin:billing_{name}_changelist")
    with django_assert_max_num_queries(10):
        assert staff.get(address).status_code == 200
    assert staff.get(address, {"q": "bela"}).status_code == 200
    assert staff.get(reverse(f"admin:billing_{name}_add")).status_code == 403


def test_a_transaction_is_shown_with_its_entries_and_a_hold_with_its_end(cast, staff, priced, ask):
    prediction = answering.end(cast.node_key, ask())
    posted = prediction.hold.end.transaction
    shown = staff.get(reverse("admin:billing_transaction_change", args=[posted.pk])).content.decode()
    assert all(text in shown for text in ("asha earned USD", "0.00045", "platform fees USD", "-0.0005"))
    listed = staff.get(reverse("admin:billing_hold_changelist")).content.decode()
    assert "certified" in listed
    assert str(prediction.pk) in listed


def test_a_hold_leads_to_its_prediction_who_may_look_at_predictions(client, cast, staff, priced, ask):
    prediction = answering.end(cast.node_key, ask())
    holds, leads = reverse("admin:billing_hold_changelist"), f"predictions/prediction/{prediction.pk}/change"
    assert leads not in staff.get(holds).content.decode()
    client.force_login(User.objects.create_superuser("root@example.org"))
    assert leads in client.get(holds).content.decode()


@pytest.mark.parametrize("name", ["billing_hold", "predictions_prediction"])
def test_a_list_does_not_load_what_was_asked_and_answered(client, cast, priced, ask, name):
    answering.end(cast.node_key, ask())
    client.force_login(cast.staff)
    with CaptureQueriesContext(connection) as captured:
        shown = client.get(reverse(f"admin:{name}_changelist"))
    assert str(Prediction.objects.get().pk) in shown.content.decode()
    large = ('"predictions_prediction"."inputs"', '"predictions_prediction"."outputs"')
    assert not [each for each in captured.captured_queries if any(column in each["sql"] for column in large)]


def test_nothing_of_the_ledger_can_be_changed(cast, staff, priced, ask, grant):
    grant(cast.bela, 5)
    answering.end(cast.node_key, ask())
    rows = {"account": Balance.objects.first().account, "transaction": Transaction.objects.first()}
    rows |= {"hold": Hold.objects.first(), "price": Price.objects.first(), "spending": Spending.objects.first()}
    for name, row in rows.items():
        address = reverse(f"admin:billing_{name}_change", args=[row.pk])
        assert staff.get(address).status_code == 200
        assert staff.post(address, {"amount": 1, "kind": "x"}).status_code == 403
        assert (
            staff.post(reverse(f"admin:billing_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        )


# --- for whom ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PAGES, "journal", "account_changelist", "adjustment_changelist"])
def test_other_staff_and_everybody_else_are_turned_away(client, cast, name):
    client.force_login(User.objects.create_user("other@example.org", is_staff=True))
    assert client.get(reverse(f"admin:billing_{name}")).status_code == 403
    client.force_login(cast.asha.user)
    assert client.get(reverse(f"admin:billing_{name}"), follow=True).status_code == 403
    assert client.post(reverse(f"admin:billing_{name}"), {"confirmed": "yes"}).status_code in (302, 405)


def test_a_link_is_shown_to_who_may_follow_it(client, cast, staff):
    shown = staff.get(reverse("admin:billing_account_changelist")).content.decode()
    assert reverse("admin:billing_grant") in shown
    looker = User.objects.create_user("looker@example.org", is_staff=True)
    view = Group.objects.get(name="finance").permissions.get(codename="view_account")
    looker.user_permissions.add(view)
    client.force_login(looker)
    shown = client.get(reverse("admin:billing_account_changelist")).content.decode()
    assert reverse("admin:billing_books") in shown
    assert reverse("admin:billing_grant") not in shown
    assert client.get(reverse("admin:billing_grant")).status_code == 403


# --- granting ---------------------------------------------------------------------------------------------------


def test_credit_is_granted_once_it_is_confirmed(cast, staff, finance, books):
    given = {"organisation": "bela", "amount": "25.5", "reason": "to try it out"}
    shown = staff.post(reverse("admin:billing_grant"), {**hidden(page(staff, "grant")), **given})
    assert "USD 25.50 of credit for bela" in shown.content.decode()
    assert books.of(cast.bela) == {"free": 1_000_000}
    assert "USD 25.50 granted to bela" in confirmed(staff, "grant", **given)
    assert books.of(cast.bela) == {"free": 1_000_000, "credit": 25_500_000}
    entry = AuditEntry.objects.get(action="credit.granted")
    assert (entry.organisation, entry.user) == (cast.bela.organisation, finance)


def test_going_back_keeps_what_was_typed_and_grants_nothing(cast, staff, books):
    address = reverse("admin:billing_grant")
    given = {"organisation": "bela", "amount": "2.50", "reason": "a mistake"}
    shown = staff.post(address, hidden(page(staff, "grant")) | given).content.decode()
    again = staff.post(address, hidden(shown) | {"back": "Back"}).content.decode()
    assert 'value="2.50"' in again
    assert 'type="text" name="reason" value="a mistake"' in again
    assert "confirmed" not in hidden(again)
    assert books.of(cast.bela) == {"free": 1_000_000}


def test_pressing_twice_grants_once(cast, staff, books):
    given = {"organisation": "bela", "amount": "1", "reason": "x", "confirmed": "yes"}
    sent = {**hidden(page(staff, "grant")), **given}
    for _ in range(2):
        assert staff.post(reverse("admin:billing_grant"), sent).status_code == 302
    assert books.of(cast.bela)["credit"] == 1_000_000
    assert AuditEntry.objects.filter(action="credit.granted").count() == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"organisation": "nobody"}, "There is no such organisation."),
        ({"amount": "0"}, "More than 0."),
        ({"amount": "-5"}, "at most six decimal places"),
        ({"amount": "1e9"}, "at most six decimal places"),
        ({"reason": ""}, "This field is required."),
        ({"key": "x"}, "Enter a valid UUID."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_granted(cast, staff, books, wrong, says):
    given = {"organisation": "bela", "amount": "1", "reason": "x", **hidden(page(staff, "grant")), **wrong}
    answer = staff.post(reverse("admin:billing_grant"), {**given, "confirmed": "yes"})
    assert answer.status_code == 200
    assert says in answer.context["form"].errors.as_text()
    assert books.of(cast.bela) == {"free": 1_000_000}


# --- adjusting --------------------------------------------------------------------------------------------------


def test_one_proposes_and_another_approves(client, cast, staff, second, books):
    given = {
        "amount": "2",
        "to_kind": "credit",
        "to_organisation": "bela",
        "of_kind": "adjusted",
        "reason": "paid",
    }
    assert "somebody else has to approve it" in confirmed(staff, "propose", **given)
    made = Adjustment.objects.get()
    decide = {"action": "approve", "_selected_action": [made.pk]}
    address = reverse("admin:billing_adjustment_changelist")
    refused = html.unescape(staff.post(address, decide, follow=True).content.decode())
    assert "needs a second person" in refused
    assert books.of(cast.bela) == {"free": 1_000_000}
    client.force_login(second)
    assert "1 approved" in client.post(address, decide, follow=True).content.decode()
    assert books.of(cast.bela) == {"free": 1_000_000, "credit": 2_000_000}
    assert "decided already" in client.post(address, decide, follow=True).content.decode()


def test_an_adjustment_is_refused(cast, staff, finance, books):
    made = adjusting.propose(finance, Where(Kind.FEES), Where(Kind.ADJUSTED), 5, "x")
    decide = {"action": "refuse", "_selected_action": [made.pk]}
    assert (
        "1 refused"
        in staff.post(reverse("admin:billing_adjustment_changelist"), decide, follow=True).content.decode()
    )
    made.refresh_from_db()
    assert (made.state, made.decided_by) == ("refused", finance)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to_organisation": ""}, "to_organisation"),
        ({"of_organisation": "bela"}, "of_organisation"),
        ({"to_kind": "held"}, "to_kind"),
        ({"to_organisation": "nobody"}, "to_organisation"),
        ({"of_kind": "credit", "of_organisation": "bela"}, "__all__"),
    ],
)
def test_an_adjustment_that_cannot_be_is_not_proposed(cast, staff, wrong, field):
    given = {
        "amount": "2",
        "to_kind": "credit",
        "to_organisation": "bela",
        "of_kind": "adjusted",
        "reason": "paid",
    }
    answer = staff.post(reverse("admin:billing_propose"), {**given, **wrong, "confirmed": "yes"})
    assert list(answer.context["form"].errors) == [field]
    assert not Adjustment.objects.exists()


# --- closing ----------------------------------------------------------------------------------------------------


def test_a_period_is_closed_once_its_trial_balance_has_been_shown(cast, staff, finance):
    given = {"last_day": YESTERDAY.isoformat()}
    shown = staff.post(reverse("admin:billing_close"), given).content.decode()
    assert "closed for ever" in shown
    assert "There is nothing on any account." in shown
    assert not Period.objects.exists()
    done = confirmed(staff, "close", **given)
    period = Period.objects.get()
    assert (period.last_day, period.closed_by) == (YESTERDAY, finance)
    assert bytes(period.sha256).hex() in done


@pytest.mark.parametrize("confirm", [{}, {"confirmed": "yes"}])
def test_a_day_that_is_not_over_is_refused_beside_the_field(staff, confirm):
    given = {"last_day": timezone.now().astimezone(dt.UTC).date().isoformat()}
    answer = staff.post(reverse("admin:billing_close"), {**given, **confirm})
    assert "not over yet" in answer.context["form"].errors["last_day"][0]
    assert not Period.objects.exists()
