"""What every test of the marketplace may ask for."""

from __future__ import annotations

import pytest

from tests.marketplace import answering, people
from tests.marketplace.answering import FakeNodes


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Hashing a password slowly is Django's business, tested by Django."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """Pages name static files as they are: naming them by content needs them collected first."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(scope="session", autouse=True)
def static_root():
    """Nothing is collected for tests, but the folder is expected to be there."""
    from django.conf import settings

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def broker(redis):
    """Wake-ups and counts go to the test's own Redis, which is emptied for each test."""
    from marketplace.broker import redis as client

    client().flushdb()


@pytest.fixture(scope="session", autouse=True)
def silence(django_db_setup):
    """Ends the listening connection, if there is one, so that the test database can be dropped."""
    yield
    from marketplace.predictions.waiting import hub

    if hub.cache_info().currsize:
        hub().close()
        hub.cache_clear()


@pytest.fixture
def cast(db) -> people.Cast:
    """The fixed cast (tests/marketplace/people.py)."""
    return people.cast()


@pytest.fixture
def version(cast):
    """A model that asha has published."""
    return answering.digits(cast.asha)


@pytest.fixture
def node(cast, version):
    """That serves it."""
    return answering.deployed(version, cast.node_key)


@pytest.fixture
def nodes(cast, node) -> FakeNodes:
    """Who answers in its place."""
    return FakeNodes([cast.node_key])


@pytest.fixture
def ask(cast, version):
    """Judges and stores a question of bela's, or somebody's."""
    from marketplace.predictions import actions, questions
    from marketplace.predictions.questions import Body

    def ask(person=cast.bela, **changes):
        body = Body(**answering.request(**changes))
        return actions.create(person.actor, questions.read(person.actor, body))

    return ask
