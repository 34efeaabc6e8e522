"""What evidence costs: the stake of whom it convicts; and a wrong outcome is paid back to who asked."""

from __future__ import annotations

import pytest
from django.utils import timezone
from msgspec import structs

from assay import merkle
from assay.agreement.blame import making
from assay.agreement.entry import Ballot
from assay.agreement.group import Signed
from assay.digest import Tag
from marketplace.billing import maturing, pricing, settling
from marketplace.billing.models import Transaction
from marketplace.billing.pricing import Asking
from marketplace.groups import evidence
from marketplace.predictions import actions, questions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.groups import founded
from tests.marketplace.groups.deciding import SILENT, certificate

pytestmark = pytest.mark.django_db
WELCOME = 1_000_000


@pytest.fixture
def group(owners):
    """One that serves; every member asks 1,000 micro-units for a vote."""
    group = founded.complete(founded.found(owners[0]), owners)
    for each in owners:
        pricing.set_for_member(each.actor, each.seat(group), "agreement", Asking("0.001"))
    return founded.formed(founded.signed(group, owners))


@pytest.fixture
def buyer(cast):
    """Somebody who is no member."""
    return cast.tariq


def ask(person) -> Prediction:
    verification = {"mode": "agreement"}
    body = Body(group=founded.SLUG, inputs=[answering.a_three()], verification=verification, deadline=20)
    return actions.create(person.actor, questions.read(person.actor, body))


def certified(owners, prediction, says=None):
    prepared = certificate([each.key for each in owners], prediction, says or {})
    actions.apply([Change(prediction.pk, Status.DISPATCHED)])
    actions.apply([Change(prediction.pk, Status(prepared.certificate.statement.outcome), certificate=prepared)])
    return prepared.certificate


def otherwise(owners, given):
    """Evidence that the same members have committed to an outcome of the same request that does not follow."""
    ended = structs.replace(given.ended, outcome="failed")
    entry = structs.replace(given.entry, root=merkle.root([ended.leaf]))
    ballot = Ballot(entry.group, entry.epoch, given.view, given.installed, entry.number, entry.digest)
    signing = ballot.digest(Tag.AGREEMENT_COMMIT)
    commits = tuple(
        Signed(each.member, owners[each.member].key.sign(Tag.AGREEMENT_COMMIT, signing)) for each in given.commits
    )
    made = making.wrong_outcome(structs.replace(given, ended=ended, entry=entry, commits=commits))
    assert made is not None
    return made


def test_every_member_that_answered_is_paid_its_own_price(books, owners, group, buyer):
    certified(owners, ask(buyer))
    assert books.of(buyer) == {"free": WELCOME - 4000}
    assert [books.of(each.person)["earned"] for each in owners] == [900] * 4
    assert books.platform["fees"] == 400


def test_who_does_not_answer_is_not_paid(books, owners, group, buyer):
    certified(owners, ask(buyer), {3: SILENT})
    assert books.of(buyer) == {"free": WELCOME - 3000}
    assert [books.of(each.person).get("earned", 0) for each in owners] == [900, 900, 900, 0]


def test_who_dissents_is_paid_for_having_answered(books, owners, group, buyer):
    certified(owners, ask(buyer), {3: 8})
    assert [books.of(each.person)["earned"] for each in owners] == [900] * 4


def test_nothing_is_paid_for_what_is_contested(books, owners, group, buyer):
    certified(owners, ask(buyer), {0: 1, 1: 2, 2: 4})
    assert books.of(buyer) == {"free": WELCOME}


def test_a_member_that_asks_its_group_pays_the_others(books, owners, group):
    certified(owners, ask(owners[0].person))
    assert books.of(owners[0].person) == {"free": WELCOME - 3000}


def test_an_outcome_proven_wrong_is_paid_back(books, owners, group, buyer):
    prediction = ask(buyer)
    given = certified(owners, prediction)
    evidence.submit(None, group, otherwise(owners, given.evidence).to_cbor())
    assert books.of(buyer) == {"free": WELCOME}
    assert all("earned" not in books.of(each.person) for each in owners)
    assert "fees" not in books.platform
    reversal = Transaction.objects.get(kind="reversed")
    assert reversal.reverses == Prediction.objects.get(pk=prediction.pk).hold.end.transaction
    assert reversal.detail.startswith("dispute-lost digits-four: outcome")


def test_what_is_available_to_its_earners_stays_theirs(books, owners, group, buyer, monkeypatch):
    given = certified(owners, ask(buyer))
    day = Transaction.objects.get(kind="posted").available
    maturing.mature(day)
    assert [books.of(each.person).get("payable") for each in owners] == [900] * 4
    too_late = timezone.now() + settling.AVAILABLE_AFTER
    monkeypatch.setattr("marketplace.billing.reversing.timezone.now", lambda: too_late)
    evidence.submit(None, group, otherwise(owners, given.evidence).to_cbor())
    assert books.of(buyer) == {"free": WELCOME - 4000}
