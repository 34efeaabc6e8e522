"""Fixtures for every test. Servers are real, start when first asked for, and belong to this test process alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from stack import testing

if TYPE_CHECKING:
    from stack.everything import Site

SITE_PATIENCE = 600  # seconds of the test that comes first, on a machine that is busy


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """DATABASE_URL of a running PostgreSQL. Django's `db` fixtures ask for it by themselves."""
    with testing.running_postgres(testing.run_tree()) as url:
        yield url


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """BROKER_URL of a running Redis."""
    with testing.running_redis(testing.run_tree()) as url:
        yield url


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """What `make up` runs, demo included: `site.market.url`, and `site.users`, the file with the demo's people.

    It takes most of a minute to come up. All tests that ask for it run in one process, one after another, and
    leave it running; what they change they leave as it was, or make their own.
    """
    with testing.running_site(testing.site_tree(testing.run_tree())) as running:
        yield running


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: str) -> None:
    """pytest-django calls this before it makes the test database; each process has a server of its own."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: a file's tests stay together, and so do all that need the whole site."""
    for item in items:
        needs_site = "site" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("site" if needs_site else str(item.path)))
        if needs_site:
            item.add_marker(pytest.mark.timeout(SITE_PATIENCE))
