"""Fixtures for every test. Servers are real, start when first asked for, and belong to this test process alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack import testing


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
def django_db_modify_db_settings(postgres: str) -> None:
    """pytest-django calls this before it makes the test database; each process has a server of its own."""
