"""What became of a load: PostgreSQL by plain SQL, past all of the marketplace's code, and the nodes' journals."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg2

from assay.digest import sha256
from demo.entries import OWNERS
from stack.chaos.money import BALANCES, Charge
from stack.chaos.questions import home
from stack.everything import Site

_OF_A_LOAD = """
SELECT k.key, p.id::text, p.status, p.seq, p.deadline, p.completed, p.salt, p.error, c.sha256, c.document,
       ARRAY(SELECT stage FROM predictions_predictionevent e WHERE e.prediction_id = p.id ORDER BY seq),
       ARRAY(SELECT seq FROM predictions_predictionevent e WHERE e.prediction_id = p.id ORDER BY seq),
       h.amount, ended.posted, h.lines
FROM predictions_idempotencykey k JOIN predictions_prediction p ON p.id = k.prediction_id
LEFT JOIN certificates_certificate c ON c.id = p.certificate_id
LEFT JOIN billing_hold h ON h.id = p.hold_id LEFT JOIN billing_holdend ended ON ended.hold_id = h.id
WHERE starts_with(k.key, %s)
"""
_OVERDUE = "SELECT id::text FROM predictions_prediction WHERE completed IS NULL AND deadline < now() - interval %s"
_STRAYS = """
SELECT id::text FROM certificates_certificate c
WHERE NOT EXISTS (SELECT FROM predictions_prediction p WHERE p.certificate_id = c.id)
"""
_ERRANDS = "SELECT kind || ' ' || error FROM predictions_outbox WHERE done IS NULL"
_GIVEN_UP = "SELECT kind || ' ' || error FROM predictions_outbox WHERE done >= %s AND error <> ''"


@dataclass(frozen=True)
class Stored:
    """A prediction as it is stored, with its events and its certificate."""

    id: UUID
    status: str
    seq: int
    deadline: dt.datetime
    completed: dt.datetime | None
    salt: bytes
    error: Mapping[str, str] | None
    sha256: bytes | None
    document: bytes | None
    stages: Sequence[str]
    numbers: Sequence[int]
    charge: Charge | None = None  # none: it was free


class Records:
    """The tables of a site. Each question is asked on a connection of its own: the server comes and goes."""

    def __init__(self, site: Site) -> None:
        self._database = site.market.database

    def of_load(self, name: str) -> dict[str, Stored]:
        """What was asked under keys that begin with `name`, by key."""
        return {key: _stored(row) for key, *row in self.rows(_OF_A_LOAD, name)}

    def overdue(self, seconds: float) -> list[str]:
        """Predictions of anybody that should have ended so long ago and have not."""
        return self._first(_OVERDUE, f"{seconds} seconds")

    def strays(self) -> list[str]:
        """Certificates that belong to no prediction."""
        return self._first(_STRAYS)

    def errands(self) -> list[str]:
        """What is left in the outbox."""
        return self._first(_ERRANDS)

    def given_up(self, since: dt.datetime) -> list[str]:
        """Errands that were given up."""
        return self._first(_GIVEN_UP, since)

    def balances(self) -> dict[str, int]:
        """What is on all accounts of a kind, in micro-units."""
        return dict(self.rows(BALANCES))

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a statement gives, in a transaction of its own. Raises psycopg2.OperationalError."""
        with closing(psycopg2.connect(self._database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def _first(self, sql: str, *parameters: Any) -> list[str]:
        return [row[0] for row in self.rows(sql, *parameters)]


class Witness:
    """Remembers what each node has signed: what was once in a journal must stay there, and stay the same."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.signed: dict[str, dict[bytes, bytes]] = {owner: {} for owner in OWNERS}  # request id: SHA-256
        self.broken: list[str] = []

    def look(self) -> None:
        """Compares the journals with what was seen before. Reads them as they are, the nodes running or not."""
        for owner, before in self.signed.items():
            now = {request: sha256(certificate) for request, certificate in signed(self._site, owner).items()}
            for request, certificate in before.items():
                if now.get(request) != certificate:
                    self.broken.append(f"node-{owner} forgot or changed its answer to {UUID(bytes=request)}")
            self.signed[owner] = now


def signed(site: Site, owner: str) -> dict[bytes, bytes]:
    """Everything in a node's journal: certificates by request id."""
    path = home(site, owner).journal
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as journal:
        return dict(journal.execute("SELECT request, certificate FROM answers"))


def _stored(row: Sequence[Any]) -> Stored:
    identifier, status, seq, deadline, completed, salt, error, digest, document, stages, numbers, *money = row
    held, posted, lines = money
    return Stored(
        id=UUID(identifier),
        status=status,
        seq=seq,
        deadline=deadline,
        completed=completed,
        salt=bytes(salt),
        error=error,
        sha256=bytes(digest) if digest else None,
        document=bytes(document) if document else None,
        stages=stages,
        numbers=numbers,
        charge=None if held is None else Charge(held, posted, lines),
    )
