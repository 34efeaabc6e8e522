"""The rules that a proposal must keep, one by one: what follows from a right one, and each way to be wrong."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.agreement.votes import Absent, Abstained, Answered, Erred
from assay.errors import Refused
from consensus import judging
from consensus.judging import LINGER, SLACK, Group, TooEarly, beginning, judge, time_of
from consensus.messages import Change, Content, Exec, Have, Held, Readied, Report, Result, Update
from consensus.serving import Retired
from tests.consensus import made
from tests.sdk import groups

GROUP = Group(made.GROUP, made.GENESIS)
START = beginning(GROUP)
NOW = 1_990_000
MODELS = [member.model.commitment for member in made.GENESIS.members]


class World:
    """What a member knows, and the content that a leader makes of it."""

    def __init__(self, *requests) -> None:
        self.requests = {each.digest: each for each in requests}
        self.batches: dict[Held, Exec] = {}
        self.over: set[bytes] = set()

    def asked(self, request):
        return self.requests[request]

    def named(self, held):
        return self.batches[held]

    def taken(self, asked):
        return asked.id in self.over

    def fixed(self, request):
        return None

    def unsettled(self, time):
        return False

    def says(self, member: int, *said, model: bytes | None = None) -> Held:
        """One result for each request, in their order."""
        results = tuple(
            Result(request, model or MODELS[member], each)
            for request, each in zip(self.requests, said, strict=True)
        )
        batch = Exec(member, results, bytes(64))
        held = Held(member, batch.root)
        self.batches[held] = batch
        return held

    def content(self, reports, decided=None, updates=()) -> Content:
        """`reports`: by member its clock and the batches that it names for every request."""
        haves = tuple(
            Have(
                Report(
                    made.GROUP,
                    0,
                    member,
                    clock,
                    tuple(Readied(request, tuple(range(len(held)))) for request in self.requests),
                    tuple(held),
                ),
                bytes(64),
            )
            for member, (clock, held) in reports.items()
        )
        return Content(haves, tuple(self.requests) if decided is None else decided, tuple(updates))

    def judge(self, reports, standing=START, **more):
        return judge(GROUP, standing, self.content(reports, **more), self)


def vote(member: int, *votes: int) -> Answered:
    return Answered(MODELS[member], votes or (1,))


def three(*held: Held, clock: int = NOW):
    return dict.fromkeys(range(3), (clock, held))


@pytest.fixture
def world() -> World:
    return World(made.asked(1))


def unanimous(world: World) -> list[Held]:
    return [world.says(i, *[vote(i)] * len(world.requests)) for i in range(4)]


# --- what follows -----------------------------------------------------------------------------------------


def test_a_right_proposal_certifies_and_moves_the_log_on(world: World) -> None:
    judged = world.judge(three(*unanimous(world)))
    assert [each.outcome for each in judged.ended] == ["certified"]
    assert (judged.entry.number, judged.entry.parent, judged.entry.time) == (1, START.last, NOW)
    assert judged.standing.last == judged.entry.digest


def test_an_answer_that_one_report_alone_names_counts(world: World) -> None:
    """The leader cannot leave out what reached the group, and backups need not have seen it."""
    held = [world.says(i, vote(i)) for i in range(4)]
    judged = world.judge({0: (NOW, held[:3]), 1: (NOW, held[:3]), 2: (NOW, held)})
    assert judged.ended[0].said[3] == vote(3)


def test_who_contradicts_itself_is_absent(world: World) -> None:
    held = [*unanimous(world), world.says(2, vote(2, 0))]
    assert world.judge(three(*held)).ended[0].said[2] == Absent()


@pytest.mark.parametrize("votes", [(3,), (-1,), (2**53 - 1,), (1, 1)], ids=str)
def test_a_vote_that_answers_nothing_is_absent(world: World, votes: tuple[int, ...]) -> None:
    held = [world.says(i, vote(i)) for i in range(3)] + [world.says(3, vote(3, *votes))]
    judged = world.judge(three(*held))
    assert judged.ended[0].said[3] == Absent()
    assert judged.ended[0].outcome == "certified"


def test_a_vote_in_the_name_of_another_model_is_absent(world: World) -> None:
    held = [*(world.says(i, vote(i)) for i in range(3)), world.says(3, vote(0))]
    assert world.judge(three(*held)).ended[0].said[3] == Absent()


def test_to_abstain_or_err_is_no_vote_and_no_absence(world: World) -> None:
    held = [world.says(0, vote(0)), world.says(1, vote(1)), world.says(2, Abstained()), world.says(3, Erred())]
    judged = world.judge(three(*held))
    assert judged.ended[0].said[2:] == (Abstained(), Erred())
    assert judged.ended[0].outcome == "failed"  # two of three answers that are needed


def test_past_its_deadline_a_request_has_failed_whatever_was_said(world: World) -> None:
    late = made.asked(1).deadline + 1
    assert world.judge(three(*unanimous(world), clock=late)).ended[0].outcome == "failed"
    assert world.judge(three(*unanimous(world), clock=late - 1)).ended[0].outcome == "certified"


@given(st.lists(st.integers(0, 2**48 - 1), min_size=4, max_size=4), st.integers(0, 2), st.integers(0, 2**47))
def test_time_lies_between_honest_clocks_and_never_goes_back(clocks, liar: int, before: int) -> None:
    """Of any three that report, at most one lies."""
    world = World(made.asked(1))
    reports = world.content({i: (clock, ()) for i, clock in enumerate(clocks[:3])}).haves
    time = time_of(msgspec.structs.replace(START, time=before), reports)
    honest = [clock for i, clock in enumerate(clocks[:3]) if i != liar]
    assert time >= before
    assert time == before or min(honest) <= time <= max(honest)


def test_several_reports_of_a_member_give_it_one_clock(world: World) -> None:
    content = world.content({0: (5, ()), 1: (NOW, ()), 2: (NOW, ())})
    many = tuple(
        msgspec.structs.replace(have, report=msgspec.structs.replace(have.report, clock=clock))
        for have in content.haves[:1]
        for clock in (1, 2, 3)
    )
    assert time_of(START, (*many, *content.haves[1:])) == NOW


# --- models -----------------------------------------------------------------------------------------------


def change(member: int, serial: int, model=None) -> Update:
    return Update(Change(made.GROUP, 0, member, serial, model or groups.model(7)), bytes(64))


def test_a_model_answers_from_the_entry_after_its_change(world: World) -> None:
    new = groups.model(7).commitment
    held = [*(world.says(i, vote(i)) for i in range(3)), world.says(3, Answered(new, (2,)), model=new)]
    first = world.judge(three(*held), updates=[change(3, 1)])
    assert first.ended[0].said[3] == Absent()
    assert first.standing.serving[3].commitment == new
    second = world.judge(three(*held), standing=first.standing)
    assert second.ended[0].said[3] == Answered(new, (2,))


def test_a_retiring_model_counts_within_the_window_and_not_after(world: World) -> None:
    changed = world.judge(three(*unanimous(world)), updates=[change(3, 1)]).standing
    window = made.GENESIS.horizon
    (retired,) = changed.serving[3].retired
    assert (retired.commitment, retired.until) == (MODELS[3], NOW + window)
    far = World(made.asked(1, deadline=NOW + window + 10))
    for clock, said in ((NOW + window, vote(3)), (NOW + window + 1, Absent())):
        judged = far.judge(three(*unanimous(far), clock=clock), standing=changed)
        assert judged.ended[0].said[3] == said


def test_the_active_model_counts_before_the_retiring_one(world: World) -> None:
    new = groups.model(7).commitment
    changed = world.judge(three(*unanimous(world)), updates=[change(3, 1)]).standing
    held = [*unanimous(world), world.says(3, Answered(new, (2,)), model=new)]
    assert world.judge(three(*held), standing=changed).ended[0].said[3] == Answered(new, (2,))


def test_going_back_to_a_model_is_a_change_like_any_other(world: World) -> None:
    there = world.judge(three(*unanimous(world)), updates=[change(3, 1)]).standing
    back = world.judge(three(*unanimous(world)), standing=there, updates=[change(3, 2, groups.model(3))]).standing
    assert back.serving[3].commitment == MODELS[3]
    assert [old.commitment for old in back.serving[3].retired] == [groups.model(7).commitment]
    assert all(isinstance(old, Retired) for old in back.serving[3].retired)


@pytest.mark.parametrize("serial", [1, 0])
def test_a_change_of_an_old_serial_is_refused(world: World, serial: int) -> None:
    there = world.judge(three(*unanimous(world)), updates=[change(3, 1)]).standing
    with pytest.raises(Refused, match="not a change"):
        world.judge(three(*unanimous(world)), standing=there, updates=[change(3, serial)])


def test_a_model_that_does_not_fit_the_group_is_refused(world: World) -> None:
    misfit = groups.model(7)
    other = msgspec.structs.replace(misfit.interface, labels=("a", "b"))
    with pytest.raises(Refused, match="not a change"):
        world.judge(
            three(*unanimous(world)), updates=[change(3, 1, msgspec.structs.replace(misfit, interface=other))]
        )


# --- what is refused --------------------------------------------------------------------------------------


def test_reports_of_too_few_members_are_refused(world: World) -> None:
    held = unanimous(world)
    with pytest.raises(Refused, match="too few members"):
        world.judge({0: (NOW, held), 1: (NOW, held)})


def test_a_request_that_too_few_call_ready_is_refused(world: World) -> None:
    held = unanimous(world)
    content = world.content(three(*held))
    silent = msgspec.structs.replace(
        content.haves[2], report=msgspec.structs.replace(content.haves[2].report, ready=())
    )
    with pytest.raises(Refused, match="not ready"):
        judge(GROUP, START, msgspec.structs.replace(content, haves=(*content.haves[:2], silent)), world)


def test_the_same_member_thrice_is_not_three_members(world: World) -> None:
    content = world.content({0: (NOW, unanimous(world))})
    again = tuple(
        msgspec.structs.replace(
            content.haves[0], report=msgspec.structs.replace(content.haves[0].report, clock=NOW + i)
        )
        for i in range(3)
    )
    with pytest.raises(Refused, match="too few members"):
        judge(GROUP, START, msgspec.structs.replace(content, haves=again), world)


def test_what_was_decided_before_is_refused(world: World) -> None:
    world.over.add(made.asked(1).id)
    with pytest.raises(Refused, match="decided before"):
        world.judge(three(*unanimous(world)))


def test_two_requests_of_one_id_are_refused() -> None:
    first = made.asked(1)
    world = World(first, msgspec.structs.replace(first, rows=2))
    with pytest.raises(Refused, match="twice"):
        world.judge(three(*[world.says(i, vote(i), vote(i, 1, 1)) for i in range(4)]))


@pytest.mark.parametrize(
    "clock", [made.asked(1).deadline + LINGER + 1, made.asked(1).deadline - made.GENESIS.horizon - SLACK - 1]
)
def test_a_request_long_past_or_far_ahead_is_refused(world: World, clock: int) -> None:
    with pytest.raises(Refused, match="not a time"):
        world.judge(three(*unanimous(world), clock=clock))


def test_nothing_fails_before_its_deadline_while_a_member_may_still_answer(world: World) -> None:
    """An equivocator leaves two answers of four, and the fourth member is merely slow."""
    held = [world.says(0, vote(0)), world.says(1, vote(1)), world.says(2, vote(2)), world.says(2, vote(2, 0))]
    with pytest.raises(TooEarly):
        world.judge(three(*held))
    late = world.judge(three(*held, clock=made.asked(1).deadline + 1))
    assert late.ended[0].outcome == "failed"
    slow = world.judge(three(*held, world.says(3, vote(3))))
    assert slow.ended[0].outcome == "certified"


def test_what_rests_on_more_than_can_be_taken_over_is_refused(world: World, monkeypatch) -> None:
    held = unanimous(world)
    monkeypatch.setattr(judging, "MOST_VOTES", 4)
    world.judge(three(*held))
    monkeypatch.setattr(judging, "MOST_VOTES", 3)
    with pytest.raises(Refused, match="too much"):
        world.judge(three(*held))
