"""Copy-resistant groups: what an entry may fix, and what it may decide on what was fixed before."""

from __future__ import annotations

import msgspec
import pytest

from assay.agreement.sealing import Author, Fixed, Opened, Sealed, seal
from assay.agreement.votes import Absent, Abstained, Answered, Withheld
from assay.errors import Refused
from consensus.durable import Fixing
from consensus.judging import LINGER, Group, TooEarly, beginning, judge
from consensus.messages import Content, Exec, Have, Held, Readied, Report, Result, Successor
from tests.consensus import made
from tests.sdk import groups

GENESIS = groups.configuration(made.KEYS, copy_resistant=True)
GROUP = Group(GENESIS.digest, GENESIS)
START = beginning(GROUP)
NOW = 1_990_000
SALT = b"\x07" * 32
ASKED = msgspec.structs.replace(made.asked(1), group=GROUP.genesis)
MODELS = [member.model.commitment for member in GENESIS.members]


class World:
    """What members know of one request: who has sealed what, what of that is fixed, and by which entry."""

    def __init__(self) -> None:
        self.batches: dict[Held, Exec] = {}
        self.fixing: Fixing | None = None

    def asked(self, request):
        assert request == ASKED.digest
        return ASKED

    def named(self, held):
        return self.batches[held]

    def taken(self, asked):
        return False

    def fixed(self, request):
        return self.fixing

    def unsettled(self, time):
        return self.fixing is not None

    def says(self, member: int, said, model: bytes | None = None) -> Held:
        batch = Exec(member, (Result(ASKED.digest, model or MODELS[member], said),), bytes(64))
        held = Held(member, batch.root)
        self.batches[held] = batch
        return held

    def seals(self, member: int, said, author: int | None = None) -> Held:
        mark = seal(
            Author(GROUP.genesis, 0, member if author is None else author),
            ASKED.digest,
            MODELS[member],
            opening(said),
        )
        return self.says(member, Sealed(MODELS[member], mark))

    def opens(self, member: int, said) -> Held:
        return self.says(member, opening(said))

    def judge(self, held, *, clock: int = NOW, fixed: int = 0, fix: bool = False, members=(0, 1, 2), **more):
        readied = (Readied(ASKED.digest, tuple(range(len(held))), fixed),)
        haves = tuple(Have(Report(GROUP.genesis, 0, i, clock, readied, tuple(held)), bytes(64)) for i in members)
        orders = {"fixed": (ASKED.digest,), "decided": ()} if fix else {"decided": (ASKED.digest,)}
        return judge(GROUP, START, Content(haves, updates=(), **{**orders, **more}), self)

    def commits(self, *words) -> None:
        """The entry 5 has fixed these, by member; None: it had sealed nothing."""
        self.batches.clear()
        held = [self.seals(i, word) for i, word in enumerate(words) if word is not None]
        judged = self.judge(held, fix=True)
        self.fixing = Fixing(5, ASKED.deadline + LINGER, judged.fixed[0])


def opening(said) -> Opened:
    return Opened(said, SALT)


def vote(member: int, *votes: int) -> Answered:
    return Answered(MODELS[member], votes or (1,))


@pytest.fixture
def world() -> World:
    return World()


# --- what is fixed ----------------------------------------------------------------------------------------


def test_what_a_quorum_has_sealed_is_fixed_and_nothing_is_decided(world):
    judged = world.judge([world.seals(i, vote(i)) for i in range(3)], fix=True)
    (words,) = judged.fixed
    assert isinstance(words, Fixed)
    assert [type(word) for word in words.said] == [Sealed, Sealed, Sealed, Absent]
    assert (judged.ended, judged.asked, judged.entry.count, judged.leaves) == ((), (), 1, (words.leaf,))


def test_who_seals_two_different_words_has_sealed_none(world):
    held = [*(world.seals(i, vote(i)) for i in range(4)), world.seals(3, vote(3, 0))]
    assert world.judge(held, fix=True).fixed[0].said[3] == Absent()


def test_too_few_seals_are_waited_for(world):
    with pytest.raises(TooEarly):
        world.judge([world.seals(i, vote(i)) for i in range(2)], fix=True)


def test_an_open_answer_is_no_seal(world):
    held = [*(world.seals(i, vote(i)) for i in range(3)), world.says(3, vote(3))]
    assert world.judge(held, fix=True).fixed[0].said[3] == Absent()


def test_past_its_deadline_nothing_is_fixed(world):
    held = [world.seals(i, vote(i)) for i in range(4)]
    with pytest.raises(Refused, match="not to be fixed"):
        world.judge(held, fix=True, clock=ASKED.deadline + 1)


def test_what_is_fixed_is_not_fixed_again(world):
    world.commits(*map(vote, range(4)))
    with pytest.raises(Refused, match="not to be fixed"):
        world.judge([world.seals(i, vote(i, 2)) for i in range(4)], fix=True, fixed=5)


def test_a_group_that_is_not_copy_resistant_fixes_nothing(world):
    plain = Group(GROUP.genesis, msgspec.structs.replace(GENESIS, copy_resistant=False))
    held = [world.seals(i, vote(i)) for i in range(4)]
    readied = (Readied(ASKED.digest, (0, 1, 2, 3)),)
    haves = tuple(Have(Report(GROUP.genesis, 0, i, NOW, readied, tuple(held)), bytes(64)) for i in range(3))
    with pytest.raises(Refused, match="nobody has sealed"):
        judge(plain, START, Content(haves, (), (), fixed=(ASKED.digest,)), world)


# --- what is decided --------------------------------------------------------------------------------------


def test_what_is_opened_is_counted(world):
    world.commits(vote(0), vote(1), vote(2, 0), Abstained())
    judged = world.judge(
        [
            world.opens(0, vote(0)),
            world.opens(1, vote(1)),
            world.opens(2, vote(2, 0)),
            world.opens(3, Abstained()),
        ],
        fixed=5,
    )
    (ended,) = judged.ended
    assert (ended.outcome, ended.said) == ("certified", (vote(0), vote(1), vote(2, 0), Abstained()))


def test_who_does_not_open_has_withheld(world):
    world.commits(*map(vote, range(4)))
    judged = world.judge([world.opens(i, vote(i)) for i in range(3)], fixed=5)
    assert judged.ended[0].said[3] == Withheld()
    assert judged.ended[0].outcome == "certified"


def test_who_opens_something_else_has_withheld(world):
    world.commits(*map(vote, range(4)))
    held = [*(world.opens(i, vote(i)) for i in range(3)), world.opens(3, vote(3, 2))]
    assert world.judge(held, fixed=5).ended[0].said[3] == Withheld()


def test_a_seal_under_anothers_name_opens_nothing(world):
    """What chidi has copied of bruno it cannot open, though it has heard bruno's answer and salt."""
    held = [
        world.seals(0, vote(0)),
        world.seals(1, vote(1)),
        world.seals(2, vote(2), author=1),
        world.seals(3, vote(3)),
    ]
    world.fixing = Fixing(5, ASKED.deadline + LINGER, world.judge(held, fix=True).fixed[0])
    opened = [world.opens(i, vote(i)) for i in range(4)]
    assert world.judge(opened, fixed=5).ended[0].said[2] == Withheld()


def test_who_sealed_nothing_in_time_is_absent_whatever_it_shows(world):
    world.commits(vote(0), vote(1), vote(2), None)
    judged = world.judge([world.opens(i, vote(i)) for i in range(4)], fixed=5)
    assert judged.ended[0].said[3] == Absent()


def test_a_vote_that_answers_nothing_is_absent(world):
    world.commits(vote(0), vote(1), vote(2), vote(3, 9))
    held = [*(world.opens(i, vote(i)) for i in range(3)), world.opens(3, vote(3, 9))]
    assert world.judge(held, fixed=5).ended[0].said[3] == Absent()


def test_it_does_not_fail_before_its_deadline_while_somebody_may_still_open(world):
    world.commits(*map(vote, range(4)))
    held = [world.opens(i, vote(i)) for i in range(2)]
    with pytest.raises(TooEarly):
        world.judge(held, fixed=5)
    assert world.judge(held, fixed=5, clock=ASKED.deadline + 1).ended[0].outcome == "failed"


def test_it_fails_when_all_have_opened_and_too_few_have_answered(world):
    world.commits(vote(0), vote(1), Abstained(), Abstained())
    held = [
        world.opens(0, vote(0)),
        world.opens(1, vote(1)),
        world.opens(2, Abstained()),
        world.opens(3, Abstained()),
    ]
    assert world.judge(held, fixed=5).ended[0].outcome == "failed"


def test_reports_of_before_count_for_nothing_after(world):
    """They named seals only: a leader could leave out what has been opened since."""
    world.commits(*map(vote, range(4)))
    held = [world.opens(i, vote(i)) for i in range(4)]
    with pytest.raises(Refused, match="not ready"):
        world.judge(held, fixed=0)


def test_what_was_never_fixed_can_only_fail_past_its_deadline(world):
    held = [world.seals(i, vote(i)) for i in range(4)]
    with pytest.raises(TooEarly):
        world.judge(held)
    (ended,) = world.judge(held, clock=ASKED.deadline + 1).ended
    assert (ended.outcome, set(ended.said)) == ("failed", {Absent()})


def test_an_epoch_does_not_end_while_what_was_shown_is_undecided(world):
    after = msgspec.structs.replace(GENESIS, epoch=1, previous=GROUP.genesis)
    successor = Successor(after, (), ())
    world.commits(*map(vote, range(4)))
    with pytest.raises(Refused, match="shown and not counted"):
        world.judge([], decided=(), successor=successor)
    world.fixing = None
    assert world.judge([], decided=(), successor=successor).standing.over == after.digest
