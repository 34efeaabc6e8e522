"""The backend: Django's own for PostgreSQL, with connections taken from and given back to the pool.

Django opens a connection when a request first needs one and closes it when the request ends; here both are a
matter of microseconds. A view that is about to wait calls `django.db.connection.close()` first.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class, whatever psycopg2 calls it

from marketplace.db.pool import Pool, pool_for
from marketplace.db.statements import RememberingConnection

DEFAULT_SIZE = 20


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module's first lines. The pool's size is `POOL_SIZE` in the database's settings."""

    _source: Pool | None = None

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        return {**params, "connection_factory": RememberingConnection}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        self.isolation_level = ISOLATION_LEVEL_READ_COMMITTED
        connect = super().get_new_connection
        size = int(self.settings_dict.get("POOL_SIZE", DEFAULT_SIZE))
        key = tuple(self.settings_dict[name] for name in ("NAME", "USER", "HOST", "PORT"))
        self._source = pool_for(key, lambda: connect(dict(conn_params)), size)
        return self._source.take()

    def _close(self) -> None:
        if self.connection is not None and self._source is not None:
            used, self.connection = self.connection, None
            with self.wrap_database_errors:
                self._source.give(used)

    def close_pool(self) -> None:
        """Closes what is idle; Django calls this before it drops or copies a test database."""
        if self._source is not None:
            self._source.close_idle()
