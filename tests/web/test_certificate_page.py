"""A certificate's page says who signed, whatever becomes of the signer."""

from __future__ import annotations

from assay.keys import PrivateKey
from assay.rotation import rotate
from marketplace.catalogue import actions
from tests.web.conftest import browser, url


def test_it_names_the_node_whose_key_has_been_replaced_since(shop):
    key = str(shop.cast.node_key.public)
    for _ in range(2):
        page = browser(shop.cast.bela).get(url("certificate", shop.certificate)).content.decode()
        assert f"node {shop.node}</span>" in page
        assert key in page
        actions.rotate_key(shop.cast.asha.actor, rotate(shop.cast.node_key, PrivateKey(bytes(32)), 1))
    assert bytes(shop.node.__class__.objects.get().key) != shop.cast.node_key.public.raw
