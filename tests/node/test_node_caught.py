"""Evidence as a node keeps it: each deed once, within bounds, whole or not at all, until it is settled."""

from __future__ import annotations

import errno

import msgspec
import pytest

from assay.agreement.blame import making
from assay.agreement.votes import Abstained, Erred
from assay.errors import NotVerified
from node import caught
from node.caught import Caught
from tests.sdk.blaming import Group

FOUR, OTHERS = Group(), Group(slug="others")


def twice(member: int = 3, number: int = 7, other: bytes = b"b", group: Group = FOUR):
    votes = (group.vote(member, number=number, entry=entry) for entry in (b"a", other))
    return making.double_vote(group.epochs, *votes)


@pytest.fixture
def root(tmp_path):
    for group in (FOUR, OTHERS):
        (tmp_path / group.digest.hex()).mkdir()
    return tmp_path


def files(root) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_a_piece_is_a_file_named_by_its_digest_and_found_again(root):
    evidence = twice()
    kept = Caught(root).keep(evidence)
    path = root / FOUR.digest.hex() / "evidence" / f"{evidence.id.hex()}.cbor"
    assert path.read_bytes() == evidence.to_cbor()
    assert Caught(root).all() == [kept]
    assert Caught(root).waiting() == [FOUR.digest]
    assert Caught(root).next(FOUR.digest) == evidence.to_cbor()
    assert Caught(root).next(OTHERS.digest) == b""


def test_a_deed_is_kept_once_however_it_is_proved_also_after_a_restart(root):
    store = Caught(root)
    assert store.keep(twice())
    assert store.keep(twice()) is None
    assert store.keep(twice(other=b"c")) is None
    assert Caught(root).keep(twice(other=b"c")) is None
    assert Caught(root).keep(twice(number=8))
    assert Caught(root).keep(twice(member=2))
    assert Caught(root).keep(twice(group=OTHERS))
    assert len(files(root)) == 4


def test_a_rewrite_is_news_as_long_as_it_names_one_more(root):
    store = Caught(root)
    rewrites = [
        making.rewrite(FOUR.epochs, FOUR.commitment(one), FOUR.commitment((0, 1, 2), FOUR.entry(content=b"b")))
        for one in ((1, 2, 3), (0, 1, 3), (0, 1, 2))
    ]
    assert [store.keep(each) is not None for each in rewrites] == [True, True, False]


def test_who_lies_all_the_time_fills_no_disk(root, monkeypatch):
    monkeypatch.setattr(caught, "MOST_OF_ONE", 5)
    store = Caught(root)
    kept = [store.keep(twice(number=number)) for number in range(1, 20)]
    assert [each is not None for each in kept] == [True] * 5 + [False] * 14
    assert store.keep(twice(member=2))  # another is not safe for that
    assert store.keep(twice(group=OTHERS))


def test_one_members_pieces_fit_but_the_first_is_kept_whatever_its_size(root, monkeypatch):
    monkeypatch.setattr(caught, "BYTES_OF_ONE", 1)
    store = Caught(root)
    assert store.keep(twice(number=1))
    assert store.keep(twice(number=2)) is None
    assert store.keep(twice(number=1, member=2))


@pytest.mark.parametrize(("name", "most"), [("MOST_IN_ALL", 3), ("BYTES_IN_ALL", 3 * len(twice().to_cbor()))])
def test_all_pieces_together_are_bounded(root, monkeypatch, name, most):
    monkeypatch.setattr(caught, name, most)
    store = Caught(root)
    kept = [store.keep(twice(member=i, group=group)) for group in (FOUR, OTHERS) for i in range(3)]
    assert [each is not None for each in kept] == [True] * 3 + [False] * 3


def test_a_piece_that_no_message_could_hold_is_not_kept(root, monkeypatch):
    monkeypatch.setattr(caught, "LARGEST", len(twice().to_cbor()) - 1)
    assert Caught(root).keep(twice()) is None
    assert files(root) == []


def test_what_proves_nothing_is_not_kept(root):
    forged = msgspec.structs.replace(twice(), number=8)
    with pytest.raises(NotVerified):
        Caught(root).keep(forged)
    assert files(root) == []


@pytest.mark.parametrize("verdict", ["", "proves nothing: signature does not verify"])
def test_what_is_settled_is_not_handed_in_again(root, verdict):
    batches = (FOUR.batch(2, (b"r", b"m", word)) for word in (Erred(), Abstained()))
    first, second = twice(), making.contradicting_results(FOUR.epochs, *batches)
    store = Caught(root)
    for each in (first, second):
        store.keep(each)
    store.settle(FOUR.digest, first.id, verdict)
    store.settle(FOUR.digest, first.id, "something else, later")
    for seen in (store, Caught(root)):
        assert {each.digest: each.verdict for each in seen.all()} == {first.id: verdict, second.id: None}
        assert seen.next(FOUR.digest) == second.to_cbor()
    store.settle(FOUR.digest, second.id, verdict)
    assert (store.waiting(), store.next(FOUR.digest)) == ([], b"")
    assert Caught(root).waiting() == []


def test_to_settle_what_is_not_here_changes_nothing(root):
    Caught(root).settle(FOUR.digest, bytes(32), "unknown")
    assert files(root) == []


def test_a_piece_that_its_owner_has_removed_keeps_no_other_back(root):
    store = Caught(root)
    first, second = twice(), twice(number=8)
    for each in (first, second):
        store.keep(each)
    (root / FOUR.digest.hex() / "evidence" / f"{first.id.hex()}.cbor").unlink()
    assert store.next(FOUR.digest) == second.to_cbor()
    store.settle(FOUR.digest, second.id, "")
    assert store.next(FOUR.digest) == b""
    assert Caught(root).waiting() == []


def test_a_file_that_is_not_what_it_is_called_is_left_alone(root):
    folder = root / FOUR.digest.hex() / "evidence"
    folder.mkdir()
    document = twice().to_cbor()
    for name, content in {
        f"{bytes(32).hex()}.cbor": document,  # another's name
        f"{twice(number=8).id.hex()}.cbor": document[:-1],  # cut off
        "notes.cbor": b"",
        f".{twice().id.hex()}.cbor.part": document,  # the power failed
    }.items():
        (folder / name).write_bytes(content)
    before = files(root)
    store = Caught(root)
    assert store.all() == []
    assert files(root) == before
    assert store.keep(twice())


def test_a_full_disk_loses_the_piece_and_nothing_else(root, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Caught(root)
    with monkeypatch.context() as patched:
        patched.setattr(caught, "write_atomically", full)
        with pytest.raises(OSError, match="No space"):
            store.keep(twice())
    assert store.all() == []
    assert store.keep(twice())
