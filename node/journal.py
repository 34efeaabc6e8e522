"""What a node must not forget: every certificate it has signed, and the models it holds. SQLite, durable.

Two promises rest on this file. A certificate is here before it leaves, so whoever asks again gets the same
bytes, whenever the process was killed. And no request id is ever signed for twice: the table's key forbids it
while the row is here, and rows are pruned strictly by the time that is part of every id (UUIDv7), after a mark
has been moved that refuses older ids for ever, whatever the clock does.

A copy made by `backup` is marked: opened again, it refuses every id older than that moment, because it cannot
know what was signed since the copy was made.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from assay.errors import Refused, Unavailable
from assay.model import ModelReference
from inference.validation import Ports
from wire.deadline import now_ms

SCHEMA = 1
COPIED, OPENED = 1, 2  # of a backup's mark `restored`: it is a copy; it has been put to use
TABLES = """
CREATE TABLE answers (
    request BLOB PRIMARY KEY CHECK (length(request) = 16),
    question BLOB NOT NULL CHECK (length(question) = 32),
    certificate BLOB NOT NULL
);
CREATE TABLE models (
    commitment BLOB PRIMARY KEY CHECK (length(commitment) = 32),
    reference BLOB NOT NULL,
    ports BLOB NOT NULL,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL CHECK (wanted IN (0, 1))
);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO marks VALUES ('pruned_before', 0), ('restored', 0);
"""


class Answer(NamedTuple):
    """A signed answer: the request's id, the digest of what was asked, the certificate's canonical bytes."""

    request: bytes
    question: bytes
    certificate: bytes


@dataclass(frozen=True)
class Model:
    """A model on this node's disk, validated; `wanted` says that it is to be served."""

    reference: ModelReference
    ports: Ports
    name: str
    wanted: bool


class Journal:
    """The file at `path`. Reading is for one thread, writing for any; each has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.touch(mode=0o600)  # SQLite gives its other files the same mode
        self._writer = _connect(path)
        try:
            self._prepare()
            self._reader = _connect(path)
        except BaseException:
            self._writer.close()
            raise
        self.pruned_before = self._mark("pruned_before")
        self.restored = self._mark("restored") == OPENED  # this node was once put back from a backup

    def close(self) -> None:
        with self._lock:
            self._reader.close()
            self._writer.close()

    # --- answers ------------------------------------------------------------------------------------------

    def answer(self, request: bytes) -> Answer | None:
        """What was answered to this request, if it was."""
        row = self._reader.execute("SELECT * FROM answers WHERE request = ?", (request,)).fetchone()
        return None if row is None else Answer(*row)

    def record(self, answers: Sequence[Answer]) -> None:
        """All of them, durably, or none. Raises Unavailable where the disk does not take them."""
        with self._lock, _durably("sign"), self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany("INSERT INTO answers VALUES (?, ?, ?)", answers)

    def require_recent(self, request: bytes) -> None:
        """Raises Refused where the id is not a UUIDv7 or so old that its answer may have been pruned."""
        if request[6] >> 4 != 7 or request[8] >> 6 != 2:
            raise Refused("not a request id", code="invalid-request-id", pointer="/request", expected="a UUIDv7")
        if _time_of(request) < self.pruned_before:
            raise Refused(
                "the request is too old to be answered",
                code="request-id-expired",
                pointer="/request",
                expected=f"made after {self.pruned_before} (Unix ms)",
                got=f"made at {_time_of(request)}",
                hint="Make a new request.",
            )

    def prune(self, before: int) -> int:
        """Forgets answers to requests made before that Unix ms, and refuses such requests from now on."""
        if before <= self.pruned_before:
            return 0
        self.pruned_before = before  # first in memory: nothing older is taken on while rows go
        with self._lock, _durably("prune"), self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            return self._forget_before(before)

    # --- models -------------------------------------------------------------------------------------------

    def models(self) -> list[Model]:
        """Everything held, in the order of arrival."""
        rows = self._reader.execute("SELECT reference, ports, name, wanted FROM models ORDER BY rowid")
        return [
            Model(
                msgspec.msgpack.decode(reference, type=ModelReference),
                msgspec.msgpack.decode(ports, type=Ports),
                name,
                bool(wanted),
            )
            for reference, ports, name, wanted in rows
        ]

    def keep(self, model: Model) -> None:
        """Adds a model or replaces what is known of it."""
        row = (
            model.reference.commitment,
            msgspec.msgpack.encode(model.reference),
            msgspec.msgpack.encode(model.ports),
            model.name,
            model.wanted,
        )
        self._write("INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?)", row)

    def want(self, commitment: bytes, *, wanted: bool) -> None:
        self._write("UPDATE models SET wanted = ? WHERE commitment = ?", (wanted, commitment))

    def forget(self, commitment: bytes) -> None:
        self._write("DELETE FROM models WHERE commitment = ?", (commitment,))

    # --- the file -----------------------------------------------------------------------------------------

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        with self._lock, _durably("keep"), self._writer:
            self._writer.execute(statement, row)

    def _mark(self, name: str) -> int:
        value: int
        (value,) = self._writer.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return value

    def _set_mark(self, name: str, value: int) -> None:
        self._writer.execute("UPDATE marks SET value = ? WHERE name = ?", (value, name))

    def _forget_before(self, before: int) -> int:
        self._set_mark("pruned_before", before)
        oldest = before.to_bytes(6, "big") + bytes(10)
        return self._writer.execute("DELETE FROM answers WHERE request < ?", (oldest,)).rowcount

    def _prepare(self) -> None:
        """Makes the tables in a new file; takes note where this is a restored backup."""
        with self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            (version,) = self._writer.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in TABLES.split(";"):
                    self._writer.execute(statement)
                self._writer.execute(f"PRAGMA user_version = {SCHEMA}")
            elif version != SCHEMA:
                raise Refused(
                    "the journal is of another version of assay-node",
                    code="wrong-version",
                    pointer=str(self._path),
                    expected=str(SCHEMA),
                    got=str(version),
                )
            if self._mark("restored") == COPIED:
                self._forget_before(max(now_ms(), self._mark("pruned_before")))
                self._set_mark("restored", OPENED)


def copy(source: Path, target: Path) -> None:
    """A consistent copy of a journal, in use or not, marked as a backup."""
    with closing(_connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
        with writer:
            writer.execute("UPDATE marks SET value = ? WHERE name = 'restored'", (COPIED,))


def newest(path: Path) -> int:
    """When the newest request was made that this journal has an answer to, in Unix ms; 0 if it has none."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        (request,) = reader.execute("SELECT max(request) FROM answers").fetchone()
    return _time_of(request) if request else 0


def _time_of(request: bytes) -> int:
    return int.from_bytes(request[:6], "big")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


@contextmanager
def _durably(what: str) -> Iterator[None]:
    """Turns what SQLite raises into Unavailable: a full disk is no reason to lose the process."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"the journal could not {what}", code="journal-failed", got=str(error)) from error
