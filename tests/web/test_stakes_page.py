"""The page of what one has at stake."""

from __future__ import annotations

import uuid

import pytest

from marketplace.billing import credit, stakes
from marketplace.billing.accounts import Kind
from marketplace.groups import actions
from marketplace.web.views import stakes as views
from tests.marketplace.groups import founded
from tests.web.conftest import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def funded(cast):
    credit.grant(cast.staff, cast.asha.organisation, 5_000_000, "tests", "for a test")
    return cast.asha


def form(**given):
    return {"amount": "2.00", "source": "credit", "once": str(uuid.uuid4()), "move": "deposit"} | given


def test_nothing_is_at_stake_at_first(cast):
    page = browser(cast.asha).get("/stakes").content.decode()
    assert "Nothing is locked" in page
    assert page.count("<dd>$0.00</dd>") == 2
    assert "earnings that are available: $0.00</option>" in page


def test_a_deposit_is_made_once_for_each_form(funded):
    once = form()
    for _ in range(2):
        assert browser(funded).post("/stakes", once).status_code == 302
    assert stakes.balance(funded.organisation) == (2_000_000, 0)
    assert "$2.00" in browser(funded).get("/stakes").content.decode()


def test_it_is_taken_back(funded):
    browser(funded).post("/stakes", form())
    browser(funded).post("/stakes", form(move="withdraw", amount="0.5"))
    assert stakes.balance(funded.organisation) == (1_500_000, 0)


@pytest.mark.parametrize("amount", ["", "-1", "1e3", "0.0000001", "0", "99999999999"])
def test_what_is_no_amount_is_refused_beside_its_field(funded, amount):
    refused = browser(funded).post("/stakes", form(amount=amount))
    assert refused.status_code == 422
    assert 'id="amount-error"' in refused.content.decode()
    assert 'role="alert"' not in refused.content.decode()  # it is said once


def test_more_than_there_is_is_refused(funded):
    refused = browser(funded).post("/stakes", form(amount="6"))
    assert refused.status_code == 409
    assert "there is not so much to move" in refused.content.decode().lower()


@pytest.mark.parametrize("given", [{"source": "free"}, {"source": "held"}, {"once": "again"}, {"move": "all"}])
def test_a_form_that_was_tampered_with_moves_nothing(funded, given):
    assert browser(funded).post("/stakes", form(**given)).status_code == 422
    assert stakes.balance(funded.organisation) == (0, 0)


def test_a_place_and_what_became_of_it_are_listed(cast):
    owners = founded.owners(cast)
    for each in owners:
        credit.grant(cast.staff, each.person.organisation, 1_000_000, f"tests {each.slug}", "for a test")
        stakes.deposit(each.actor, 1_000_000, Kind.CREDIT, "first")
    group = founded.complete(founded.found(owners[0], stake=1_000_000), owners)
    assert "Locked</span>" in browser(owners[1].person).get("/stakes").content.decode()
    stakes.slash([owners[1].seat(group)], "a double vote")
    page = browser(owners[1].person).get("/stakes").content.decode()
    assert "Lost</span>" in page
    assert "a double vote" in page
    assert "Stake of each member" in browser(owners[0].person).get(f"/your-groups/{group}").content.decode()


def test_what_a_place_locks_is_told_before_it_is_taken(cast):
    owners = founded.owners(cast)
    credit.grant(cast.staff, cast.asha.organisation, 1_000_000, "tests", "for a test")
    stakes.deposit(owners[0].actor, 1_000_000, Kind.CREDIT, "first")
    for name, stake, told in (("staked", 1_000_000, 1), ("free", 0, 0)):
        group = founded.found(owners[0], name, stake=stake)
        actions.invite(owners[0].actor, group, owners[1].slug)
        page = browser(owners[1].person).get(f"/your-groups/{group}").content.decode()
        assert page.count("$1.00 of your deposit is locked with it.") == told
        assert page.count("The place locks <b>$1.00</b>") == told


def test_older_locks_are_a_page_on(cast, monkeypatch):
    monkeypatch.setattr(views, "PER_PAGE", 1)
    owners = founded.owners(cast)
    for each in owners:
        credit.grant(cast.staff, each.person.organisation, 3_000_000, f"tests {each.slug}", "for a test")
        stakes.deposit(each.actor, 3_000_000, Kind.CREDIT, "first")
    for name in ("one", "two", "three"):
        founded.found(owners[0], name, stake=1_000_000)
    seen, at = [], "/stakes"
    while at:
        answer = browser(cast.asha).get(at)
        seen += [lock.member.group.slug for lock in answer.context["locks"]]
        at = answer.context["older"]
    assert seen == ["three", "two", "one"]
    assert browser(cast.asha).get("/stakes?before=x").status_code == 422


def test_a_group_is_founded_with_a_stake(cast):
    owners = founded.owners(cast)
    given = {
        "name": "staked",
        "title": "Staked",
        "summary": "",
        "invite": "",
        "aggregator": "plurality",
        "size": "4",
        "scale": "1000",
        "grace": "250",
        "horizon": "600000",
        "stake": "1.50",
        "model": f"{owners[0].version}/{owners[0].node.pk}",
    }
    refused = browser(owners[0].person).post("/found-a-group", given)
    assert refused.status_code == 402
    assert "stake of USD 1.50" in refused.content.decode()
    credit.grant(cast.staff, cast.asha.organisation, 5_000_000, "tests", "for a test")
    stakes.deposit(owners[0].actor, 1_500_000, Kind.CREDIT, "first")
    assert browser(owners[0].person).post("/found-a-group", given).status_code == 302
    assert stakes.balance(cast.asha.organisation) == (0, 1_500_000)
