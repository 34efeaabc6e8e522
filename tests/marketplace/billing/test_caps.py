"""Caps: never exceeded, also by many at once; told at 80 and 100 %, once a month; set by who sees to the money."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts import access
from marketplace.accounts import actions as accounts
from marketplace.accounts.models import ApiKey, AuditEntry, Membership, Role
from marketplace.billing import caps, holding, money, pricing, statement
from marketplace.billing.holding import CapReached
from marketplace.billing.models import Cap, CapAlert, Hold, Spending
from marketplace.catalogue.models import Model
from marketplace.errors import Forbidden, NotFound
from marketplace.predictions import actions, questions
from marketplace.predictions.models import Prediction
from marketplace.predictions.questions import Body
from tests.marketplace import answering

pytestmark = pytest.mark.django_db

PRICE = 500  # of a row


@pytest.fixture
def key(cast):
    """A key of bela's."""
    return accounts.create_key(cast.bela.actor, "laptop")[0]


@pytest.fixture
def through(priced):
    """Asks as somebody with one of their keys, or none; as REST does."""

    def through(person, key=None):
        actor = access.Actor(person.user, person.organisation, person.actor.roles, key)
        with caps.noting():
            return actions.create(actor, questions.read(actor, Body(**answering.request())))

    return through


def said(person) -> list[tuple[str | None, int]]:
    """What has been told: whose cap, at how many percent."""
    found = CapAlert.objects.filter(cap__organisation=person.organisation).order_by("pk")
    return [(each.cap.api_key and each.cap.api_key.name, each.percent) for each in found]


# --- what a cap does --------------------------------------------------------------------------------------------


def test_what_would_exceed_the_cap_is_refused_with_by_how_much(cast, through):
    caps.set_cap(cast.bela.actor, None, 2 * PRICE + 1)
    through(cast.bela)
    through(cast.bela)
    with pytest.raises(CapReached) as refused:
        through(cast.bela)
    assert (refused.value.code, refused.value.missing) == ("cap-reached", PRICE - 1)
    assert Prediction.objects.count() == Hold.objects.count() == 2


def test_what_is_returned_may_be_spent_again(cast, through):
    caps.set_cap(cast.bela.actor, None, PRICE)
    actions.cancel(through(cast.bela))
    through(cast.bela)
    assert caps.caps_of(cast.bela.actor)[0].used == PRICE


def test_a_keys_cap_is_its_own_and_within_the_organisations(cast, through, key):
    caps.set_cap(cast.bela.actor, key, PRICE)
    through(cast.bela, key)
    with pytest.raises(CapReached, match="key's cap"):
        through(cast.bela, key)
    through(cast.bela)  # who is signed in has no such cap
    caps.set_cap(cast.bela.actor, None, 2 * PRICE)
    with pytest.raises(CapReached, match="organisation's cap"):
        through(cast.bela)


def test_where_two_caps_are_exceeded_the_larger_excess_is_told_and_both_are_noted(cast, through, key):
    caps.set_cap(cast.bela.actor, None, PRICE - 1)
    caps.set_cap(cast.bela.actor, key, PRICE - 200)
    with pytest.raises(CapReached, match="key's cap") as refused:
        through(cast.bela, key)
    assert refused.value.missing == 200
    assert sorted(said(cast.bela), key=str) == [("laptop", 100), (None, 100)]


def test_a_cap_of_nothing_allows_what_is_free(cast, through, ask):
    caps.set_cap(cast.bela.actor, None, 0)
    with pytest.raises(CapReached):
        through(cast.bela)
    caps.set_cap(cast.asha.actor, None, 0)
    assert ask(cast.asha).hold is None  # nobody pays oneself


def test_a_cap_is_for_the_calendar_month(cast, through, monkeypatch):
    caps.set_cap(cast.bela.actor, None, PRICE)
    through(cast.bela)
    later = Spending.objects.get(organisation=cast.bela.organisation, api_key=None).month + dt.timedelta(days=31)
    for module in (holding, caps):
        monkeypatch.setattr(module, "this_month", lambda: later.replace(day=1))
    through(cast.bela)
    assert caps.caps_of(cast.bela.actor)[0].used == PRICE
    assert said(cast.bela) == [(None, 80), (None, 100), (None, 80), (None, 100)]


def test_another_organisations_cap_is_nobody_elses(cast, through):
    caps.set_cap(cast.sam.actor, None, 0)
    through(cast.bela)
    assert said(cast.sam) == []


# --- being told -------------------------------------------------------------------------------------------------


def test_one_is_told_at_80_percent_and_at_100_once_each(cast, through):
    caps.set_cap(cast.bela.actor, None, 10 * PRICE)
    for _ in range(7):
        through(cast.bela)
    assert said(cast.bela) == []
    through(cast.bela)
    assert said(cast.bela) == [(None, 80)]
    through(cast.bela)
    assert said(cast.bela) == [(None, 80)]
    through(cast.bela)  # the last that fits: the cap is reached
    assert said(cast.bela) == [(None, 80), (None, 100)]
    for _ in range(2):
        with pytest.raises(CapReached):
            through(cast.bela)
    assert said(cast.bela) == [(None, 80), (None, 100)]


def test_a_refusal_is_told_though_its_own_transaction_is_gone(cast, through):
    caps.set_cap(cast.bela.actor, None, 3 * PRICE // 2)
    through(cast.bela)
    assert said(cast.bela) == []
    with pytest.raises(CapReached):
        through(cast.bela)
    assert said(cast.bela) == [(None, 100)]
    (shown, *_) = caps.caps_of(cast.bela.actor)
    assert (shown.used, shown.left, shown.percent, shown.level) == (PRICE, PRICE // 2, 66, 100)


def test_too_little_credit_is_no_cap_reached(cast, through):
    caps.set_cap(cast.bela.actor, None, 10**15)
    Spending.objects.all().delete()
    pricing.set_for_model(cast.asha.actor, Model.objects.get(slug="digits"), "direct", pricing.Asking("2"))
    with pytest.raises(holding.PaymentRequired) as refused:
        through(cast.bela)
    assert refused.value.code == "insufficient-credit"
    assert said(cast.bela) == []


def test_a_cap_that_is_raised_says_so_again_when_it_is_reached(cast, through):
    caps.set_cap(cast.bela.actor, None, PRICE)
    through(cast.bela)
    assert said(cast.bela) == [(None, 80), (None, 100)]
    caps.set_cap(cast.bela.actor, None, 2 * PRICE)
    assert said(cast.bela) == []
    through(cast.bela)
    assert said(cast.bela) == [(None, 80), (None, 100)]


def test_the_header_shows_the_highest_level_of_all_caps(cast, through, key):
    caps.set_cap(cast.bela.actor, None, 10 * PRICE)
    caps.set_cap(cast.bela.actor, key, PRICE)
    assert statement.purse(cast.bela.user.pk).alert == 0
    through(cast.bela, key)
    assert statement.purse(cast.bela.user.pk).alert == 100


@pytest.mark.parametrize(
    ("amount", "level"), [(PRICE * 10 // 8 + 1, 0), (PRICE * 10 // 8, 80), (1, 100), (0, 100)]
)
def test_a_cap_that_is_set_below_what_is_spent_is_reached_at_once(cast, through, amount, level):
    through(cast.bela)
    caps.set_cap(cast.bela.actor, None, amount)
    assert statement.purse(cast.bela.user.pk).alert == caps.caps_of(cast.bela.actor)[0].level == level


# --- setting ----------------------------------------------------------------------------------------------------


def test_a_cap_is_set_changed_and_removed_and_each_is_on_record(cast, key):
    caps.set_cap(cast.bela.actor, key, 5)
    caps.set_cap(cast.bela.actor, key, 7)
    assert [each.amount for each in Cap.objects.all()] == [7]
    caps.set_cap(cast.bela.actor, key, None)
    caps.set_cap(cast.bela.actor, key, None)  # to remove what is not there is no event
    assert not Cap.objects.exists()
    noted = AuditEntry.objects.filter(action__startswith="cap.").order_by("pk")
    assert [each.action for each in noted] == ["cap.set", "cap.set", "cap.removed"]
    assert "USD 0.000007 a month" in noted[1].subject


def test_removing_a_cap_takes_what_it_said_with_it(cast, through):
    caps.set_cap(cast.bela.actor, None, PRICE)
    through(cast.bela)
    caps.set_cap(cast.bela.actor, None, None)
    assert said(cast.bela) == []
    assert caps.caps_of(cast.bela.actor)[0].amount is None


@pytest.mark.parametrize("amount", [-1, money.MOST + 1, 2**63])
def test_a_cap_is_within_reason(cast, amount):
    with pytest.raises(Refused) as refused:
        caps.set_cap(cast.bela.actor, None, amount)
    assert refused.value.pointer == "/amount"


def test_only_billing_and_admins_set_caps(cast):
    with pytest.raises(Forbidden):
        caps.set_cap(access.for_user(cast.tariq.user, "asha"), None, 1)
    membership = Membership.objects.filter(user=cast.tariq.user, organisation=cast.asha.organisation)
    membership.update(role=Role.BILLING)
    caps.set_cap(access.for_user(cast.tariq.user, "asha"), None, 1)
    assert Cap.objects.get().organisation == cast.asha.organisation


def test_a_capped_key_lifts_no_cap(cast):
    key, _ = accounts.create_key(cast.bela.actor, "spender", ["billing", "predict"])
    with_it = access.Actor(cast.bela.user, cast.bela.organisation, cast.bela.actor.roles, key)
    caps.set_cap(with_it, key, 5)  # it may bound itself
    for amount in (None, 10**9):
        for which in (key, None):
            with pytest.raises(Forbidden) as refused:
                caps.set_cap(with_it, which, amount)
            assert refused.value.code == "capped-key"
    assert [cap.amount for cap in Cap.objects.all()] == [5]


def test_a_strangers_key_is_not_there(cast, key):
    with pytest.raises(NotFound):
        caps.key_of(cast.sam.actor, key.pk)
    with pytest.raises(NotFound):
        caps.set_cap(cast.sam.actor, key, 1)


def test_who_sees_to_the_money_sees_every_key_others_their_own(cast):
    names = [each.key and each.key.created_by.name for each in caps.caps_of(cast.asha.actor)]
    assert sorted(names, key=str) == ["Asha", None, "Tariq"]
    tariq = access.for_user(cast.tariq.user, "asha")
    assert [each.key and each.key.created_by.name for each in caps.caps_of(tariq)] == [None, "Tariq"]


def test_keys_that_are_revoked_or_expired_are_shown_only_with_a_cap(cast):
    before = timezone.now() - dt.timedelta(days=1)
    for name, ended in (("revoked", {"revoked": before}), ("expired", {"expires": before})):
        for capped in (True, False):
            made, _ = accounts.create_key(cast.bela.actor, f"{name}, {'capped' if capped else 'free'}")
            if capped:
                caps.set_cap(cast.bela.actor, made, 5)
            ApiKey.objects.filter(pk=made.pk).update(**ended)
    shown = [each.key.name for each in caps.caps_of(cast.bela.actor) if each.key]
    assert shown[:2] == ["expired, capped", "revoked, capped"]
    assert not [name for name in shown if name.endswith("free")]


def test_looking_takes_the_same_number_of_queries_however_many_keys(cast, django_assert_num_queries):
    for i in range(5):
        caps.set_cap(cast.bela.actor, accounts.create_key(cast.bela.actor, f"key {i}")[0], i)
    actor = cast.bela.actor
    with django_assert_num_queries(4):
        assert len(caps.caps_of(actor)) == 7


# --- many at once -----------------------------------------------------------------------------------------------


def at_once(*works) -> list[str]:
    """Does all of it at the same moment, each in a thread of its own; what each came to, or the refusal's code."""
    start, came = threading.Barrier(len(works)), [""] * len(works)

    def do(i: int) -> None:
        try:
            start.wait(30)
            works[i]()
            came[i] = "done"
        except CapReached as refused:
            came[i] = refused.code
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(i,)) for i in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(came)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_exceed_a_cap(cast, through, key):
    caps.set_cap(cast.bela.actor, None, 6 * PRICE + 1)
    caps.set_cap(cast.bela.actor, key, 4 * PRICE + 499)
    with_key = [lambda: through(cast.bela, key)] * 8
    without = [lambda: through(cast.bela)] * 4
    came = at_once(*with_key, *without)
    assert came == ["cap-reached"] * 6 + ["done"] * 6
    used = {each.key: each.used for each in caps.caps_of(cast.bela.actor)}
    assert used[None] == 6 * PRICE
    assert used[key] <= 4 * PRICE
    assert Hold.objects.count() == Prediction.objects.count() == 6
    assert (None, 100) in said(cast.bela)
    assert len(said(cast.bela)) == len(set(said(cast.bela)))


@pytest.mark.django_db(transaction=True)
def test_a_cap_may_be_set_and_removed_while_it_is_being_used_up(cast, through):
    """Whoever is told of it or removes it locks nobody out and breaks nobody's request."""
    caps.set_cap(cast.bela.actor, None, 4 * PRICE)
    actor = cast.bela.actor

    def set_and_remove():
        for amount in (5 * PRICE, None, 3 * PRICE, None, PRICE, None) * 3:
            caps.set_cap(actor, None, amount)

    came = at_once(*[lambda: through(cast.bela)] * 10, set_and_remove, set_and_remove)
    assert set(came) <= {"done", "cap-reached"}
    assert "" not in came
    held = Hold.objects.count()
    assert Spending.objects.get(organisation=cast.bela.organisation, api_key=None).amount == held * PRICE
    assert ApiKey.objects.exists()
