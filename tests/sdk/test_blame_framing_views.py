"""The same liars, when views change: what the honest member says as it moves on, and votes for in the next view.

It keeps its word: it moves into a view once, with the newest prepares of all that it has committed to and not
executed; begins a view that it leads once; and votes for what the view takes over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations, product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.agreement.blame import making
from assay.agreement.blame.evidence import (
    FORMAT,
    AgainstTheView,
    AnyEvidence,
    Began,
    Cast,
    ForgottenCommitment,
    Moved,
    TwoBeginnings,
    TwoMoves,
)
from assay.agreement.blame.finding import Audit
from assay.agreement.blame.transcript import Beginning, Vote
from assay.agreement.views import SignedMove, beginning
from tests.sdk.blaming import Group, named
from tests.sdk.test_blame_framing import GROUP, HONEST, KEY, LIARS, convicts

replace = msgspec.structs.replace

SIX = GROUP.entry(number=6)
SEVEN = {name: replace(GROUP.entry(), parent=SIX.digest, content=named(name)) for name in (b"a", b"b")}
HEAD = GROUP.quorum(LIARS, SIX, "commit")
NEXT = 2  # the view into which everybody moves
OTHER = GROUP.entry(number=8, content=b"c")


def lock(name: bytes, view: int):
    return GROUP.quorum(LIARS, SEVEN[name], view=view)


def by_liars(name: bytes | None) -> list[SignedMove]:
    """Their moves, which bring one entry along, or none."""
    locks = () if name is None else (lock(name, 0),)
    return [GROUP.move(i, NEXT, HEAD, locks) for i in LIARS]


BEGUN = {name: GROUP.begin(NEXT, *by_liars(name)) for name in (b"a", b"b", None)}


def installed(began: Beginning) -> bytes:
    return beginning(GROUP.digest, 0, began.view, [each.move.digest for each in began.moves])


@dataclass
class Said:
    """All that the honest member has signed."""

    votes: list[Vote] = field(default_factory=list)
    moves: list[SignedMove] = field(default_factory=list)
    begun: list[Beginning] = field(default_factory=list)


@st.composite
def histories(draw):
    """Commitments in views 0 and 1, a move into view 2 and perhaps 3, votes in view 2, the beginning of view 1."""
    said, newest = Said(), None
    for view in (0, 1):
        name = draw(st.sampled_from((b"a", b"b", None)))
        if name is not None:
            said.votes.append(GROUP.vote(HONEST, "commit", view, 7, SEVEN[name].digest, b"x" if view else b""))
            newest = lock(name, view)
    executed = draw(st.booleans())
    head = GROUP.quorum(LIARS, SEVEN[draw(st.sampled_from((b"a", b"b")))], "commit", 1) if executed else HEAD
    for view in draw(st.sampled_from(((2,), (2, 3), (3,)))):
        locks = () if newest is None or executed else (newest,)
        said.moves.append(GROUP.move(HONEST, view, head, locks))
    if said.moves[0].move.view == NEXT and not executed:
        carried = draw(st.sampled_from((b"a", b"b", None)))
        place = {"view": NEXT, "installed": installed(BEGUN[carried])}
        entry = SEVEN[carried or b"a"].digest
        for phase in draw(st.sampled_from(((), ("prepare",), ("prepare", "commit")))):
            said.votes.append(GROUP.vote(HONEST, phase, entry=entry, **place))
            said.votes.append(GROUP.vote(HONEST, phase, number=8, entry=OTHER.digest, **place))
        if said.votes and said.votes[-1].phase == "commit" and said.votes[-1].view == NEXT:
            said.moves = said.moves[:1]  # what it commits to here would have to stand in its next move
    said.begun.append(GROUP.begin(1, *by_liars(draw(st.sampled_from((b"a", b"b", None))))))
    said.begun.append(GROUP.begin(5, *by_liars(draw(st.sampled_from((b"a", b"b", None))))))
    return said


# --- what the liars do ------------------------------------------------------------------------------------


def every_attempt(said: Said) -> Iterator[AnyEvidence]:
    yield from forgotten(said)
    yield from twice(said)
    yield from against(said)
    yield from audited(said)


def forgotten(said: Said) -> Iterator[AnyEvidence]:
    """Any vote as a commitment, any move after it; with words left out of it, or of somebody else."""
    others = [GROUP.move(LIARS[0], 3), *said.moves]
    for vote, signed in product(said.votes, others):
        moved = Moved(signed.move.head, signed.move.locks, signed.signature)
        emptied = (moved, replace(moved, locks=()), replace(moved, head=None))
        for move, view, later in product(emptied, (0, 1, 2), (signed.move.view, 3)):
            cast = Cast(vote.installed, vote.entry, vote.signature)
            yield ForgottenCommitment(FORMAT, GROUP.epochs, (KEY,), view, vote.number, cast, max(later, 1), move)


def twice(said: Said) -> Iterator[AnyEvidence]:
    """Any two moves, any two beginnings, as of either view."""
    for one, other in product(said.moves, said.moves):
        pair = sorted((one, other), key=lambda each: each.move.digest)
        moves = tuple(Moved(each.move.head, each.move.locks, each.signature) for each in pair)
        for view in (one.move.view, other.move.view):
            yield TwoMoves(FORMAT, GROUP.epochs, (KEY,), view, moves)
    theirs = [GROUP.begin(1, *by_liars(b"a"), by=LIARS[0]), GROUP.begin(0 + 4, *by_liars(b"b"))]
    for first, second in product(said.begun, [*said.begun, *theirs]):
        sides = sorted(
            (Began(tuple(each.move.digest for each in side.moves), side.signature) for side in (first, second)),
            key=lambda each: each.moves,
        )
        for view in (first.view, second.view):
            yield TwoBeginnings(FORMAT, GROUP.epochs, (KEY,), view, tuple(sides))


def against(said: Said) -> Iterator[AnyEvidence]:
    """Any vote, against any moves that they can put together, in any order."""
    gathered = [[each.move for each in began.moves] for began in BEGUN.values()]
    gathered += [list(each) for each in permutations(gathered[0])]
    gathered += [[*gathered[0], *(each.move for each in said.moves)]]
    for vote, moves in product(said.votes, gathered):
        for phase, view, number in product(("prepare", "commit"), (1, 2, 3), (7, 8)):
            yield AgainstTheView(
                FORMAT, GROUP.epochs, (KEY,), phase, view, number, vote.entry, vote.signature, tuple(moves)
            )


def audited(said: Said) -> Iterator[AnyEvidence]:
    """Everything in one heap."""
    audit = Audit(GROUP.epochs)
    for vote in said.votes:
        audit.vote(vote)
    for move in (*said.moves, *(replace(each, move=replace(each.move, locks=())) for each in said.moves)):
        audit.moved(move)
    for began in (*said.begun, *BEGUN.values()):
        audit.began(began)
    for name in (b"a", b"b"):
        audit.committed(GROUP.commitment(LIARS, SEVEN[name]))
    yield from audit.evidence()


@settings(max_examples=60)
@given(histories())
def test_no_set_of_liars_frames_an_honest_member_over_a_change_of_view(said):
    for evidence in every_attempt(said):
        assert not convicts(evidence), evidence


# --- the test can fail ------------------------------------------------------------------------------------

COMMITTED = GROUP.vote(HONEST, "commit", 0, 7, SEVEN[b"a"].digest)
BROKEN = {
    "a commitment left out": Said([COMMITTED], [GROUP.move(HONEST, 1, HEAD)]),
    "older prepares": Said(
        [GROUP.vote(HONEST, "commit", 1, 7, SEVEN[b"a"].digest)], [GROUP.move(HONEST, 2, HEAD, [lock(b"a", 0)])]
    ),
    "two moves": Said([], [GROUP.move(HONEST, 2, HEAD), GROUP.move(HONEST, 2)]),
    "two beginnings": Said(begun=[GROUP.begin(1, *by_liars(b"a")), GROUP.begin(1, *by_liars(b"b"))]),
    "against the view": Said([GROUP.vote(HONEST, "prepare", NEXT, 7, SEVEN[b"b"].digest, installed(BEGUN[b"a"]))]),
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
def test_the_same_liars_convict_it_once_it_has_broken_its_word(said):
    assert any(map(convicts, every_attempt(said)))


KEPT = {
    "prepared only": Said(
        [GROUP.vote(HONEST, "prepare", 0, 7, SEVEN[b"a"].digest)], [GROUP.move(HONEST, 1, HEAD)]
    ),
    "another group": Said([COMMITTED], [Group(slug="elsewhere").move(HONEST, 1)]),
    "another epoch": Said([COMMITTED], [GROUP.move(HONEST, 1, epoch=1)]),
    "begun elsewhere": Said(begun=[GROUP.begin(1, *by_liars(b"a")), GROUP.begin(5, *by_liars(b"b"))]),
}


@pytest.mark.parametrize("said", KEPT.values(), ids=KEPT)
def test_what_looks_like_it_and_is_not_convicts_nobody(said):
    assert not any(map(convicts, every_attempt(said)))
    assert making.leader(GROUP.epochs, 5) == HONEST
