"""What is written is there after whatever end the process came to; what contradicts it is refused."""

from __future__ import annotations

import copy
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refused, Unavailable
from consensus.durable import (
    Accepted,
    Cast,
    Durable,
    Executed,
    Installed,
    Moved,
    Past,
    Restored,
    Spoke,
)
from consensus.judging import LINGER
from consensus.messages import Exec
from consensus.storage import SqliteStorage
from tests.consensus import made
from tests.sdk import groups

ME = made.KEYS[0].public
NOW = 1_990_000
KEPT = NOW + 2 * made.GENESIS.horizon + LINGER
WRITER = Path(__file__).with_name("writing.py")


def opened(path: Path, now: int = NOW) -> SqliteStorage:
    return SqliteStorage(path, made.GENESIS, ME, lambda: now)


@pytest.fixture
def storage(tmp_path):
    storage = opened(tmp_path / "log")
    yield storage
    storage.close()


def again(storage: SqliteStorage) -> Restored:
    """What the file gives back to a new process."""
    storage.close()
    fresh = opened(storage._path)
    try:
        return fresh.restore()
    finally:
        fresh.close()


@dataclass
class Words:
    """A batch as the plain model keeps it."""

    batch: Exec
    keep: int
    undecided: set[bytes]
    entries: set[int]  # that have decided the others


class Plain:
    """The same promises over lists: slow, plain, and what the real one is checked against."""

    def __init__(self) -> None:
        self.records, self.standing, self.votes, self.bodies, self.words = [], None, {}, {}, []
        self.moved, self.views = None, {}

    @property
    def time(self) -> int:
        return self.standing.time if self.standing else 0

    def write(self, what: list[Durable]) -> None:
        before = {
            name: copy.copy(value) if name != "words" else copy.deepcopy(value)
            for name, value in vars(self).items()
        }
        try:
            for kind in (Spoke, Accepted, Cast | Moved | Installed, Executed):
                for each in what:
                    if isinstance(each, kind):
                        self._one(each)
        except Refused:
            vars(self).update(before)
            raise
        number = len(self.records)
        self.votes = {at: each for at, each in self.votes.items() if at[2] > number}
        self.bodies = {at: each for at, each in self.bodies.items() if each.number > number}
        self.words = [each for each in self.words if each.keep >= self.time]

    def _one(self, what: Durable) -> None:
        match what:
            case Spoke(batch):
                keep, gone = max(NOW, self.time) + KEPT - NOW, self._gone()
                said = {
                    (each.request, each.model): each.said
                    for words in self.words
                    for each in words.batch.results
                    if each.request in words.undecided
                }
                for each in batch.results:
                    if each.request in gone or said.get((each.request, each.model), each.said) != each.said:
                        raise Refused("decided, or otherwise")
                if any((each.request, each.model) not in said for each in batch.results):
                    self.words.append(Words(batch, keep, {each.request for each in batch.results}, set()))
            case Accepted(body):
                if body.number > len(self.records):
                    self.bodies.setdefault(body.entry, body)
            case Cast(vote):
                if vote.number <= len(self.records) or vote.view < self.left:
                    raise Refused("late")
                if self.votes.setdefault((vote.kind, vote.view, vote.number), what).vote != vote:
                    raise Refused("double")
            case Moved(change):
                before = self.moved
                if change.move.view < self.left or (
                    change.move.view == self.left and before not in (None, change)
                ):
                    raise Refused("back, or otherwise")
                self.moved = change
            case Installed(new_view):
                if new_view.view < self.left or self.views.setdefault(new_view.view, new_view) != new_view:
                    raise Refused("left, or otherwise")
            case Executed(record, standing):
                if record.entry.number != len(self.records) + 1:
                    raise Refused("not the next")
                self.records.append(record)
                self.standing = standing
                decided = {ended.request for ended in record.ended}
                for each in self.words:
                    if each.undecided & decided:
                        each.entries.add(record.entry.number)
                    each.undecided -= decided
                self.words = [each for each in self.words if each.undecided]

    def restore(self) -> Restored:
        return Restored(
            standing=self.standing,
            past=self._past(),
            spoken=[each.batch for each in self.words],
            bodies=sorted(self.bodies.values(), key=lambda body: (body.number, body.entry)),
            votes=[self.votes[at] for at in sorted(self.votes, key=lambda at: (at[1], at[2], at[0] == "commit"))],
            head=self.records[-1].head if self.records else None,
            moved=self.moved,
            installed=self.views[max(self.views)] if self.views else None,
        )

    @property
    def left(self) -> int:
        """The first view that was not left."""
        return self.moved.move.view if self.moved else 0

    def _gone(self) -> set[bytes]:
        """Of entries that still count, or have decided a part of what still counts."""
        needed = {entry for each in self.words for entry in each.entries}
        return {
            asked.digest
            for record in self.records
            for asked in record.asked
            if record.entry.number in needed or max(each.deadline for each in record.asked) + LINGER >= self.time
        }

    def _past(self) -> list[Past]:
        return [
            Past(asked.digest, asked.client, asked.id, record.entry.number, i, asked.deadline + LINGER)
            for record in self.records
            for i, asked in enumerate(record.asked)
            if asked.deadline + LINGER >= self.time
        ]


# --- the property -----------------------------------------------------------------------------------------

numbers = st.integers(1, 6)
spoke = st.builds(
    lambda at, model, vote: Spoke(made.batch(*(made.result(i, model, vote) for i in sorted(at)))),
    st.sets(st.integers(0, 9), min_size=1, max_size=4),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 1]),
)
accepted = st.builds(
    lambda number, at: Accepted(
        made.body(number, bytes([number]) * 32, tuple(made.batch(made.result(i)) for i in at))
    ),
    numbers,
    st.lists(st.integers(0, 9), max_size=2),
)
moved = st.builds(
    lambda view, head: Moved(made.moved(view, made.lock(1) if head else None)), st.integers(1, 3), st.booleans()
)
installed = st.builds(
    lambda view, moves: Installed(made.new_view(view, *[made.moved(view)] * moves)),
    st.integers(1, 3),
    st.integers(0, 1),
)
cast = st.builds(
    lambda number, kind, view, entry: Cast(
        made.vote(number, kind, view, bytes([entry]) * 32), made.lock(number) if kind == "commit" else None
    ),
    numbers,
    st.sampled_from(["prepare", "commit"]),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 1]),
)
executing = st.builds(
    lambda ids, later: (ids, later), st.sets(st.integers(0, 9), max_size=3), st.sampled_from([0, 0, 1000, 90_000])
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(st.one_of(spoke, accepted, cast, moved, installed, executing), max_size=5), max_size=12),
    st.booleans(),
)
def test_it_restores_what_a_plain_model_restores(tmp_path_factory, writes, reopening):
    path = tmp_path_factory.mktemp("log") / "log"
    plain, storage, gone = Plain(), opened(path), set()
    try:
        for write in writes:
            what, number, time = [], len(plain.records), plain.standing.time if plain.standing else 1_990_000
            decided = set()
            for each in write:
                if isinstance(each, tuple):
                    number, time = number + 1, time + each[1]
                    fresh = tuple(made.asked(i) for i in sorted(each[0] - gone - decided))
                    decided |= each[0]
                    what.append(made.executed(number, fresh, time))
                else:
                    what.append(each)
            outcomes = []
            for target in (plain, storage):
                try:
                    target.write(what)
                except Refused:
                    outcomes.append("refused")
                else:
                    outcomes.append("written")
            assert outcomes[0] == outcomes[1], what
            if outcomes[0] == "written":
                gone |= decided
            if reopening:
                storage.close()
                storage = opened(path)
            assert storage.restore() == plain.restore()
            assert storage.records(2, 3) == plain.records[1:4]
    finally:
        storage.close()


# --- what it forbids --------------------------------------------------------------------------------------


def refused(storage: SqliteStorage, *what: Durable) -> None:
    before = storage.restore()
    with pytest.raises(Refused) as error:
        storage.write([Spoke(made.batch(made.result(99))), *what])
    assert error.value.code == "contradiction"
    assert storage.restore() == before, "all or none"


@pytest.mark.parametrize("kind", ["prepare", "commit"])
def test_a_second_vote_on_one_number_in_one_view_is_refused(storage, kind):
    storage.write([Cast(made.vote(1, kind))])
    refused(storage, Cast(made.vote(1, kind, entry=b"\x01" * 32)))
    storage.write([Cast(made.vote(1, kind)), Cast(made.vote(1, kind, view=1, entry=b"\x01" * 32))])


def test_a_vote_in_a_view_that_was_left_is_refused(storage):
    storage.write([Cast(made.vote(1)), Moved(made.moved(2))])
    for view in (0, 1):
        refused(storage, Cast(made.vote(2, view=view)))
    storage.write([Cast(made.vote(1, view=2, entry=b"\x01" * 32))])
    assert [each.vote.view for each in again(storage).votes] == [0, 2], (
        "the lock of an earlier view is still needed"
    )


def test_moving_back_or_otherwise_is_refused(storage):
    storage.write([Moved(made.moved(2))])
    refused(storage, Moved(made.moved(1)))
    refused(storage, Moved(made.moved(2, made.lock(1))))
    storage.write([Moved(made.moved(2)), Moved(made.moved(5))])
    assert again(storage).moved == made.moved(5)


def test_a_view_begins_once_and_not_after_it_was_left(storage):
    storage.write([Installed(made.new_view(2))])
    refused(storage, Installed(made.new_view(2, made.moved(2))))
    storage.write([Installed(made.new_view(2)), Moved(made.moved(4))])
    refused(storage, Installed(made.new_view(3)))
    assert again(storage).installed == made.new_view(2)


def test_a_vote_on_what_is_decided_is_refused_although_the_first_has_been_forgotten(storage):
    storage.write([Cast(made.vote(1)), made.executed(1)])
    assert storage.restore().votes == []
    refused(storage, Cast(made.vote(1, entry=b"\x01" * 32)))


@pytest.mark.parametrize("reopening", [False, True])
def test_another_result_for_a_request_by_the_same_model_is_refused_even_after_it_was_decided(storage, reopening):
    def restarted():
        if reopening:
            storage.close()
            storage.__init__(storage._path, made.GENESIS, ME, lambda: NOW)

    storage.write([Spoke(made.batch(made.result(0), made.result(1)))])
    restarted()
    refused(storage, Spoke(made.batch(made.result(0, vote=2))))
    storage.write([Spoke(made.batch(made.result(2), made.result(0, model=1)))])
    storage.write([made.executed(1, (made.asked(0), made.asked(1)))])
    assert [each.results[0] for each in storage.restore().spoken] == [made.result(2)]
    restarted()
    for model in (0, 1):
        refused(storage, Spoke(made.batch(made.result(3), made.result(0, model=model, vote=2))))
    refused(storage, Spoke(made.batch(made.result(2, vote=2))))
    storage.write([Spoke(made.batch(made.result(2), made.result(3)))])


def test_what_has_lapsed_of_a_batch_that_is_open_stays_decided_after_a_restart(storage):
    storage.write([Spoke(made.batch(made.result(0), made.result(1)))])
    lapse = made.asked(0).deadline + LINGER
    storage.write([made.executed(1, (made.asked(0),), time=lapse + 1)])
    storage.close()
    storage.__init__(storage._path, made.GENESIS, ME, lambda: NOW)
    refused(storage, Spoke(made.batch(made.result(0))))
    assert storage.restore().past == []
    storage.write([made.executed(2, (made.asked(1),), time=lapse + 1)])
    assert storage.restore().spoken == []
    storage.write([made.executed(3, time=lapse + 2)])
    assert storage._file.execute("SELECT count(*) FROM past").fetchone() == (0,)


def test_what_one_write_says_twice_must_be_the_same(storage):
    refused(storage, Spoke(made.batch(made.result(0))), Spoke(made.batch(made.result(0, vote=2))))
    storage.write([Spoke(made.batch(made.result(0))), Spoke(made.batch(made.result(0)))])
    assert len(storage.restore().spoken) == 1


def test_an_entry_that_is_not_the_next_is_refused(storage):
    refused(storage, made.executed(2))
    storage.write([made.executed(1), made.executed(2)])
    refused(storage, made.executed(2))
    refused(storage, made.executed(4))


def test_what_was_said_is_kept_until_no_entry_may_name_the_request(storage):
    storage.write([Spoke(made.batch(made.result(0)))])
    storage.write([made.executed(1, time=KEPT)])
    assert len(storage.restore().spoken) == 1
    storage.write([made.executed(2, time=KEPT + 1)])
    assert storage.restore().spoken == []
    assert storage._file.execute("SELECT count(*) FROM spoken").fetchone() == (0,)


def test_a_decided_id_is_known_until_it_lapses(storage):
    storage.write([made.executed(1, (made.asked(7),))])
    lapse = made.asked(7).deadline + LINGER
    assert storage.restore().past == [
        Past(made.asked(7).digest, groups.CLIENT.public.raw, made.asked(7).id, 1, 0, lapse)
    ]
    storage.write([made.executed(2, time=lapse)])
    assert len(storage.restore().past) == 1
    storage.write([made.executed(3, time=lapse + 1)])
    assert storage.restore().past == []


# --- whose file it is -------------------------------------------------------------------------------------


def test_another_groups_or_members_file_is_refused(storage):
    storage.close()
    other = groups.configuration(made.KEYS, slug="other")
    for genesis, key in ((other, ME), (made.GENESIS, made.KEYS[1].public)):
        with pytest.raises(Refused) as error:
            SqliteStorage(storage._path, genesis, key)
        assert error.value.code == "wrong-owner"
    assert again(storage) == Restored()


def test_a_file_of_another_version_or_none_of_ours_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "old") as old:
        old.execute("PRAGMA user_version = 99")
    old.close()
    with pytest.raises(Refused, match="another version"):
        opened(tmp_path / "old")
    (tmp_path / "text").write_text("no database at all\n" * 100)
    with pytest.raises(Unavailable, match="could not open"):
        opened(tmp_path / "text")


def test_one_file_cannot_be_opened_twice(storage):
    with pytest.raises(Unavailable, match="locked"):
        opened(storage._path)


def test_each_write_waits_for_the_disk(storage):
    """What a kill cannot show: after a power cut, only what was synchronised is there."""
    assert storage._file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert storage._file.execute("PRAGMA synchronous").fetchone() == (2,), (
        "FULL: the log is synchronised each time"
    )


def test_nobody_else_can_read_the_file(storage):
    storage.write([made.executed(1)])
    for path in storage._path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


# --- ends of all kinds ------------------------------------------------------------------------------------


def test_killed_at_any_moment_it_has_all_that_was_acknowledged_and_nothing_half(tmp_path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    path = tmp_path / "log"
    acknowledged = 0
    for _ in range(6):
        lines = chance.randrange(1, 60)
        process = subprocess.Popen([sys.executable, WRITER, path], stdout=subprocess.PIPE, text=True)
        with process:
            for line in process.stdout:
                acknowledged = int(line)
                lines -= 1
                if not lines:
                    process.kill()
        assert process.returncode == -signal.SIGKILL
        acknowledged = check_written(path, acknowledged)


def check_written(path: Path, acknowledged: int) -> int:
    """Each write of `writing.py` is one entry, one vote on the next and one batch about it, together or not."""
    storage = opened(path)
    try:
        restored = storage.restore()
        entries = restored.standing.entries
        assert entries >= acknowledged
        assert [each.entry.number for each in storage.records(1, entries + 1)] == list(range(1, entries + 1))
        assert [each.vote.number for each in restored.votes] == [entries + 1]
        assert [each.results[0].request for each in restored.spoken] == [made.asked(entries + 1).digest]
        return entries
    finally:
        storage.close()


@settings(max_examples=40, deadline=None)
@given(cut=st.floats(0, 1), garbage=st.binary(max_size=64))
def test_a_torn_last_write_is_as_if_it_had_never_begun(tmp_path_factory, cut, garbage):
    folder = tmp_path_factory.mktemp("log")
    storage = opened(folder / "log")
    ends = []
    try:
        for number in range(1, 5):
            storage.write([Cast(made.vote(number + 1)), made.executed(number, (made.asked(number),))])
            ends.append((folder / "log-wal").stat().st_size)
        torn = folder / "torn"
        shutil.copy(folder / "log", torn)
        whole = (folder / "log-wal").read_bytes()
    finally:
        storage.close()
    at = ends[0] + int(cut * (len(whole) - ends[0]))
    Path(f"{torn}-wal").write_bytes(whole[:at] + garbage)
    survivor = opened(torn)
    try:
        expected = sum(end <= at for end in ends)
        restored = survivor.restore()
        assert restored.standing.entries == expected
        assert [each.vote.number for each in restored.votes] == [expected + 1]
        survivor.write([made.executed(expected + 1)])
    finally:
        survivor.close()


def test_a_full_disk_takes_nothing_and_once_there_is_room_everything(tmp_path):
    """Files may grow no further: what a full disk looks like, without one. In a process that ends with it."""
    run = subprocess.run([sys.executable, WRITER, tmp_path / "log", "fill"], stdout=subprocess.PIPE, text=True)
    assert run.returncode == 0
    assert check_written(tmp_path / "log", 1) == int(run.stdout)


def made_write(number: int) -> list[Durable]:
    return [
        Spoke(made.batch(made.result(number + 1))),
        Cast(made.vote(number + 1)),
        made.executed(number, (made.asked(number),)),
    ]
