"""Groups that want to keep the money, or the stakes, although it is proven that they lied."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from marketplace.billing import credit, holding, ledger, stakes
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.errors import Conflict
from marketplace.groups import actions, evidence
from marketplace.groups.models import Strike
from tests.marketplace import people
from tests.marketplace.billing import grouped
from tests.marketplace.billing.books import Books
from tests.marketplace.billing.grouped import PRICE
from tests.marketplace.groups import founded
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000
STAKE = 2_000_000
ADDRESS = f"/api/v1/groups/{founded.SLUG}/evidence"


@pytest.fixture
def buyer(db):
    """Somebody who is in no member's organisation."""
    return people.person("dora")


def test_two_who_were_lied_to_in_one_entry_are_both_paid_back(cast, books, owners):
    """It is one deed and one strike, but each was charged."""
    group = grouped.selling(owners)
    buyers = [cast.tariq, people.person("dora")]
    given = [grouped.decide(owners, grouped.ask(each)).certificate.evidence for each in buyers]
    for made in grouped.miscounted(owners, *given):
        evidence.submit(None, group, made.to_cbor())
    assert [books.of(each) for each in buyers] == [{"free": WELCOME}] * 2
    assert Strike.objects.count() == 3


def test_evidence_that_comes_before_the_answer_does_not_save_what_is_earned(books, owners, buyer):
    """The liars hand it in themselves, before the marketplace has heard of the answer: the buyer does so again."""
    group = grouped.selling(owners)
    prediction = grouped.ask(buyer)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tests.marketplace.billing.grouped.actions.apply", lambda changes: None)
        given = grouped.decide(owners, prediction).certificate.evidence
    (made,) = grouped.miscounted(owners, given)
    evidence.submit(None, group, made.to_cbor())
    grouped.decide(owners, prediction)
    assert books.of(buyer) == {"free": WELCOME - 4 * PRICE}
    _, is_news = evidence.submit(None, group, made.to_cbor())
    assert not is_news
    assert books.of(buyer) == {"free": WELCOME}


def test_liars_of_whom_enough_is_known_pay_back_what_they_lie_for_next(monkeypatch, books, owners, buyer):
    """Who has nothing at stake may well accuse himself until no more is kept."""
    group = grouped.selling(owners)
    given = grouped.decide(owners, grouped.ask(buyer)).certificate.evidence
    monkeypatch.setattr(evidence, "MOST_STRIKES", 0)
    (made,) = grouped.miscounted(owners, given)
    with pytest.raises(Conflict):
        evidence.submit(None, group, made.to_cbor())
    assert books.of(buyer) == {"free": WELCOME}


def test_a_group_that_is_withdrawn_in_time_is_convicted_all_the_same(client, cast, books, owners, buyer):
    """Its stakes are locked for two weeks, in which anybody may still hand in what it did."""
    for each in owners:
        credit.grant(cast.staff, each.person.organisation, STAKE, f"tests {each.slug}", "for a test")
        stakes.deposit(each.actor, STAKE, Kind.CREDIT, "first")
    group = grouped.selling(owners, stake=STAKE)
    given = grouped.decide(owners, grouped.ask(buyer)).certificate.evidence
    actions.withdraw(owners[0].actor, group)
    (made,) = grouped.miscounted(owners, given)
    headers = {"headers": buyer.headers, "content_type": "application/cbor"}
    answer = client.generic("POST", ADDRESS, made.to_cbor(), **headers)
    assert answer.status_code == 201, answer.content
    assert books.platform["slashed"] == 3 * STAKE
    assert books.of(buyer) == {"free": WELCOME}


def test_a_group_that_was_withdrawn_before_it_stood_is_not_told_of(client, owners, buyer):
    group = founded.complete(founded.found(owners[0]), owners)
    actions.withdraw(owners[0].actor, group)
    answer = client.post(ADDRESS, b"{}", content_type="application/json", headers=buyer.headers)
    assert problem(answer)["status"] == 404


def test_fees_that_have_been_moved_away_do_not_keep_evidence_out(cast, books, owners, buyer):
    """What cannot be paid back is for staff; the strikes and the stakes are not."""
    group = grouped.selling(owners)
    given = grouped.decide(owners, grouped.ask(buyer)).certificate.evidence
    fees = books.platform["fees"]
    away = Part(Where(Kind.FEES), -fees), Part(Where(Kind.ADJUSTED), fees)
    ledger.post([Posting(key="a test", kind=ledger.Kind.ADJUSTED, parts=away)])
    (made,) = grouped.miscounted(owners, given)
    evidence.submit(None, group, made.to_cbor())
    assert Strike.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_asking_while_evidence_of_ones_own_case_is_handed_in(owners, buyer, monkeypatch):
    """Neither waits for the other for ever: one has counted its spending and wants the group, the other has the
    group and wants the spending.
    """
    group = grouped.selling(owners)
    given = grouped.decide(owners, grouped.ask(buyer)).certificate.evidence
    (made,) = grouped.miscounted(owners, given)
    counted, handing_in = threading.Event(), threading.Event()
    hold, reverse_request = holding.hold, evidence.reversing.reverse_request

    def slowly(*arguments):
        held = hold(*arguments)
        counted.set()
        assert handing_in.wait(30)
        return held

    def after(*arguments):
        handing_in.set()
        return reverse_request(*arguments)

    monkeypatch.setattr("marketplace.predictions.actions.holding.hold", slowly)
    monkeypatch.setattr(evidence.reversing, "reverse_request", after)
    failed: list[BaseException] = []

    def asking() -> None:
        try:
            grouped.ask(buyer)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=asking)
    thread.start()
    assert counted.wait(30)
    evidence.submit(None, group, made.to_cbor())
    thread.join(30)
    assert not failed
    assert Books().of(buyer) == {"free": WELCOME - 4 * PRICE, "held": 4 * PRICE}
