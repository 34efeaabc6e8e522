"""Billing and Earnings: what they tell, to whom, and what may be moved there."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from marketplace.accounts.models import Membership, Role
from marketplace.billing import caps, credit, maturing, pricing, reversing, statement
from marketplace.billing.pricing import Asking
from marketplace.billing.settling import AVAILABLE_AFTER
from marketplace.predictions import actions
from marketplace.web import sheets
from marketplace.web.charts import chart
from marketplace.web.views.billing import HISTORY
from tests.web.conftest import asked, browser, certified, url
from verification.ends import DISPUTE_LOST


@pytest.fixture
def selling(shop):
    """Asha asks 500 micro-units for a row; bela has credit and has paid once, withdrawn once, and waits once."""
    pricing.set_for_model(shop.cast.asha.actor, shop.version.model, "direct", Asking("0.0005"))
    credit.grant(shop.cast.staff, shop.cast.bela.organisation, 5_000_000, "tests", "for a =test")
    shop.paid = certified(shop.cast, shop.cast.bela)
    actions.cancel(asked(shop.cast.bela))
    asked(shop.cast.bela)
    return shop


def page(person, name: str = "billing", **query: str):
    return browser(person).get(url(name), query)


def text(answer) -> str:
    """What a reader sees of it, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def rows(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


# --- billing --------------------------------------------------------------------------------------------------


def test_balances_and_what_was_spent(selling):
    shown = text(page(selling.cast.bela))
    assert "Available $5.999 " in shown
    assert "$5.00 credit, $0.999 free credit" in shown
    assert "Held for predictions $0.0005 " in shown
    assert "Spent this month $0.001 " in shown


def test_every_hold_with_its_end_leads_to_its_prediction_and_certificate(selling):
    answer = page(selling.cast.bela)
    shown = answer.content.decode()
    for word in ("Certified", "Cancelled", "On its way", "Credit given", "for a =test"):
        assert word in shown
    assert url("prediction", selling.paid.pk) in shown
    assert url("certificate", selling.paid.certificate.hex) in shown


def test_a_refund_is_shown(selling):
    reversing.reverse(selling.paid.hold_id, DISPUTE_LOST)
    shown = text(page(selling.cast.bela))
    assert shown.count("Refunded") == 2  # of the hold, and by itself
    assert "+$0.0005" in shown


def test_somebody_new_is_told_so(shop):
    shown = text(page(shop.cast.sam))
    assert "Nothing was spent in this month." in shown
    assert "Credit given" in shown


def test_older_history_is_a_page_on(selling, monkeypatch):
    monkeypatch.setattr(statement, "PAGE", 2)
    client = browser(selling.cast.bela)
    seen, first = [], url("billing") + "?month=2026-01"
    at = first
    while at:
        answer = client.get(at)
        assert answer.context["month"] == dt.date(2026, 1, 1)
        seen += [row["moved"].id for row in answer.context["rows"]]
        at = answer.context["older"]
    assert len(seen) == len(set(seen)) == 5
    assert answer.context["first"] == first


def test_older_earnings_are_a_page_on_and_lead_back(selling, monkeypatch):
    monkeypatch.setattr(statement, "PAGE", 1)
    maturing.mature(timezone.now().date() + AVAILABLE_AFTER)
    credit.spend_earnings(selling.cast.asha.actor, 100, "tests")
    newest = page(selling.cast.asha, "earnings")
    older = browser(selling.cast.asha).get(newest.context["older"])
    assert [each.context["rows"][0]["moved"].kind for each in (newest, older)] == ["spent", "matured"]
    assert (newest.context["first"], older.context["first"], older.context["older"]) == ("", url("earnings"), "")


def test_the_history_as_csv(selling):
    found = rows(page(selling.cast.bela, "billing-csv"))
    assert tuple(found[0]) == HISTORY
    assert [(each["quoted"], each["charged"], each["returned"], each["end"]) for each in found[:3]] == [
        ("0.0005", "", "", ""),
        ("0.0005", "0.00", "0.0005", "cancelled"),
        ("0.0005", "0.0005", "0.00", "certified"),
    ]
    assert found[3]["change"] == "5.00"
    assert sum(Decimal(each["change"]) for each in found) == Decimal("5.999"), "what is available now"
    assert found[2]["certificate"] == selling.paid.certificate.hex


def test_the_history_as_csv_goes_back_to_the_beginning(selling, monkeypatch):
    monkeypatch.setattr(statement, "BATCH", 2)
    monkeypatch.setattr(sheets, "LINES", 3)
    found = rows(page(selling.cast.bela, "billing-csv"))
    assert [each["what"] for each in found] == [
        *["Set aside"] * 3,
        "Credit given for a =test",
        "Credit given free credit",
    ]


def test_a_cell_is_never_a_formula():
    answer = sheets.sheet("x.csv", ("a", "b", "c"), [("=1+1", "-0.5", "@x")])
    assert answer.getvalue().decode().splitlines()[1] == "'=1+1,-0.5,'@x"


def test_a_month_that_is_none_is_refused(shop):
    assert page(shop.cast.bela, month="2026-13").status_code == 422
    assert page(shop.cast.bela, before="x").status_code == 422


def test_another_month_shows_its_own_spending(selling):
    selling.cast.bela.organisation.__class__.objects.update(created=timezone.now() - dt.timedelta(days=70))
    answer = page(selling.cast.bela)
    before = browser(selling.cast.bela).get(answer.context["month_before"])
    assert "Nothing was spent in this month." in text(before)
    assert before.context["month_after"]


# --- whose it is ----------------------------------------------------------------------------------------------


def test_who_belongs_to_an_organisation_sees_its_money(selling):
    tariq = selling.cast.tariq  # a buyer
    answer = page(tariq, organisation="asha")
    assert answer.status_code == 200
    assert "Credit given" in text(answer)
    assert "Caps are set by" in text(answer)
    assert page(tariq, "earnings", organisation="asha").status_code == 200


@pytest.mark.parametrize("name", ["billing", "earnings", "billing-csv", "earnings-csv"])
def test_a_stranger_learns_nothing(selling, name):
    assert page(selling.cast.sam, name, organisation="asha").status_code == 404
    assert page(selling.cast.sam, name, organisation="no-such").status_code == 404


def test_a_buyer_moves_nothing(selling):
    client = browser(selling.cast.tariq)
    sent = {"organisation": "asha", "amount": "1", "once": str(uuid.uuid4())}
    assert client.post(url("cap"), sent).status_code == 403
    assert client.post(url("earnings"), sent).status_code == 403
    assert browser(selling.cast.sam).post(url("cap"), sent).status_code == 404


def test_the_role_billing_moves_it(selling):
    Membership.objects.filter(user=selling.cast.tariq.user, organisation=selling.cast.asha.organisation).update(
        role=Role.BILLING
    )
    sent = {"organisation": "asha", "amount": "12.5"}
    answer = browser(selling.cast.tariq).post(url("cap"), sent)
    assert answer.headers["Location"] == f"{url('billing')}?organisation=asha"
    assert caps.caps_of(selling.cast.asha.actor)[0].amount == 12_500_000


# --- caps -----------------------------------------------------------------------------------------------------


def test_a_cap_is_set_changed_and_removed(shop):
    client = browser(shop.cast.bela)
    of = lambda: {each.key and each.key.pk: each.amount for each in caps.caps_of(shop.cast.bela.actor)}  # noqa: E731
    client.post(url("cap"), {"amount": "10"})
    client.post(url("cap"), {"amount": "0.5", "key": shop.key.pk})
    assert (of()[None], of()[shop.key.pk]) == (10_000_000, 500_000)
    client.post(url("cap"), {"amount": "20", "remove": "yes"})
    client.post(url("cap"), {"amount": "", "key": shop.key.pk})
    assert (of()[None], of()[shop.key.pk]) == (None, None)


def test_an_amount_that_is_none_is_said_beside_its_field(shop):
    answer = browser(shop.cast.bela).post(url("cap"), {"amount": "ten", "key": shop.key.pk})
    assert answer.status_code == 422
    field = re.search(rf'<input[^>]*id="cap-{shop.key.pk}"[^>]*>', answer.content.decode())
    assert field
    assert "is-invalid" in field[0]
    assert answer.content.decode().count("amount-error") == 2


def test_another_s_key_has_no_cap_to_set(shop):
    assert browser(shop.cast.sam).post(url("cap"), {"amount": "1", "key": shop.key.pk}).status_code == 404


def test_what_is_used_of_a_cap_is_said_on_every_page(selling):
    bela = selling.cast.bela
    caps.set_cap(bela.actor, None, 1_800)
    asked(bela)
    assert "has reached 80 % of its cap of $0.0018" in text(page(bela))
    assert "80 % of a cap" in text(browser(bela).get(url("verification")))


def test_a_cap_set_below_what_is_used_is_said_before_it_refuses_anything(selling):
    caps.set_cap(selling.cast.bela.actor, None, 900)
    assert "has reached its cap of $0.0009" in text(page(selling.cast.bela))


def test_who_has_nothing_left_is_told_what_to_do_and_by_which_name(shop):
    assert "Nothing is left to spend" not in text(page(shop.cast.bela))
    pricing.set_for_model(shop.cast.asha.actor, shop.version.model, "direct", Asking("1"))
    asked(shop.cast.bela)
    assert "ask who runs this marketplace for some, for bela" in text(page(shop.cast.bela))


# --- earnings -------------------------------------------------------------------------------------------------


def test_earnings_with_the_day_on_which_they_are_available(selling):
    shown = text(page(selling.cast.asha, "earnings"))
    day = timezone.now().date() + AVAILABLE_AFTER
    assert "Earned, not yet available $0.00045 " in shown
    assert f"{day:%-d %B %Y} $0.00045" in shown
    assert "10 % of what is charged goes to who runs this marketplace" in shown
    assert "Available $0.00 " in shown
    assert [(each["asked"], each["earned"]) for each in rows(page(selling.cast.asha, "earnings-csv"))] == [
        ("asha/digits", "0.00045")
    ]


def test_earnings_are_turned_into_credit_once(selling):
    maturing.mature(timezone.now().date() + AVAILABLE_AFTER)
    asha = selling.cast.asha
    once = page(asha, "earnings").context["given"]["once"]
    for _ in range(2):
        browser(asha).post(url("earnings"), {"amount": "0.0004", "once": once})
    balances = statement.balances(asha.organisation.pk)
    assert (balances.payable, balances.credit) == (50, 400)
    assert "Earnings turned into credit" in text(page(asha, "earnings"))
    assert "Earnings turned into credit" in text(page(asha))


@pytest.mark.parametrize(("amount", "status"), [("1", 409), ("0", 422), ("all", 422)])
def test_what_cannot_be_turned_is_said_beside_the_field(selling, amount, status):
    answer = browser(selling.cast.asha).post(url("earnings"), {"amount": amount, "once": str(uuid.uuid4())})
    assert answer.status_code == status
    assert 'id="amount-error"' in answer.content.decode()


def test_a_form_without_its_name_moves_nothing(selling):
    answer = browser(selling.cast.asha).post(url("earnings"), {"amount": "0.0001"})
    assert answer.status_code == 422


# --- every page -----------------------------------------------------------------------------------------------


def test_the_header_tells_what_is_available_and_that_it_is_test_money(selling):
    shown = text(browser(selling.cast.bela).get(url("verification")))
    assert "$5.999 test money" in shown
    assert "test money" not in text(browser().get(url("verification")))


def test_queries_do_not_grow_with_what_is_listed(selling):
    def queries(person, name: str) -> int:
        client = browser(person)
        client.get(url(name))  # prepares its statements, where this connection has not yet
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(name)).status_code == 200
        return len(captured)

    every = [(selling.cast.bela, "billing"), (selling.cast.asha, "earnings")]
    before = [queries(*each) for each in every]
    for _ in range(4):
        certified(selling.cast, selling.cast.bela)
        caps.set_cap(selling.cast.bela.actor, None, 10_000_000)
    assert [queries(*each) for each in every] == before
    assert [count <= most for count, most in zip(before, (14, 12), strict=True)] == [True, True], before


# --- charts ---------------------------------------------------------------------------------------------------


def test_a_chart_stacks_a_day_and_says_all_it_draws():
    month = dt.date(2026, 11, 1)
    found = [
        statement.Daily(dt.date(2026, 11, 3), by, amount, 1)
        for by, amount in (("a", 10), ("b", 30), ("c", 20), ("d", 25), ("e", 15))
    ]
    drawn = chart(found, month)
    assert drawn.series == (("b", 30), ("d", 25), ("c", 20), ("others", 25))
    assert drawn.total == drawn.most == 100
    assert sum(float(bar.height) for bar in drawn.bars) == 100
    assert min(float(bar.y) for bar in drawn.bars) == 0
    assert len(drawn.rows) == 5


def test_a_month_in_which_everything_was_free_has_a_table_and_no_bars(shop):
    answer = page(shop.cast.bela)
    assert answer.context["chart"].bars == ()
    assert "Nothing was spent in this month. As a table" in text(answer)
    assert " direct 2, 2 free $0.00 " in text(answer)


def test_a_chart_of_nothing_is_empty():
    assert chart([], dt.date(2026, 2, 1)).bars == ()
    refunded = [statement.Daily(dt.date(2026, 2, 1), "a", 0, 0)]
    assert chart(refunded, dt.date(2026, 2, 1)).bars == ()
