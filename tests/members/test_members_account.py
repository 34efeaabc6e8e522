"""The account can fail: what it must find, put before it."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec

from stack.members import journal
from stack.members.account import answers, contradictions, kept, once
from stack.members.load import Asked
from tests.consensus import made
from tests.sdk import groups

ASKED = Asked(bytes(16), 1, 0, hasty=False, begun=0.0)


def chained(*counts: int):
    """Entries that follow one another, each with so many requests, none twice."""
    records, parent, first = [], made.GROUP, 1
    for number, count in enumerate(counts, 1):
        record = made.record(number, tuple(made.asked(i) for i in range(first, first + count)))
        record = msgspec.structs.replace(record, entry=msgspec.structs.replace(record.entry, parent=parent))
        records.append(record)
        parent, first = record.entry.digest, first + count
    return records


def test_logs_that_agree_are_in_order():
    log = chained(1, 2, 1)
    assert list(contradictions([log, log, log[1:], log])) == []
    assert list(once(log)) == []


def test_another_entry_a_gap_and_a_shorter_log_are_found():
    log = chained(1, 2, 1)
    assert list(contradictions([log, chained(1, 2, 2)])) == ["member 1 has another entry 3"]
    assert list(contradictions([[log[0], log[2]], log])) == ["member 0: entry 3 does not follow the one before"]
    assert list(contradictions([log, log[:2]])) == ["logs end at [2, 3]"]


def test_a_request_that_is_decided_twice_is_found():
    (found,) = once([made.record(1, (made.asked(7),)), made.record(4, (made.asked(7),))])
    assert "entries 1 and 4" in found


def test_an_answer_that_is_missing_false_or_not_in_the_log_is_found():
    evidence = groups.evidence()
    assert list(answers([ASKED])) == ["no answer to request 1: None"]
    assert list(answers([replace(ASKED, hasty=True)])) == []
    assert "expected 2" in next(answers([replace(ASKED, number=2, evidence=evidence)]))
    other = made.record(evidence.entry.number)
    assert "told otherwise" in next(kept({evidence.entry.number: other}, [replace(ASKED, evidence=evidence)]))


def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path):
    wal, whole = tmp_path / "log-wal", random.Random(1).randbytes(20_000)
    for seed in range(50):
        wal.write_bytes(whole)
        torn = journal.tear(tmp_path / "log", whole[16:24].hex(), 12_345, random.Random(seed))
        assert torn == len(whole) - 12_345
        assert wal.read_bytes()[:12_345] == whole[:12_345]
    assert journal.tear(tmp_path / "log", "another", 12_345, random.Random(0)) > 12_345
