"""The number of queries a page makes does not grow with what it lists."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import actions as accounts
from marketplace.catalogue.models import Model, ModelVersion, Node, Offer
from tests.marketplace import answering
from tests.web.conftest import browser, certified, url

MOST = {
    "home": 13,
    "predictions": 7,
    "models": 11,
    "nodes": 8,
    "keys": 6,
    "manage": 14,
    "model-versions": 10,
    "certificate": 11,
    "prediction": 9,
}


def more(shop, count: int) -> None:
    """`count` more of everything that is listed."""
    asha, bela = shop.cast.asha, shop.cast.bela
    for i in range(count):
        version = answering.digits(asha, slug=f"digits-{i}")
        Node.objects.create(organisation=asha.organisation, name=f"n{i}", key=bytes([100 + i]) * 32, address="n:1")
        ModelVersion.objects.create(
            model=shop.version.model, number=10 + i, state="ready", weights="delivered", created_by=asha.user
        )
        certified(shop.cast, bela, model=f"asha/digits-{i}")
        accounts.create_key(bela.actor, f"key {i}")
    assert Model.objects.count() == Offer.objects.count() == count + 1
    assert version.pk


def queries(shop, name: str) -> int:
    person = (
        shop.cast.bela if name in ("home", "predictions", "keys", "certificate", "prediction") else shop.cast.asha
    )
    arguments = {
        "manage": ("asha", "digits"),
        "model-versions": ("asha", "digits"),
        "certificate": (shop.certificate,),
        "prediction": (shop.certified.pk,),
    }
    client, address = browser(person), url(name, *arguments.get(name, ()))
    client.get(address)  # prepares its statements, where this connection has not yet
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_queries_do_not_grow_with_rows(shop):
    before = {name: queries(shop, name) for name in MOST}
    more(shop, 5)
    assert {name: queries(shop, name) for name in MOST} == before


@pytest.mark.parametrize("page", ["home"])
def test_the_catalogue_keeps_to_ten_queries_besides_the_session(shop, page):
    client = browser()
    with CaptureQueriesContext(connection) as captured:
        client.get(url(page))
    assert len(captured) <= 10


def test_pages_keep_to_their_number_of_queries(shop):
    more(shop, 1)
    got = {name: queries(shop, name) for name in MOST}
    assert {name: count for name, count in got.items() if count > MOST[name]} == {}
