"""The client against the marketplace over a connection that loses answers: asked once, charged once."""

from __future__ import annotations

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler

from assay import Client, PaymentRequired, Trust
from marketplace.billing import pricing
from marketplace.billing.models import Hold, HoldEnd
from marketplace.billing.pricing import Asking
from marketplace.predictions.models import Prediction
from tests.marketplace.answering import a_three, dispatching

pytestmark = pytest.mark.django_db(transaction=True)

WELCOME = 1_000_000


class Losing(httpx.BaseTransport):
    """Carries every request to the marketplace, and loses the first answers to what is asked by POST."""

    def __init__(self, lost: int) -> None:
        self._inner = httpx.WSGITransport(app=WSGIHandler())
        self._lost = lost
        self.posted = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.read()
        if request.method == "POST":
            self.posted += 1
            if self.posted <= self._lost:
                raise httpx.ReadError("the answer was lost")
        return response


@pytest.fixture
def buying(cast, priced, nodes):
    """Bela's client, over a connection that loses so many answers."""

    def buying(lost: int) -> tuple[Client, Losing]:
        line = Losing(lost)
        return Client("http://testserver", cast.bela.token, transport=line, sleep=lambda _: None), line

    return buying


def test_whose_answer_is_lost_asks_again_and_is_charged_once(cast, nodes, buying, books):
    assay, line = buying(lost=2)
    with dispatching(nodes), assay:
        quote = assay.quote("asha/digits")
    assert line.posted == 3
    assay, line = buying(lost=2)
    with dispatching(nodes), assay:
        trust = Trust.of(providers=[str(cast.node_key.public)])
        prediction = assay.predict("asha/digits", inputs=[a_three()], quote=quote, trust=trust)
        balance = assay.balance()
    assert line.posted == 3
    assert prediction.cost is not None
    assert (prediction.cost.quoted, prediction.cost.charged, prediction.cost.ending) == (
        *(quote.total, quote.total, "certified"),
    )
    assert Prediction.objects.count() == Hold.objects.count() == HoldEnd.objects.count() == 1
    assert books.of(cast.bela) == {"free": WELCOME - 500}
    assert (balance.available.micros, balance.spent.micros) == (WELCOME - 500, 500)


def test_who_has_too_little_is_told_how_much_is_missing(cast, nodes, priced, buying):
    pricing.set_for_model(cast.asha.actor, priced.model, "direct", Asking("1.25"))
    assay, _ = buying(lost=1)
    with assay, pytest.raises(PaymentRequired) as refused:
        assay.predict("asha/digits", inputs=[a_three()])
    assert str(refused.value.missing) == "USD 0.25"
    assert not Prediction.objects.exists()
