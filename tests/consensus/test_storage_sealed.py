"""What a member of a copy-resistant group must not forget: what is under its seals, and which are fixed."""

from __future__ import annotations

import msgspec
import pytest

from assay import merkle
from assay.agreement.sealing import Fixed, Opened, Sealed
from assay.agreement.votes import Absent
from assay.errors import Refused
from consensus.durable import Executed, Fixing, Spoke, Standing
from consensus.judging import LINGER
from consensus.messages import Result
from consensus.storage import SqliteStorage
from tests.consensus import made

ME = made.KEYS[0].public
NOW = 2_000_000
SALT = b"\x05" * 32


@pytest.fixture
def storage(tmp_path):
    opened = SqliteStorage(tmp_path / "log", made.GENESIS, ME, lambda: NOW)
    yield opened
    opened.close()


def again(storage: SqliteStorage) -> SqliteStorage:
    storage.close()
    storage.__init__(storage._path, made.GENESIS, ME, lambda: NOW)
    return storage


def secret(i: int, vote: int = 1) -> Result:
    said = made.result(i, vote=vote)
    return msgspec.structs.replace(said, said=Opened(said.said, SALT))


def hidden(i: int, mark: bytes = b"\x01" * 32) -> Result:
    said = made.result(i)
    return msgspec.structs.replace(said, said=Sealed(said.model, mark))


def fixed(i: int) -> Fixed:
    asked = made.asked(i)
    words = (hidden(i).said, Absent(), hidden(i).said, hidden(i).said)
    return Fixed(asked.digest, asked.client, asked.id, asked.deadline, words)


def fixing(number: int, *which: int, time: int = 1_999_000) -> Executed:
    record = made.record(number, time=time)
    words = tuple(fixed(i) for i in which)
    entry = msgspec.structs.replace(
        record.entry, count=len(words), root=merkle.root([each.leaf for each in words])
    )
    record = msgspec.structs.replace(record, entry=entry, fixed=words)
    return Executed(record, Standing(number, entry.digest, time, made.SERVING))


def test_what_is_under_a_seal_is_there_after_a_restart_until_all_of_it_is_decided(storage):
    storage.write([Spoke(made.batch(hidden(0), hidden(1)), (secret(0), secret(1)))])
    assert again(storage).restore().secrets == [secret(0), secret(1)]
    storage.write([made.executed(1, (made.asked(0),))])
    assert again(storage).restore().secrets == [secret(0), secret(1)]
    storage.write([made.executed(2, (made.asked(1),))])
    assert again(storage).restore().secrets == []


def test_a_word_is_sealed_and_opened_and_neither_is_a_second_word(storage):
    storage.write([Spoke(made.batch(hidden(0)), (secret(0),))])
    storage.write([Spoke(made.batch(secret(0)))])
    assert [each.results for each in again(storage).restore().spoken] == [(hidden(0),), (secret(0),)]
    with pytest.raises(Refused) as refused:
        storage.write([Spoke(made.batch(hidden(0, b"\x02" * 32)), (secret(0, vote=2),))])
    assert refused.value.code == "contradiction"


def test_what_is_fixed_is_there_after_a_restart_until_it_is_decided(storage):
    lapse = made.asked(0).deadline + LINGER
    storage.write([fixing(1, 0, 1)])
    assert again(storage).restore().fixed == [Fixing(1, lapse, fixed(0)), Fixing(1, lapse, fixed(1))]
    storage.write([made.executed(2, (made.asked(0),))])
    assert again(storage).restore().fixed == [Fixing(1, lapse, fixed(1))]


def test_what_is_fixed_lapses_with_its_request(storage):
    lapse = made.asked(0).deadline + LINGER
    storage.write([fixing(1, 0), made.executed(2, time=lapse)])
    assert len(again(storage).restore().fixed) == 1
    storage.write([made.executed(3, time=lapse + 1)])
    assert again(storage).restore().fixed == []
    assert storage._file.execute("SELECT count(*) FROM fixed").fetchone() == (0,)
