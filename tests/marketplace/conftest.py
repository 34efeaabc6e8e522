"""What every test of the marketplace may ask for."""

from __future__ import annotations

import pytest

from tests.marketplace import people


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Hashing a password slowly is Django's business, tested by Django."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def cast(db) -> people.Cast:
    """The fixed cast (tests/marketplace/people.py)."""
    return people.cast()
