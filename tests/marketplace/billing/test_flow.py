"""A prediction that costs something: held, posted, split; or returned."""

from __future__ import annotations

import pytest

from marketplace.billing import pricing
from marketplace.billing.models import Hold, HoldEnd
from marketplace.errors import PaymentRequired
from marketplace.predictions import actions
from marketplace.predictions.models import Prediction
from tests.marketplace import answering

WELCOME = 1_000_000


def test_who_comes_gets_free_credit(cast, books):
    assert books.of(cast.bela) == {"free": WELCOME}
    assert books.platform["granted"] == -4 * WELCOME


def test_the_quoted_maximum_is_set_aside(cast, books, priced, ask):
    prediction = ask()
    assert books.of(cast.bela) == {"free": WELCOME - 500, "held": 500}
    assert prediction.hold.amount == 500


def test_a_certificate_posts_it(cast, books, priced, ask):
    prediction = answering.end(cast.node_key, ask())
    assert books.of(cast.bela) == {"free": WELCOME - 500}
    assert books.of(cast.asha) == {"free": WELCOME, "earned": 450}
    assert books.platform["fees"] == 50
    assert HoldEnd.objects.get(hold=prediction.hold).posted == 500


def test_withdrawing_returns_it(cast, books, priced, ask):
    actions.cancel(ask())
    assert books.of(cast.bela) == {"free": WELCOME}
    assert HoldEnd.objects.get().ending == "cancelled"


def test_too_little_credit_is_refused_with_what_is_missing(cast, books, priced, ask, settings):
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", pricing.Asking("1.5"))
    with pytest.raises(PaymentRequired) as refused:
        ask()
    assert refused.value.missing == 500_000
    assert not Prediction.objects.exists()
    assert not Hold.objects.exists()
    assert books.of(cast.bela) == {"free": WELCOME}


def test_free_credit_is_spent_first_and_credit_comes_back_first(cast, books, priced, ask, grant):
    grant(cast.bela, 2_000_000)
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", pricing.Asking("1.5"))
    prediction = ask()
    assert books.of(cast.bela) == {"credit": 1_500_000, "held": 1_500_000}
    actions.cancel(prediction)
    assert books.of(cast.bela) == {"free": WELCOME, "credit": 2_000_000}


def test_nobody_pays_oneself(cast, books, priced, ask):
    assert ask(cast.asha).hold is None
