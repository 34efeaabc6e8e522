"""Prices to ask, credit to spend, and what everybody then has."""

from __future__ import annotations

import pytest

from marketplace.billing import credit, pricing
from marketplace.billing.pricing import Asking
from tests.marketplace.billing.books import Books
from tests.marketplace.groups import founded


@pytest.fixture
def books(cast) -> Books:
    """Everybody's balances, by name."""
    return Books()


@pytest.fixture
def owners(cast):
    """Four whose models fit together in a group."""
    return founded.owners(cast)


@pytest.fixture
def priced(cast, version):
    """Asha asks 500 micro-units for a row of hers."""
    return pricing.set_for_model(cast.asha.actor, version.model, "direct", Asking("0.0005"))


@pytest.fixture
def grant(cast):
    """Gives somebody test credit."""

    def grant(person, amount, key="tests"):
        credit.grant(cast.staff, person.organisation, amount, key, "for a test")

    return grant
