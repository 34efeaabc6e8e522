"""What the check of evidence takes for signed, replicas do sign; what it expects of a view, they make of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay.agreement import results, views
from assay.agreement.blame.transcript import Vote as Blamed
from assay.agreement.votes import Abstained, Answered, Erred
from assay.fields import plain
from consensus.messages import Exec, Result, Vote
from consensus.simulator import recount
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
    """Heads and locks at random: entries of two contents, each on one of those below. In one view one entry of a
    number is prepared, and of one number one is executed.
    """
    entries = {}
    for number in range(1, 5):
        for content in (b"a", b"b"):
            below = [each.digest for (n, _), each in entries.items() if n == number - 1] or [GROUP.digest]
            made = GROUP.entry(number=number, content=content)
            entries[number, content] = type(made)(**{**plain(made), "parent": draw(st.sampled_from(below))})
    prepared = {(n, view): draw(st.sampled_from([b"a", b"b"])) for n in range(1, 5) for view in range(5)}
    said = []
    for member in range(3):
        head = draw(st.one_of(st.none(), st.sampled_from([entries[n, b"a"] for n in range(1, 5)])))
        locks = draw(st.lists(st.sampled_from(list(prepared)), max_size=5))
        proofs = [views.Quorum(entries[n, prepared[n, view]], view, bytes(32), ()) for n, view in locks]
        proof = None if head is None else views.Quorum(head, 0, bytes(32), ())
        said.append(views.Move(GROUP.digest, 0, member, 5, proof, tuple(proofs)))
    return said


@given(moves())
def test_what_a_view_takes_over_as_the_simulator_counts_it(said):
    assert views.carried(GROUP.digest, said) == recount.estate(GROUP.digest, said).carried
