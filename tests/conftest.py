"""Fixtures for every test. Servers are real, start when first asked for, and belong to this test process alone.
Properties are held to no stopwatch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from stack import testing

if TYPE_CHECKING:
    from stack.everything import Site
    from stack.manager import Manager

settings.register_profile("untimed", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SITE = ("tests/e2e/", "tests/faults/")  # the folders of the tests that ask for the whole site
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
def running_site() -> Iterator[tuple[Site, Manager]]:
    with testing.running_site(testing.site_tree(testing.run_tree())) as running:
        yield running


@pytest.fixture(scope="session")
def site(running_site: tuple[Site, Manager]) -> Site:
    """What `make up` runs, demo included: `site.market.url`, and `site.users`, the file with the demo's people.

    It takes most of a minute to come up. All tests that ask for it run in one process, one after another, and
    leave it running; what they change they leave as it was, or make their own.
    """
    return running_site[0]


@pytest.fixture(scope="session")
def manager(running_site: tuple[Site, Manager]) -> Manager:
    """Who runs the site's processes, and starts again what dies."""
    return running_site[1]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: str) -> None:
    """pytest-django calls this before it makes the test database; each process has a server of its own."""


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The test database goes with its server; dropping it first would fail over a connection still open."""
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that has to wait for the site may take long; and such a test is in one of SITE, see below."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            assert item.nodeid.startswith(SITE), f"{item.nodeid} asks for the site, but is in none of {SITE}"
            item.add_marker(pytest.mark.timeout(SITE_PATIENCE))


class BySite(LoadScopeScheduling):
    """How xdist shares tests out: a file's stay together, and all that ask for the site, so that there is one."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return "site" if path.startswith(SITE) else path


@pytest.hookimpl(optionalhook=True)  # only under `-n`
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySite:
    return BySite(config, log)
