"""Four owners whose models fit together, and a group of them in each of its states."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from assay.keys import PrivateKey
from marketplace.catalogue import peers
from tests.marketplace.catalogue.wired import wired
from tests.marketplace.groups import founded
from tests.marketplace.groups.deciding import FakeGroup
from tests.marketplace.groups.founded import Owner


@pytest.fixture
def owners(cast) -> list[Owner]:
    """Asha, who founds, Bela, Sam and Dana, each with a node and a model that fits."""
    return founded.owners(cast)


@pytest.fixture
def inviting(owners):
    """Asha has founded it; nobody is invited yet."""
    return founded.found(owners[0])


@pytest.fixture
def signing(owners, inviting):
    """All have chosen; nobody has signed."""
    return founded.complete(inviting, owners)


@pytest.fixture
def forming(owners, signing):
    """All have signed; no node has been told."""
    return founded.signed(signing, owners)


@pytest.fixture
def serving(forming):
    """As if every member's node had said that it takes part."""
    return founded.formed(forming)


@pytest.fixture(autouse=True)
def private_nodes(settings):
    """Nodes may be anywhere."""
    settings.ENV = dataclasses.replace(settings.ENV, private_nodes=True)


@pytest.fixture
def marketplace_key(settings, tmp_path):
    """The marketplace's own key, as its workers have it."""
    path = tmp_path / "marketplace.key"
    key = PrivateKey.generate()
    key.save(path)
    settings.ENV = dataclasses.replace(settings.ENV, identity=path)
    peers.identity.cache_clear()
    yield key
    peers.identity.cache_clear()


@pytest.fixture
def machines(owners, marketplace_key):
    """The owners' nodes, which listen."""
    with contextlib.ExitStack() as stack:
        yield [
            founded.listening(each, stack.enter_context(wired(each.key, marketplace_key.public)))
            for each in owners
        ]


@pytest.fixture
def deciding(owners, serving):
    """Who answers for the group."""
    return FakeGroup([each.key for each in owners])
