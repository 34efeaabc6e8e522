"""Prices: set by sellers beside their models and votes, told to buyers before they ask and after."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from marketplace.billing import pricing
from marketplace.billing.pricing import Asking
from marketplace.groups.models import Member
from marketplace.predictions import actions
from marketplace.web import prices
from marketplace.web.views import predictions
from tests.marketplace.answering import request
from tests.web.conftest import Shop, asked, browser, certified, url
from tests.web.test_billing_pages import text
from tests.web.test_who_may_open_what import serving

MODEL = ("asha", "digits")


def ask_for(shop: Shop, amount: str, free: int = 0) -> None:
    pricing.set_for_model(shop.cast.asha.actor, shop.version.model, "direct", Asking(amount, free))


def vote(person, amount: str, free: int = 0) -> None:
    seat = Member.objects.get(organisation=person.organisation, group__slug="serving")
    pricing.set_for_member(person.actor, seat, "agreement", Asking(amount, free))


def costs(answer) -> str:
    """What the playground says beside its modes."""
    found = re.search(r"<fieldset>\s*<legend>Verification.*?</fieldset>", answer.content.decode(), re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


# --- set --------------------------------------------------------------------------------------------------------


def test_an_owner_sets_a_price_and_sees_all_that_were(shop):
    client = browser(shop.cast.asha)
    for amount in ("0.0005", "0.001"):
        answer = client.post(url("model-price", *MODEL), {"mode": "direct", "amount": amount, "free_rows": "10"})
        assert answer.headers["Location"] == url("manage", *MODEL) + "#prices"
    shown = client.get(url("manage", *MODEL))
    assert 'value="0.001"' in shown.content.decode()
    assert "10 % of what is charged goes to who runs this marketplace" in text(shown)
    assert "$0.0005 per row" in text(shown)
    assert [each.micros for each in shown.context["selling"]["history"]] == [1_000, 500]
    assert pricing.of_model(shop.version.model_id, "direct")[0].free_rows == 10


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("amount", {"amount": "cheap"}),
        ("amount", {"amount": "1001"}),
        ("free_rows", {"amount": "1", "free_rows": "many"}),
        ("free_rows", {"amount": "1", "free_rows": "999999999"}),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(shop, field, sent):
    answer = browser(shop.cast.asha).post(url("model-price", *MODEL), {"mode": "direct", **sent})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()
    assert not shop.version.model.prices.exists()


def test_a_mode_that_is_not_asked_of_a_model_is_refused(shop):
    answer = browser(shop.cast.asha).post(url("model-price", *MODEL), {"mode": "agreement", "amount": "1"})
    assert answer.status_code == 422


def test_a_buyer_of_the_organisation_sets_none(shop):
    sent = {"mode": "direct", "amount": "1"}
    assert browser(shop.cast.tariq).post(url("model-price", *MODEL), sent).status_code == 403
    assert browser(shop.cast.sam).post(url("model-price", *MODEL), sent).status_code == 404


def test_a_member_sets_the_price_of_its_vote(shop):
    serving(shop)
    client = browser(shop.cast.asha)
    assert "Your vote’s price" in text(client.get(url("your-group", "serving")))
    sent = {"seat": "asha", "mode": "agreement", "amount": "0.002"}
    assert client.post(url("vote-price", "serving"), sent).status_code == 302
    assert 'value="0.002"' in client.get(url("your-group", "serving")).content.decode()
    wrong = client.post(url("vote-price", "serving"), sent | {"amount": "-1"})
    assert wrong.status_code == 422
    assert 'id="amount-error"' in wrong.content.decode()


# --- told before ------------------------------------------------------------------------------------------------


def test_free_is_said_where_it_is(shop):
    client = browser(shop.cast.bela)
    assert "Free" in costs(client.get(url("model", *MODEL)))
    assert "Free" in text(client.get(url("home")))


def test_a_model_s_price_is_on_its_card_its_page_and_beside_the_mode(shop):
    ask_for(shop, "0.0005")
    client = browser(shop.cast.bela)
    assert "$0.0005 per row" in text(client.get(url("home")))
    page = client.get(url("model", *MODEL))
    assert "Price $0.0005 per row" in text(page)
    assert "$0.0005 per row" in costs(page)
    assert page.context["costs"] == {"direct": ((500, 0),)}
    assert "$0.0005 per row" in costs(browser().get(url("model", *MODEL)))


def test_free_rows_that_are_left_are_counted(shop):
    ask_for(shop, "0.0005", free=2)
    client = browser(shop.cast.bela)
    assert "your next 2 rows this month are free" in costs(client.get(url("model", *MODEL)))
    certified(shop.cast, shop.cast.bela)
    assert "your next 1 row this month is free" in costs(client.get(url("model", *MODEL)))
    certified(shop.cast, shop.cast.bela)
    assert "2 rows a month are free, which you have used" in costs(client.get(url("model", *MODEL)))


def test_one_s_own_model_is_free(shop):
    ask_for(shop, "0.0005")
    said = costs(browser(shop.cast.asha).get(url("model", *MODEL)))
    assert "Free for you : it is yours; others pay $0.0005 per row" in said


def test_a_group_costs_what_its_members_ask_together(shop):
    serving(shop)
    vote(shop.cast.asha, "0.0005", free=3)
    other = Member.objects.exclude(organisation=shop.cast.asha.organisation).filter(group__slug="serving").first()
    pricing.Price.objects.create(member=other, mode="agreement", unit="row", micros=250, currency="USD")
    client = browser(shop.cast.asha)
    page = client.get(url("group", "serving"))
    assert "Price $0.00075 per row" in text(page)
    assert "$0.00025 per row , your own vote costs you nothing" in costs(page)
    members = text(client.get(url("group-members", "serving")))
    for asks in ("$0.0005 per row, 3 a month free", "$0.00025 per row", "Price $0.00075 per row"):
        assert asks in members
    tag = prices.tags(None, other.group, page.context["card"].modes)["agreement"]
    assert (tag.micros, tag.left, tag.own) == (750, 0, False)


# --- told after -------------------------------------------------------------------------------------------------


def test_a_prediction_tells_what_was_held_charged_and_returned(shop):
    ask_for(shop, "0.0005")
    client = browser(shop.cast.bela)
    waiting, withdrawn, paid = asked(shop.cast.bela), asked(shop.cast.bela), certified(shop.cast, shop.cast.bela)
    actions.cancel(withdrawn)
    said = {each.pk: text(client.get(url("prediction", each.pk))) for each in (waiting, withdrawn, paid)}
    assert "$0.0005 is held for it." in said[waiting.pk]
    assert (
        "It cost nothing: $0.0005 was held, and came back (the buyer withdrew it in time)." in said[withdrawn.pk]
    )
    assert "It cost $0.0005 , as quoted." in said[paid.pk]
    assert "It was free." in text(client.get(url("prediction", shop.certified.pk)))
    listed = [row["cost"] for row in client.get(url("predictions")).context["rows"]]
    assert [each and each.charged for each in listed] == [500, 0, None, None, None]


def test_what_takes_long_is_withdrawn_and_what_was_held_is_back_in_the_header(shop, monkeypatch):
    ask_for(shop, "0.5")
    client, waiting = browser(shop.cast.bela), asked(shop.cast.bela)
    live, withdraw = url("prediction-live", waiting.pk), url("prediction-withdraw", waiting.pk)
    assert withdraw not in client.get(live).content.decode()  # it may be answered at once
    monkeypatch.setattr(predictions, "QUICK", dt.timedelta(0))
    shown = client.get(live).content.decode()
    assert withdraw in shown
    assert 'id="purse"' not in shown
    ended = client.post(withdraw, headers={"HX-Request": "true"})
    assert "$0.50 was held, and came back" in text(ended)
    assert 'id="purse" hx-swap-oob="true"' in ended.content.decode()
    assert "$1.00" in ended.content.decode()
    assert 'data-status="cancelled"' in ended.content.decode()
    assert 'role="alert"' not in ended.content.decode()  # nothing went wrong
    assert withdraw not in client.get(live).content.decode()
    assert "hx-swap-oob" not in client.get(url("prediction", waiting.pk)).content.decode()


def test_who_withdraws_too_late_sees_the_answer_and_pays_for_it(shop):
    ask_for(shop, "0.5")
    client, paid = browser(shop.cast.bela), certified(shop.cast, shop.cast.bela)
    told = client.post(url("prediction-withdraw", paid.pk), follow=True)
    assert told.redirect_chain == [(url("prediction", paid.pk), 302)]
    assert "It cost $0.50 , as quoted." in text(told)


def test_too_little_credit_is_told_with_what_is_missing_and_where_to_go(shop):
    ask_for(shop, "5")
    client = browser(shop.cast.bela)
    assert f'data-billing="{url("billing")}"' in client.get(url("model", *MODEL)).content.decode()
    answer = client.post("/api/v1/predictions", request(), content_type="application/json")
    assert answer.status_code == 402
    assert answer.json()["missing"] == {"micros": 4_000_000, "currency": "USD"}
    assert "USD 4.00 is missing" in answer.json()["detail"]
