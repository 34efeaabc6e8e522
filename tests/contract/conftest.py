"""The marketplace's fixtures, for tests that know it by its schema only."""

from tests.marketplace.conftest import broker, cast, quick_passwords, silence, static_root  # noqa: F401
