"""Who is caught in a contradiction is handed out, once, in a form that convicts; nobody else is."""

from __future__ import annotations

import msgspec
import pytest

from assay.agreement.blame.guilt import require_guilt
from assay.agreement.views import Move
from assay.digest import Tag
from consensus.blaming import MOST_OF_ONE, evidence
from consensus.events import Ran, Received
from consensus.judging import Group
from consensus.messages import Held, NewView, Readied, ViewChange, Vote
from consensus.replica import Replica
from consensus.slots import AHEAD
from consensus.succession import installing
from tests.consensus import made
from tests.consensus.test_replica_attacks import LIAR, NOW, answer, asked, have, replica, requests, spoken
from tests.sdk import groups

GROUP = Group(made.GROUP, made.GENESIS)


def vote(kind: str, entry: bytes, number: int = 1, installed: bytes = bytes(32), member: int = LIAR) -> Vote:
    unsigned = Vote(kind, member, 0, installed, number, entry, bytes(64))
    signed = unsigned.ballot(made.GROUP, 0).digest(unsigned.tag)
    return msgspec.structs.replace(unsigned, signature=made.KEYS[member].sign(unsigned.tag, signed))


def moved(member: int, view: int, head=None) -> ViewChange:
    move = Move(made.GROUP, 0, member, view, head, ())
    return ViewChange(move, made.KEYS[member].sign(Tag.AGREEMENT_VIEW_CHANGE, move.digest))


def began(view: int, *changes: ViewChange) -> NewView:
    leader = made.KEYS[GROUP.leader(view)]
    return NewView(view, changes, leader.sign(Tag.AGREEMENT_NEW_VIEW, installing(GROUP, view, changes)))


def proved():
    from tests.consensus.test_replica_attacks import proved

    return proved().head


def results(vote: int):
    return spoken(LIAR, answer(LIAR, asked(1).digest, vote))


TWO_WORDS = {
    "double-vote": (vote("prepare", b"\x01" * 32), vote("prepare", b"\x02" * 32)),
    "double-vote to commit": (vote("commit", b"\x01" * 32), vote("commit", b"\x02" * 32)),
    "double-vote on two beginnings": (
        vote("prepare", b"\x01" * 32),
        vote("prepare", b"\x01" * 32, installed=b"\x03" * 32),
    ),
    "double-vote on two others": (
        vote("commit", b"\x01" * 32, installed=b"\x03" * 32),
        vote("commit", b"\x01" * 32, installed=b"\x04" * 32),
    ),
    "contradicting-results": (results(1), results(2)),
    "two-moves": (moved(LIAR, 5), moved(LIAR, 5, proved())),
    "two-beginnings": (
        began(3, *(moved(i, 3) for i in (0, 1, 3))),
        began(3, *(moved(i, 3) for i in (0, 2, 3))),
    ),
}


@pytest.mark.parametrize("name", TWO_WORDS)
@pytest.mark.parametrize("turned", [False, True])
def test_who_says_two_things_is_handed_out_once_and_convicted(name, turned):
    words = TWO_WORDS[name][::-1] if turned else TWO_WORDS[name]
    member = replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(1))])
    ready = member.step(NOW + 1, [Received(LIAR, each) for each in words])
    (caught,) = ready.caught
    found = evidence((made.EPOCH,), caught)
    assert found.kind == name.split()[0]
    (guilty,) = require_guilt(found, made.GROUP)
    assert guilty.member == LIAR
    assert member.step(NOW + 2, [Received(LIAR, each) for each in words]).caught == []


@pytest.mark.parametrize("name", TWO_WORDS)
def test_the_same_word_twice_is_no_contradiction(name):
    member = replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(1))])
    assert member.step(NOW + 1, [Received(LIAR, TWO_WORDS[name][0])] * 2).caught == []


@pytest.mark.parametrize(
    "name", ["double-vote", "double-vote on two beginnings", "contradicting-results", "two-moves"]
)
def test_what_another_has_signed_in_its_name_catches_nobody(name):
    member = replica(1)
    first, other = TWO_WORDS[name]
    forged = msgspec.structs.replace(other, signature=bytes(64))
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(1))])
    assert member.step(NOW + 1, [Received(0, first), Received(0, forged)]).caught == []


def test_an_answer_by_another_model_is_no_contradiction():
    member = replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(1)), Ran(())])
    other = spoken(LIAR, answer(LIAR, asked(1).digest, 2, model=groups.model(9).commitment))
    assert member.step(NOW + 1, [Received(LIAR, results(1)), Received(LIAR, other)]).caught == []


def test_who_never_stops_fills_no_memory():
    member = replica(1)
    caught = []
    for number in range(1, 60):
        for kind in ("prepare", "commit"):
            words = (vote(kind, b"\x01" * 32, number), vote(kind, b"\x02" * 32, number))
            caught += member.step(NOW + number, [Received(LIAR, each) for each in words]).caught
    assert len(caught) == MOST_OF_ONE


def test_votes_on_beginnings_that_nobody_has_heard_of_are_kept_once_each_and_count_for_nothing():
    member = replica(1)
    words = [vote("prepare", b"\x01" * 32, number, bytes([i]) * 32) for number in range(1, 200) for i in (5, 6, 7)]
    member.step(NOW, [Received(LIAR, each) for each in words])
    slots = member.state.slots.values()
    assert len(slots) == AHEAD
    assert [len(each.strays("prepare")) for each in slots] == [1] * AHEAD
    assert not any(each.prepares for each in slots)


def leading() -> tuple[Replica, bytes]:
    """A leader that has proposed, and what it has prepared; all have answered, and two called it ready."""
    leader, request = replica(0), asked(1).digest
    said = [spoken(member, answer(member, request)) for member in range(4)]
    held = tuple(Held(each.member, each.root) for each in said)
    leader.step(NOW, [Received(groups.CLIENT.public.raw, requests(1)), Ran((answer(0, request),))])
    leader.step(NOW + 1, [Received(each.member, each) for each in said[1:]])
    reports = [have(member, (Readied(request, (0, 1, 2, 3)),), held) for member in (1, 2)]
    ready = leader.step(NOW + 2, [Received(each.report.member, each) for each in reports])
    return leader, next(each.entry for _, each in ready.send if isinstance(each, Vote))


@pytest.mark.parametrize("honest", [True, False])
def test_a_vote_that_came_when_there_were_enough_is_held_against_another_if_it_is_its_members(honest):
    leader, entry = leading()
    enough = leader.step(NOW + 3, [Received(each, vote("prepare", entry, member=each)) for each in (1, 2)])
    assert any(isinstance(each, Vote) and each.kind == "commit" for _, each in enough.send)
    late = vote("prepare", entry)
    late = late if honest else msgspec.structs.replace(late, signature=bytes(64))
    assert leader.step(NOW + 4, [Received(LIAR, late)]).caught == []
    ready = leader.step(NOW + 5, [Received(LIAR, vote("prepare", b"\x01" * 32))])
    assert [(each.member, each.one) for each in ready.caught] == ([(LIAR, late)] if honest else [])
