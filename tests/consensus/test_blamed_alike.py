"""What the check of evidence takes for signed, replicas do sign; what it expects of a view, they make of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay.agreement import results, views
from assay.agreement.blame.transcript import Vote as Blamed
from assay.agreement.votes import Abstained, Answered, Erred
from assay.fields import plain
from assay.jsonform import convert
from consensus.messages import Exec, Move, NewView, Result, Vote
from consensus.succession import estate
from tests.sdk.blaming import Group, named

GROUP = Group()
names = st.sampled_from((b"a", b"b", b"c"))
words = st.sampled_from((Answered(named(b"m"), (1, 2)), Abstained(), Erred()))


@given(names, names, words, st.integers(0, 3), st.integers(1, 1024))
def test_results(request, model, said, member, count):
    one = Result(named(request), named(model), said)
    other = results.Result(named(request), named(model), said)
    assert one.leaf == other.leaf
    place = (GROUP.digest, 0, member, count, one.leaf)
    assert Exec.signed(*place) == results.signed(*place)


@given(st.sampled_from(("prepare", "commit")), names, st.integers(0, 9))
def test_votes(kind, entry, view):
    place = (kind, 1, view, bytes(32), 7, named(entry), bytes(64))
    assert Vote(*place).ballot(GROUP.digest, 0) == Blamed(*place).ballot(GROUP.digest, 0)


@st.composite
def moves(draw):
    """Heads and locks at random: entries of two contents, each on one of those below."""
    entries = {}
    for number in range(1, 5):
        for content in (b"a", b"b"):
            below = [each.digest for (n, _), each in entries.items() if n == number - 1] or [GROUP.digest]
            made = GROUP.entry(number=number, content=content)
            entries[number, content] = type(made)(**{**plain(made), "parent": draw(st.sampled_from(below))})
    said = []
    for member in range(3):
        head = draw(st.one_of(st.none(), st.sampled_from(list(entries.values()))))
        locks = draw(st.lists(st.tuples(st.sampled_from(list(entries)), st.integers(0, 4)), max_size=5))
        proofs = [views.Quorum(entries[name], view, bytes(32), ()) for name, view in locks]
        proof = None if head is None else views.Quorum(head, 0, bytes(32), ())
        said.append(views.Move(GROUP.digest, 0, member, 5, proof, tuple(proofs)))
    return said


@given(moves())
def test_moves_and_what_a_view_takes_over_from_them(said):
    theirs = [convert(plain(each), Move) for each in said]
    digests = [each.digest for each in said]
    assert [each.digest for each in theirs] == digests
    assert NewView.signed(GROUP.digest, 0, 5, digests) == views.beginning(GROUP.digest, 0, 5, digests)
    expected = {each.entry.number: each.entry.digest for each in estate(GROUP.digest, theirs).carried}
    assert views.carried(GROUP.digest, said) == expected
