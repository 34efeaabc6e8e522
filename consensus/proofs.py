"""What a group's log holds that others can check: the members' commitments to its entries, and how views began.

Read a little at a time, and never written, by whoever has the log open (`storage.SqliteStorage.reading`), or from
the file of a member that is not running. Of entries that are kept as heads only there are no signatures any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from assay.agreement.entry import Entry
from assay.agreement.group import Signed
from assay.agreement.views import Quorum
from assay.errors import Unavailable
from assay.model import Digest
from consensus.messages import NewView

ENTRIES = "SELECT record FROM entries WHERE number > ? ORDER BY number LIMIT ?"
VIEWS = "SELECT new_view FROM views WHERE view > ? ORDER BY view LIMIT ?"


class _Proved(msgspec.Struct, frozen=True):
    """The part of a `messages.Record` that proves it; the rest is passed over."""

    entry: Entry
    view: int
    installed: Digest
    commits: tuple[Signed, ...]


_proved = msgspec.msgpack.Decoder(_Proved)
_begun = msgspec.msgpack.Decoder(NewView)


def entries(file: sqlite3.Connection, after: int, most: int) -> list[Quorum]:
    """Up to `most` entries beyond that number, in order, with the commits that they were executed for."""
    found = (_proved.decode(record) for (record,) in file.execute(ENTRIES, (after, most)))
    return [Quorum(each.entry, each.view, each.installed, each.commits) for each in found]


def beginnings(file: sqlite3.Connection, after: int, most: int) -> list[NewView]:
    """How up to `most` views beyond that one began, in order; of the present epoch."""
    return [_begun.decode(new_view) for (new_view,) in file.execute(VIEWS, (after, most))]


def epoch(file: sqlite3.Connection) -> int:
    """The epoch of which the log's views are."""
    return int(file.execute("SELECT epoch FROM owner").fetchone()[0])


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The log of a member that is not running. Raises Unavailable where it cannot be read, or one is running."""
    try:
        file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=0)
        try:
            yield file
        finally:
            file.close()
    except sqlite3.Error as error:
        raise Unavailable(
            "the log could not be read", code="log-failed", pointer=str(path), got=str(error)
        ) from error
