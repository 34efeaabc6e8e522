"""SQL for the hot path: prepared once for each connection, so that neither Django nor PostgreSQL plans it again.

A small query through Django's ORM costs several times its execution, most of it in building and planning SQL.
What every prediction passes through is therefore written out, with `$1`, `$2`… for its parameters; everything
else stays with the ORM.

PostgreSQL plans a statement with `= ANY($1)` anew each time, because a plan for the array at hand, if it is short,
seems better to it than one for any. `= ANY(ARRAY(SELECT unnest($1)))` hides how long it is: planned once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model
from psycopg2.extensions import connection as PsycopgConnection  # noqa: N812 - a class, whatever psycopg2 calls it

M = TypeVar("M", bound=Model)


class RememberingConnection(PsycopgConnection):
    """A connection that knows what it has prepared."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[str] = set()


class Statement:
    """One SQL statement whose parameters have these PostgreSQL types."""

    def __init__(self, sql: str, *types: str) -> None:
        self.name = "assay_" + hashlib.sha256(sql.encode()).hexdigest()[:16]
        self._prepare = f"PREPARE {self.name}({', '.join(types)}) AS {sql}"
        self._execute = f"EXECUTE {self.name}({', '.join(f'%s::{each}' for each in types)})"

    def rows(self, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the statement gives, in the current transaction if there is one."""
        with connection.cursor() as cursor:
            raw = cursor.connection
            if self.name not in raw.prepared:
                cursor.execute(self._prepare)
                raw.prepared.add(self.name)
            cursor.execute(self._execute, parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found


def loaded(model: type[M], fields: Sequence[str], values: Sequence[Any]) -> M:
    """An instance as if the ORM had loaded these fields (columns' names) and deferred the others."""
    by_name = dict(zip(fields, values, strict=True))
    every = model._meta.concrete_fields  # noqa: SLF001 - public by documentation
    names = [field.attname for field in every if field.attname in by_name]
    return model.from_db(DEFAULT_DB_ALIAS, names, [by_name[name] for name in names])
