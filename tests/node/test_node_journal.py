"""The journal's promises: what is signed is kept, no id is signed for twice, whatever happens in between."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assay.errors import Refused, Unavailable
from assay.ids import uuid7
from node.journal import Answer, Journal, copy, newest
from tests.node.worlds import HELD, REFERENCE

QUESTION = bytes(32)


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def answer(request=None, certificate=b"c") -> Answer:
    return Answer(request or uuid7().bytes, QUESTION, certificate)


def test_what_is_recorded_is_there_after_a_restart(tmp_path):
    journal = Journal(tmp_path / "j")
    answers = [answer(certificate=bytes([i])) for i in range(5)]
    journal.record(answers)
    journal.close()
    with closing(Journal(tmp_path / "j")) as journal:
        assert [journal.answer(each.request) for each in answers] == answers
        assert journal.answer(uuid7().bytes) is None


def test_a_second_certificate_for_an_id_is_refused_and_takes_its_whole_batch_with_it(journal):
    first, other = answer(), answer()
    journal.record([first])
    with pytest.raises(Unavailable) as refused:
        journal.record([other, first._replace(certificate=b"another")])
    assert refused.value.code == "journal-failed"
    assert journal.answer(first.request) == first
    assert journal.answer(other.request) is None


def test_a_full_disk_is_told_and_nothing_is_half_written(journal):
    (pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    journal._writer.execute(f"PRAGMA max_page_count = {pages}")
    big = [answer(certificate=bytes(20_000)) for _ in range(3)]
    with pytest.raises(Unavailable, match="full"):
        journal.record(big)
    assert [journal.answer(each.request) for each in big] == [None] * 3
    journal._writer.execute("PRAGMA max_page_count = 100000")
    journal.record(big)
    assert [journal.answer(each.request) for each in big] == big


def test_pruning_forgets_the_old_and_refuses_them_for_ever(journal):
    old, new = answer(uuid7(1_000).bytes), answer(uuid7(2_000).bytes)
    journal.record([old, new])
    journal.require_recent(old.request)
    assert journal.prune(2_000) == 1
    assert journal.answer(old.request) is None
    assert journal.answer(new.request) == new
    with pytest.raises(Refused) as refused:
        journal.require_recent(old.request)
    assert refused.value.code == "request-id-expired"
    journal.require_recent(new.request)


def test_a_clock_that_goes_back_does_not_bring_pruned_ids_back(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.prune(5_000)
    assert journal.prune(1_000) == 0
    journal.close()
    with closing(Journal(tmp_path / "j")) as journal:
        assert journal.pruned_before == 5_000


@pytest.mark.parametrize("bad", [bytes(16), b"\xff" * 16, bytes(6) + b"\x40" + bytes(9)])
def test_ids_without_a_time_are_refused(journal, bad):
    with pytest.raises(Refused, match="UUIDv7") as refused:
        journal.require_recent(bad)
    assert refused.value.code == "invalid-request-id"


def test_a_restored_backup_refuses_everything_older_than_its_first_start(tmp_path):
    journal = Journal(tmp_path / "j")
    before = answer()
    journal.record([before])
    journal.keep(HELD)
    copy(tmp_path / "j", tmp_path / "copy")
    after = answer()
    journal.record([after])  # signed after the copy was made: the copy cannot know
    journal.close()
    with closing(Journal(tmp_path / "copy")) as restored:
        for each in (before, after):
            with pytest.raises(Refused):
                restored.require_recent(each.request)
        assert restored.models() == [HELD]
        mark = restored.pruned_before
    with closing(Journal(tmp_path / "copy")) as again:  # marked once
        assert again.pruned_before == mark


def test_a_copy_can_be_made_while_the_journal_is_in_use(tmp_path, journal):
    journal.record([answer() for _ in range(50)])
    copy(tmp_path / "journal.sqlite", tmp_path / "copy")
    journal.record([answer()])
    with closing(sqlite3.connect(tmp_path / "copy")) as copied:
        assert copied.execute("SELECT count(*) FROM answers").fetchone() == (50,)
        assert copied.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_journal_of_a_later_version_is_refused(tmp_path):
    Journal(tmp_path / "j").close()
    with closing(sqlite3.connect(tmp_path / "j")) as later:
        later.execute("PRAGMA user_version = 2")
    with pytest.raises(Refused, match="another version"):
        Journal(tmp_path / "j")


def test_models_are_kept_wanted_and_forgotten(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.keep(HELD)
    journal.want(REFERENCE.commitment, wanted=False)
    journal.close()
    with closing(Journal(tmp_path / "j")) as journal:
        (model,) = journal.models()
        assert (model.reference, model.ports, model.wanted) == (REFERENCE, HELD.ports, False)
        journal.forget(REFERENCE.commitment)
        assert journal.models() == []


def test_the_journal_is_its_owners_alone(tmp_path, journal):
    journal.record([answer()])
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("journal.sqlite*")} == {0o600}


def test_the_newest_answer_tells_the_time(tmp_path, journal):
    assert newest(tmp_path / "journal.sqlite") == 0
    journal.record([answer(uuid7(7_000).bytes), answer(uuid7(5_000).bytes)])
    assert newest(tmp_path / "journal.sqlite") == 7_000


class AgainstADictionary(RuleBasedStateMachine):
    """Records, prunes and reopenings in any order, held against what a dictionary and a mark would say."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "j"
        self.journal = Journal(self.path)
        self.known: dict[bytes, Answer] = {}
        self.mark = 0
        self.signed: set[bytes] = set()

    @rule(times=st.lists(st.integers(0, 50), max_size=6))
    def record(self, times):
        made = {each.request: each for each in (answer(uuid7(t).bytes) for t in times if t >= self.mark)}
        self.journal.record(list(made.values()))
        self.known |= made
        self.signed |= made.keys()

    @rule(before=st.integers(0, 60))
    def prune(self, before):
        self.journal.prune(before)
        self.mark = max(self.mark, before)
        self.known = {k: v for k, v in self.known.items() if int.from_bytes(k[:6], "big") >= self.mark}

    @rule()
    def reopen(self):
        self.journal.close()
        self.journal = Journal(self.path)

    @invariant()
    def everything_signed_is_either_known_or_refused(self):
        for request in self.signed:
            assert self.journal.answer(request) == self.known.get(request)
            if request not in self.known:
                with pytest.raises(Refused):
                    self.journal.require_recent(request)

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
