"""What is long past is kept as heads; a member that jumps goes on from there."""

from __future__ import annotations

import msgspec
import pytest

from assay.errors import Refused
from assay.keys import PrivateKey
from consensus.durable import Accepted, Cast, Installed, Jumped, Moved, Spoke
from consensus.judging import LINGER, SLACK
from consensus.storage import TIDY, SqliteStorage
from tests.consensus import made

ME = made.KEYS[0].public
NOW = 1_990_000

FIRST = 1_999_000  # entry time


def test_old_entries_become_heads_and_each_names_the_one_before(tmp_path):
    storage = SqliteStorage(tmp_path / "log", made.GENESIS, ME, lambda: NOW, retain=0)
    try:
        kept = made.GENESIS.horizon + SLACK + LINGER
        for number in range(1, 2 * TIDY + 1):
            storage.write([made.executed(number, (made.asked(number),), FIRST + number * kept // TIDY)])
        heads, whole = storage.heads(1, 1000), storage.records(1, 1000)
        assert [each.number for each in heads] == list(range(1, len(heads) + 1))
        assert [each.entry.number for each in whole] == list(range(len(heads) + 1, 2 * TIDY + 1))
        assert whole[0].entry.time < whole[-1].entry.time - kept, "its ids count no more"
        assert whole[1].entry.time >= whole[-1].entry.time - kept, "ids in it may still count"
        assert storage.last()[0] == whole[-1]
        refused(storage, made.executed(2 * TIDY))
        storage.write([made.executed(2 * TIDY + 1)])
    finally:
        storage.close()


def test_the_last_entry_that_is_old_stays_whole(tmp_path):
    """Who jumps fetches entries until one is so old that no id in it counts, also after a long silence."""
    storage = SqliteStorage(tmp_path / "log", made.GENESIS, ME, lambda: NOW, retain=0)
    try:
        kept = made.GENESIS.horizon + SLACK + LINGER
        for number in range(1, 2 * TIDY + 1):
            storage.write([made.executed(number, (), FIRST if number <= 10 else FIRST + 2 * kept)])
        assert storage.records(1, 1)[0].entry.number == 10
    finally:
        storage.close()


def test_after_a_jump_the_log_goes_on_from_there_and_votes_below_are_gone(storage):
    storage.write([made.executed(1, (made.asked(1),)), Cast(made.vote(2)), Accepted(made.body(2))])
    records = tuple(made.record(number, (made.asked(number),)) for number in (7, 8))
    storage.write([Jumped(records, made.executed(8).standing)])
    refused(storage, made.executed(2))
    refused(storage, Cast(made.vote(8)))
    storage.close()
    reopened = opened(storage._path)
    restored = reopened.restore()
    assert (restored.standing.entries, restored.head) == (8, records[-1].head)
    assert (restored.votes, restored.bodies) == ([], [])
    assert [past.number for past in restored.past] == [1, 7, 8]
    try:
        assert reopened.records(1, 10) == list(records)
        assert [each.number for each in reopened.heads(1, 10)] == [1]
        reopened.write([made.executed(9)])
    finally:
        reopened.close()


def test_a_jump_may_bring_again_what_is_here_already(storage):
    """As into the next epoch: the entries before its first come whole, from where ids still count."""
    entries = [made.executed(number, (made.asked(number),)) for number in (1, 2)]
    storage.write(entries)
    last = made.executed(3, (), FIRST)
    records = (*(each.record for each in entries), last.record)
    storage.write([Jumped(records, last.standing)])
    assert [past.number for past in storage.restore().past] == [1, 2]
    assert storage.records(1, 10) == list(records)
    storage.write([made.executed(4, (), FIRST + 10**9)])  # what was decided lapses, once
    assert storage.restore().past == []


def opened(path) -> SqliteStorage:
    return SqliteStorage(path, made.GENESIS, ME, lambda: NOW)


@pytest.fixture
def storage(tmp_path):
    storage = opened(tmp_path / "log")
    yield storage
    storage.close()


def refused(storage: SqliteStorage, what) -> None:
    with pytest.raises(Refused) as error:
        storage.write([what])
    assert error.value.code == "contradiction"


def test_with_a_new_epoch_go_the_words_of_the_one_before_and_not_what_was_decided(storage):
    storage.write([made.executed(1, (made.asked(1),)), Cast(made.vote(2)), Accepted(made.body(2))])
    storage.write([Spoke(made.batch(made.result(5))), Moved(made.moved(3)), Installed(made.new_view(3))])
    storage.close()
    fresh = PrivateKey(b"\x55" * 32).public
    present = msgspec.structs.replace(made.GENESIS, epoch=1)
    entered = SqliteStorage(storage._path, made.GENESIS, fresh, lambda: NOW, present=present)
    try:
        restored = entered.restore()
        assert (restored.votes, restored.bodies, restored.spoken) == ([], [], [])
        assert (restored.moved, restored.installed) == (None, None)
        assert (restored.standing.entries, [past.number for past in restored.past]) == (1, [1])
        entered.write([Cast(made.vote(2, view=0)), Spoke(made.batch(made.result(5, vote=2)))])
    finally:
        entered.close()
    for key, epoch in ((ME, 0), (ME, 1), (fresh, 0)):
        with pytest.raises(Refused, match="another"):
            SqliteStorage(storage._path, made.GENESIS, key, present=msgspec.structs.replace(present, epoch=epoch))
