"""What a member must not forget, in SQLite: one transaction, hence one fsync, for each `write`.

What would make a liar of an honest member is forbidden here, whatever a replica hands in: by the tables
themselves two votes of a kind on one number in one view, a vote on a number that is decided or in a view that
was left, two moves into one view or one back, two beginnings of a view, an entry that is not the next; by
`consensus.spoken` two results for one request by one model, and a result for a request that is decided. Such a
write is refused whole (`contradiction`) and the replica must not go on.

What can no longer matter goes with the entry that makes it so: entries that were prepared, and votes, up to its
number; a batch of own results once all of its requests are decided, or no entry may name them any more; the ids
of decided requests after the entry time at which they lapse. Entries older than that and than RETAIN are kept as
heads: who is further behind jumps. There is a row for each batch and for each entry, none for a request: rows in
the order of digests would touch a page each. With a new epoch go all words of the one before: they bind nobody
in it. A copy of the file, put back later, has forgotten votes: it must never be used. A lost disk means a new
key.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from assay.agreement.entry import Entry
from assay.agreement.group import Configuration
from assay.agreement.views import Quorum
from assay.errors import Refused, Unavailable
from assay.keys import PublicKey
from consensus.durable import (
    Accepted,
    Cast,
    Durable,
    Executed,
    Fixing,
    Installed,
    Jumped,
    Moved,
    Past,
    Restored,
    Spoke,
    Standing,
)
from consensus.judging import LINGER, SLACK, fixings_of
from consensus.messages import Body, Exec, NewView, Record, Result, Successor, ViewChange, Vote
from consensus.spoken import Spoken
from wire.deadline import now_ms

RETAIN = 3_600_000  # ms of entry time for which entries are kept whole
TIDY = 64  # entries between two looks at what is older

SCHEMA = 4
TABLES = """
CREATE TABLE owner (genesis BLOB NOT NULL, epoch INTEGER NOT NULL, key BLOB NOT NULL);
CREATE TABLE entries (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, record BLOB NOT NULL);
CREATE TABLE heads (number INTEGER PRIMARY KEY, entry BLOB NOT NULL);
CREATE TABLE begins (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), after INTEGER NOT NULL);
INSERT INTO begins VALUES (1, 0);
CREATE TABLE standing (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), standing BLOB NOT NULL);
CREATE TABLE past (number INTEGER PRIMARY KEY, decided BLOB NOT NULL);
CREATE TABLE bodies (entry BLOB PRIMARY KEY, number INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE votes (
    kind TEXT, view INTEGER, number INTEGER, vote BLOB NOT NULL, lock BLOB, PRIMARY KEY (kind, view, number)
);
CREATE TABLE moved (view INTEGER PRIMARY KEY, change BLOB NOT NULL);
CREATE TABLE views (view INTEGER PRIMARY KEY, new_view BLOB NOT NULL);
CREATE TABLE spoken (number INTEGER PRIMARY KEY, keep INTEGER NOT NULL, exec BLOB NOT NULL, secrets BLOB NOT NULL);
CREATE TABLE fixed (number INTEGER PRIMARY KEY, lapse INTEGER NOT NULL, fixings BLOB NOT NULL);

CREATE TRIGGER entries_follow_one_another BEFORE INSERT ON entries
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), (SELECT after FROM begins)) FROM entries)
BEGIN SELECT RAISE(ABORT, 'not the next entry'); END;
CREATE TRIGGER what_is_decided_is_not_voted_on BEFORE INSERT ON votes
WHEN NEW.number <= (SELECT coalesce(max(number), 0) FROM entries)
BEGIN SELECT RAISE(ABORT, 'a vote on an entry that is decided'); END;
CREATE TRIGGER a_view_that_was_left_is_not_voted_in BEFORE INSERT ON votes
WHEN NEW.view < (SELECT coalesce(max(view), 0) FROM moved)
BEGIN SELECT RAISE(ABORT, 'a vote in a view that was left'); END;
CREATE TRIGGER nobody_moves_back BEFORE INSERT ON moved
WHEN NEW.view < (SELECT coalesce(max(view), 0) FROM moved)
BEGIN SELECT RAISE(ABORT, 'a move into a view that was left'); END;
CREATE TRIGGER a_view_that_was_left_does_not_begin BEFORE INSERT ON views
WHEN NEW.view < (SELECT coalesce(max(view), 0) FROM moved)
BEGIN SELECT RAISE(ABORT, 'the beginning of a view that was left'); END;
CREATE TRIGGER what_is_decided_is_not_carried_out_again BEFORE INSERT ON bodies
WHEN NEW.number <= (SELECT coalesce(max(number), 0) FROM entries)
BEGIN SELECT RAISE(IGNORE); END;
"""
# the same once more changes nothing; anything else becomes NULL, which the table refuses
VOTED = """
INSERT INTO votes VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, view, number) DO UPDATE SET vote = CASE vote WHEN excluded.vote THEN vote END
"""
MOVED = """
INSERT INTO moved VALUES (?, ?)
ON CONFLICT (view) DO UPDATE SET change = CASE change WHEN excluded.change THEN change END
"""
INSTALLED = """
INSERT INTO views VALUES (?, ?)
ON CONFLICT (view) DO UPDATE SET new_view = CASE new_view WHEN excluded.new_view THEN new_view END
"""
SETTLED = "DELETE FROM spoken WHERE number = ?"
FIRST = "SELECT number, time FROM entries ORDER BY number LIMIT ?"
BELOW = "SELECT number, record FROM entries WHERE number < ? ORDER BY number"
LAPSED = "DELETE FROM past WHERE number = ?"

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.decode
_past = msgspec.msgpack.Decoder(list[Past]).decode
_fixings = msgspec.msgpack.Decoder(list[Fixing]).decode
_results = msgspec.msgpack.Decoder(list[Result]).decode


class SqliteStorage:
    """`consensus.durable.Storage` in the file at `path`, of the holder of `key` in the group of `genesis`.

    For any thread, one at a time. Raises Refused where the file is another group's or another member's.
    """

    def __init__(
        self,
        path: Path,
        genesis: Configuration,
        key: PublicKey,
        now: Callable[[], int] = now_ms,
        *,
        retain: int = RETAIN,
        present: Configuration | None = None,
        counting: int = 0,
    ) -> None:
        """`retain`: ms of entry time for which entries are kept whole, at least; more than ids count.

        `present`: the configuration with which the member takes part from now on, if not the genesis.
        `counting`: ms for which ids of the epochs before may count, where that is longer.
        """
        present = present or genesis
        self._path = path
        self._retain = max(retain, present.horizon + SLACK + LINGER, counting)
        self._horizon = present.horizon
        self._now = now
        self._lock = threading.Lock()
        path.touch(mode=0o600)  # SQLite gives its other files the same mode
        with _told("open"):
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        try:
            with _told("open"):
                self._prepare(genesis.digest, present.epoch, key.raw)
            standing = self._standing()
            self._time = standing.time if standing is not None else 0
            self._spoken: Spoken | None = None
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._file.close()

    # --- Storage ------------------------------------------------------------------------------------------

    def write(self, what: list[Durable]) -> None:
        """All of it, safely on the disk, or none.

        Raises Unavailable where the disk does not take it, Refused (`contradiction`) where it contradicts what
        this member has signed or executed before.
        """
        with self._lock, _told("write"):
            spoken, self._spoken = self._spoken or self._recalled(), None  # half changed where the write fails
            with self._file:
                self._file.execute("BEGIN IMMEDIATE")
                self._speak(spoken, [each for each in what if isinstance(each, Spoke)])
                self._accept([each.body for each in what if isinstance(each, Accepted)])
                self._view(what)
                executed = [each for each in what if isinstance(each, Executed | Jumped)]
                for each in executed:
                    if isinstance(each, Jumped):
                        self._jump(spoken, each)
                    else:
                        self._execute(spoken, each.record)
                if executed:
                    self._stand(spoken, executed[-1].standing)
            self._spoken = spoken
            if executed:
                self._time = executed[-1].standing.time

    def restore(self) -> Restored:
        with self._lock, _told("restore"):
            past = [each for _, past in self._entries() for each in past if each.lapse >= self._time]
            return Restored(
                standing=self._standing(),
                past=past,
                spoken=self._all("SELECT exec FROM spoken ORDER BY number", Exec),
                bodies=self._all("SELECT body FROM bodies ORDER BY number, entry", Body),
                votes=self._votes(),
                head=self._head(),
                ending=self._ending(),
                moved=self._last("SELECT change FROM moved ORDER BY view DESC LIMIT 1", ViewChange),
                installed=self._last("SELECT new_view FROM views ORDER BY view DESC LIMIT 1", NewView),
                secrets=self._every("SELECT secrets FROM spoken ORDER BY number", _results),
                fixed=self._fixed({each.request for each in past}),
            )

    def records(self, first: int, most: int) -> list[Record]:
        """As in `durable.Storage`."""
        statement = "SELECT record FROM entries WHERE number >= ? ORDER BY number LIMIT ?"
        with self._lock, _told("read"):
            return self._all(statement, Record, (first, most))

    def last(self) -> tuple[Record, Standing] | None:
        """As in `durable.Storage`."""
        with self._lock, _told("read"):
            record, standing = self._last_record(), self._standing()
        return None if record is None or standing is None else (record, standing)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The file, for `consensus.proofs`; nothing is written meanwhile."""
        with self._lock, _told("read"):
            yield self._file

    def heads(self, first: int, most: int) -> list[Entry]:
        """Up to `most` entries from number `first` on, of those that are kept without what they hold."""
        statement = "SELECT entry FROM heads WHERE number >= ? ORDER BY number LIMIT ?"
        with self._lock, _told("read"):
            return self._all(statement, Entry, (first, most))

    # --- writing ------------------------------------------------------------------------------------------

    def _speak(self, spoken: Spoken, batches: list[Spoke]) -> None:
        # no deadline lies further ahead than the horizon, of the group's time or of this machine's clock
        keep = max(self._now(), self._time) + 2 * self._horizon + LINGER
        for batch in batches:
            number = spoken.say(keep, batch.signed)
            if number is not None:
                row = (number, keep, _encode(batch.signed), _encode(batch.secrets))
                self._file.execute("INSERT INTO spoken VALUES (?, ?, ?, ?)", row)

    def _accept(self, bodies: list[Body]) -> None:
        rows = ((each.entry, each.number, _encode(each)) for each in bodies)
        self._file.executemany("INSERT OR IGNORE INTO bodies VALUES (?, ?, ?)", rows)

    def _view(self, what: list[Durable]) -> None:
        """Votes, and what they are cast in, in their order."""
        for each in what:
            match each:
                case Cast(vote, lock):
                    proof = None if lock is None else _encode(lock)
                    self._file.execute(VOTED, (vote.kind, vote.view, vote.number, _encode(vote), proof))
                case Moved(change):
                    self._file.execute(MOVED, (change.move.view, _encode(change)))
                    self._file.execute("DELETE FROM moved WHERE view < ?", (change.move.view,))
                case Installed(new_view):
                    self._file.execute(INSTALLED, (new_view.view, _encode(new_view)))

    def _execute(self, spoken: Spoken, record: Record) -> None:
        number = record.entry.number
        self._file.execute("INSERT INTO entries VALUES (?, ?, ?)", (number, record.entry.time, _encode(record)))
        past = [
            Past(ended.request, each.client, each.id, number, i, each.deadline + LINGER)
            for i, (each, ended) in enumerate(zip(record.asked, record.ended, strict=True))
        ]
        if past:
            self._file.execute("INSERT OR REPLACE INTO past VALUES (?, ?)", (number, _encode(past)))
            self._file.executemany(SETTLED, [(each,) for each in spoken.decide(number, past)])
        if record.fixed:
            fixings = fixings_of(number, record.fixed)
            lapse = max(each.lapse for each in fixings)
            self._file.execute("INSERT OR REPLACE INTO fixed VALUES (?, ?, ?)", (number, lapse, _encode(fixings)))

    def _jump(self, spoken: Spoken, jumped: Jumped) -> None:
        """What was executed here stays as heads; what was never seen here is not among them.

        Of what comes whole again with the jump, what was decided stays known as it is.
        """
        self._compact("SELECT number, record FROM entries")
        self._file.execute("UPDATE begins SET after = ?", (jumped.records[0].entry.number - 1,))
        for record in jumped.records:
            self._execute(spoken, record)

    def _compact(self, which: str, arguments: tuple[object, ...] = ()) -> None:
        """Of what is long past the heads are enough: each names the one before it, up to one that is proved."""
        for number, record in self._file.execute(which, arguments).fetchall():
            head = _encode(_decode(record, type=Record).entry)
            self._file.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", (number, head))
            self._file.execute("DELETE FROM entries WHERE number = ?", (number,))

    def _oldest_kept(self, before: int) -> int:
        """The last entry before that time: whoever jumps must see that nothing counts any more from there on."""
        first = self._file.execute(FIRST, (2 * TIDY,)).fetchall()
        return max((number for number, time in first if time < before), default=0)

    def _stand(self, spoken: Spoken, standing: Standing) -> None:
        self._file.execute("INSERT OR REPLACE INTO standing VALUES (1, ?)", (_encode(standing),))
        self._file.execute("DELETE FROM bodies WHERE number <= ?", (standing.entries,))
        self._file.execute("DELETE FROM votes WHERE number <= ?", (standing.entries,))
        if standing.entries % TIDY == 0:
            self._compact(BELOW, (self._oldest_kept(standing.time - self._retain),))
        batches, entries = spoken.lapse(standing.time)
        self._file.executemany(SETTLED, [(each,) for each in batches])
        self._file.executemany(LAPSED, [(each,) for each in entries])
        self._file.execute("DELETE FROM fixed WHERE lapse < ?", (standing.time,))

    # --- the file -----------------------------------------------------------------------------------------

    def _standing(self) -> Standing | None:
        return self._last("SELECT standing FROM standing", Standing)

    def _last(self, statement: str, kind: type[T]) -> T | None:
        return next(iter(self._all(statement, kind)), None)

    def _head(self) -> Quorum | None:
        record = self._last_record()
        return None if record is None else record.head

    def _ending(self) -> Successor | None:
        record = self._last_record()
        return None if record is None else record.successor

    def _last_record(self) -> Record | None:
        return self._last("SELECT record FROM entries ORDER BY number DESC LIMIT 1", Record)

    def _votes(self) -> list[Cast]:
        rows = self._file.execute("SELECT vote, lock FROM votes ORDER BY view, number, kind DESC")
        return [
            Cast(_decode(vote, type=Vote), None if lock is None else _decode(lock, type=Quorum))
            for vote, lock in rows
        ]

    def _entries(self) -> Iterator[tuple[int, list[Past]]]:
        """What was decided and has not lapsed, by entry."""
        for number, decided in self._file.execute("SELECT number, decided FROM past ORDER BY number"):
            yield number, _past(decided)

    def _recalled(self) -> Spoken:
        spoken = Spoken()
        for number, past in self._entries():
            spoken.decide(number, past)
        for number, keep, batch in self._file.execute("SELECT number, keep, exec FROM spoken ORDER BY number"):
            spoken.recall(number, keep, _decode(batch, type=Exec))
        return spoken

    def _fixed(self, decided: set[bytes]) -> list[Fixing]:
        """What is fixed of requests that may still be decided."""
        every = self._every("SELECT fixings FROM fixed ORDER BY number", _fixings)
        return [each for each in every if each.words.request not in decided and each.lapse >= self._time]

    def _every(self, statement: str, decode: Callable[[bytes], list[T]]) -> list[T]:
        """All that is in the lists that it finds."""
        return [each for (value,) in self._file.execute(statement) for each in decode(value)]

    def _all(self, statement: str, kind: type[T], arguments: tuple[object, ...] = ()) -> list[T]:
        rows = self._file.execute(statement, arguments)
        return [_decode(value, type=kind) for (value,) in rows]

    def _prepare(self, genesis: bytes, epoch: int, key: bytes) -> None:
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")  # two that sign with one key would be a liar
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with self._file:
                self._file.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {SCHEMA};")
                self._file.execute("INSERT INTO owner VALUES (?, ?, ?)", (genesis, epoch, key))
        elif version != SCHEMA:
            self._refuse("of another version", "wrong-version", str(SCHEMA), str(version))
        theirs = self._file.execute("SELECT genesis, epoch, key FROM owner").fetchone()
        if theirs[0] == genesis and theirs[1] < epoch:
            self._enter(epoch, key)
        elif theirs != (genesis, epoch, key):
            expected, got = (
                f"group {a.hex()}, epoch {b}, key {c.hex()}" for a, b, c in ((genesis, epoch, key), theirs)
            )
            self._refuse("another group's or another member's", "wrong-owner", expected, got)

    def _enter(self, epoch: int, key: bytes) -> None:
        """What was said in the epoch before binds nobody in this one; what was decided stays decided."""
        with self._file:
            self._file.execute("BEGIN IMMEDIATE")
            for table in ("votes", "bodies", "moved", "views", "spoken"):
                self._file.execute(f"DELETE FROM {table}")  # noqa: S608  # nosec B608  (a name from above)
            self._file.execute("UPDATE owner SET epoch = ?, key = ?", (epoch, key))

    def _refuse(self, what: str, code: str, expected: str, got: str) -> None:
        raise Refused(f"the log is {what}", code=code, pointer=str(self._path), expected=expected, got=got)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Tells what SQLite raises apart: a replica that contradicts itself, or a disk that fails or is full."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Refused("it would contradict what is on the disk", code="contradiction", got=str(error)) from error
    except sqlite3.Error as error:
        raise Unavailable(f"the log could not {what}", code="log-failed", got=str(error)) from error
