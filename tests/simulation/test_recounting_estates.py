"""What a view takes over is counted twice, by other code: here the two are held against each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay.agreement.entry import Entry
from assay.agreement.views import Move, Quorum, estate
from consensus import viewing
from consensus.simulator import recount
from consensus.simulator.broken_views import take_over_the_oldest

GENESIS = bytes(32)


def entry(number: int, parent: bytes, content: int) -> Entry:
    return Entry(GENESIS, 0, number, parent, 0, bytes([content]) * 32, 0, bytes(32))


def entries() -> list[Entry]:
    """Two at each of three numbers, each on top of each that it may stand on."""
    found, parents = [], [GENESIS]
    for number in (1, 2, 3):
        these = [entry(number, parent, content) for parent in parents for content in (1, 2)]
        found += these
        parents = [each.digest for each in these]
    return found


def quorum(entry: Entry, view: int) -> Quorum:
    return Quorum(entry, view, bytes(32), ())


locks = st.lists(st.tuples(st.sampled_from(entries()), st.integers(0, 4)), max_size=3).map(
    lambda some: tuple({each.number: quorum(each, view) for each, view in some}.values())
)
heads = st.one_of(st.none(), st.sampled_from(entries()[:2]).map(lambda each: quorum(each, 0)))
moves = st.lists(
    st.builds(lambda head, locks: Move(GENESIS, 0, 0, 5, head, locks), heads, locks), min_size=1, max_size=4
).filter(lambda some: _agree(some))


def _agree(some: list[Move]) -> bool:
    """Of one view only one entry can be prepared at a number, and only one entry is executed."""
    prepared = {(lock.view, lock.entry.number, lock.entry.digest) for move in some for lock in move.locks}
    executed = {move.head.entry.digest for move in some if move.head is not None}
    return len(prepared) == len({each[:2] for each in prepared}) and len(executed) <= 1


@given(moves)
def test_both_find_the_same(some):
    found, counted = estate(GENESIS, some), recount.estate(GENESIS, some)
    assert counted.number == (0 if found.head is None else found.head.entry.number)
    assert counted.carried == {each.entry.number: each.entry.digest for each in found.carried}


def test_who_takes_over_the_oldest_is_seen():
    old, new = entry(1, GENESIS, 1), entry(1, GENESIS, 2)
    some = [Move(GENESIS, 0, i, 5, None, (quorum(each, i),)) for i, each in enumerate((old, new))]
    assert recount.estate(GENESIS, some).carried == {1: new.digest}
    with take_over_the_oldest():
        assert [each.entry for each in viewing.estate(GENESIS, some).carried] == [old]
