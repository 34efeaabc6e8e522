"""Mode `agreement` against groups that decide, contest, fail, refuse, lie, and are away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import pytest

from assay import merkle
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Signed
from assay.agreement.votes import Absent, Answered, Said, Withheld, count
from assay.digest import Tag
from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from assay.ids import uuid7
from assay.keys import PublicKey
from assay.model import input_digest
from assay.tensor import Tensor
from tests.sdk import groups
from verification.agreement import PAUSE, Agreement, AgreementParams
from verification.mode import (
    Cancelled,
    Certified,
    Contested,
    Decision,
    End,
    Expired,
    Failed,
    Job,
    Provider,
    Target,
)
from verification.registry import MODES
from wire.deadline import now_ms

KEYS = groups.keys()
EPOCH = groups.genesis(KEYS)
MEMBERS = EPOCH.configuration.members
TARGET = Target(
    "group:digits",
    tuple(Provider(PublicKey(member.key), member.address, member.model) for member in MEMBERS),
    (EPOCH,),
)
START = now_ms()


def job(votes: int = 0, rows: int = 1, **changes) -> Job[AgreementParams]:
    fields = {
        "request": uuid7().bytes,
        "target": TARGET,
        "params": AgreementParams(votes),
        "inputs": (Tensor.of("image", np.ones((rows, 4), "f4")),),
        "salt": b"\x05" * 32,
        "deadline": START + 60_000,
    }
    return Job(**fields | changes)


def decided(asked: Job[AgreementParams], *said: Said, time: int = START, epoch=EPOCH, keys=KEYS) -> Decision:
    """What the group has committed to about a job."""
    configuration, rows = epoch.configuration, asked.inputs[0].shape[0]
    group = configuration.digest
    request = Asked(
        group,
        groups.CLIENT.public.raw,
        asked.request,
        input_digest(asked.salt, asked.inputs),
        rows,
        asked.deadline,
        asked.params.votes,
    )
    outcome = "failed" if time > asked.deadline else count(configuration, said, rows, request.least).outcome
    ended = Ended(request.digest, outcome, said)
    entry = Entry(group, 0, 1, group, time, b"\x06" * 32, 1, merkle.root([ended.leaf]))
    ballot = Ballot(group, 0, 0, bytes(32), 1, entry.digest).digest(Tag.AGREEMENT_COMMIT)
    commits = tuple(Signed(i, keys[i].sign(Tag.AGREEMENT_COMMIT, ballot)) for i in range(3))
    evidence = AgreementEvidence(
        (epoch,), request, ended, index=0, path=(), entry=entry, view=0, installed=bytes(32), commits=commits
    )
    return Decision(evidence, ())


def votes(*labels: int | None) -> tuple[Said, ...]:
    return tuple(
        Absent() if label is None else Answered(member.model.commitment, (label,))
        for member, label in zip(MEMBERS, labels, strict=True)
    )


@dataclass
class World:
    """The ports of one job: a group that does as it is told, one thing after the other."""

    deciding: list[Callable[[Job], Decision] | AssayError] = field(default_factory=list)
    now: int = START
    withdrawn: bool = False
    slept: list[float] = field(default_factory=list)
    least: list[int] = field(default_factory=list)
    nodes: None = None

    def __post_init__(self) -> None:
        self.groups = self.clock = self

    async def decide(self, asked, least):
        self.least.append(least)
        does = self.deciding.pop(0) if len(self.deciding) > 1 else self.deciding[0]
        if isinstance(does, AssayError):
            raise does
        return does(asked)

    def now_ms(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += int(1000 * seconds)

    def cancelled(self) -> bool:
        return self.withdrawn


async def run(asked: Job[AgreementParams], *deciding, **world) -> tuple[End, World]:
    ports = World(list(deciding), **world)
    return await Agreement().run(asked, ports), ports


async def test_what_the_group_agrees_on_is_certified():
    end, _ = await run(job(), lambda asked: decided(asked, *votes(1, 1, 0, None)))
    assert isinstance(end, Certified)
    assert end.certificate.statement.outcome == "certified"
    assert end.certificate.statement.outputs[0].array().tolist() == [1]


async def test_what_it_does_not_agree_on_is_contested():
    end, _ = await run(job(), lambda asked: decided(asked, *votes(0, 0, 1, 1)))
    assert isinstance(end, Contested)


async def test_a_buyer_may_ask_for_more_votes():
    end, world = await run(job(votes=4), lambda asked: decided(asked, *votes(1, 1, 1, 0)))
    assert isinstance(end, Contested)
    assert world.least == [4]


@pytest.mark.parametrize(
    ("said", "late", "detail"),
    [(votes(1, 1, None, None), 0, "too few members"), (votes(1, 1, 1, 1), 60_001, "in time")],
    ids=["too few", "too late"],
)
async def test_a_failure_that_the_group_has_certified_comes_with_its_certificate(said, late, detail):
    end, _ = await run(job(), lambda asked: decided(asked, *said, time=START + late))
    assert isinstance(end, Failed)
    assert end.error.code == "group-failed"
    assert detail in end.error.detail
    assert end.certificate is not None
    assert end.certificate.statement.outcome == "failed"


async def test_what_members_withheld_is_told_apart_from_what_they_answered():
    resistant = groups.genesis(KEYS, copy_resistant=True)
    asked = job(target=replace(TARGET, epochs=(resistant,)))
    said = (*votes(1, 1, None, None)[:2], Withheld(), Withheld())
    end, _ = await run(asked, lambda asked: decided(asked, *said, epoch=resistant))
    assert isinstance(end, Failed)
    assert end.error.got == "2 answered, 2 withheld"


async def test_a_group_that_refuses_has_failed_the_job():
    end, _ = await run(job(), Refused("beyond the horizon", code="refused"))
    assert isinstance(end, Failed)
    assert end.certificate is None


async def test_no_decision_in_time_is_expiry():
    end, _ = await run(job(), DeadlineExceeded("the group has not decided in time"))
    assert isinstance(end, Expired)


async def test_a_busy_client_is_asked_again_until_the_deadline():
    busy = Unavailable("too much is being asked already", code="busy")
    end, world = await run(job(), busy, busy, lambda asked: decided(asked, *votes(1, 1, 1, 1)))
    assert isinstance(end, Certified)
    assert world.slept == [PAUSE, PAUSE]
    end, world = await run(job(deadline=START + 1000), busy)
    assert isinstance(end, Expired)
    assert world.now >= START + 1000


async def test_a_withdrawn_job_asks_nobody():
    end, world = await run(job(), Refused("never asked"), withdrawn=True)
    assert isinstance(end, Cancelled)
    assert world.least == []


async def test_taking_over_from_another_worker_is_asking_again():
    ports = World([lambda asked: decided(asked, *votes(1, 1, 1, 1))])
    assert isinstance(await Agreement().resume(job(), ports, b""), Certified)


@pytest.mark.parametrize(
    "lie",
    [
        lambda asked: decided(job(), *votes(1, 1, 1, 1)),
        lambda asked: decided(job(request=asked.request, salt=bytes(32)), *votes(1, 1, 1, 1)),
        lambda asked: decided(job(request=asked.request, votes=2, inputs=asked.inputs), *votes(1, 1, 1, 1)),
        lambda asked: decided(
            asked, *votes(1, 1, 1, 1), epoch=groups.genesis(groups.keys(50)), keys=groups.keys(50)
        ),
        lambda asked: decided(asked, *votes(1, 1, 1, 1), keys=groups.keys(50)),
    ],
    ids=["another request", "another input", "other parameters", "another group", "others' signatures"],
)
async def test_a_decision_about_something_else_is_not_passed_on(lie):
    end, _ = await run(job(), lie)
    assert isinstance(end, Failed)
    assert end.certificate is None


async def test_an_altered_outcome_is_not_passed_on():
    def lie(asked: Job) -> Decision:
        evidence = decided(asked, *votes(1, 1, 0, None)).evidence
        ended = msgspec.structs.replace(evidence.ended, said=votes(0, 0, 0, None))
        return Decision(msgspec.structs.replace(evidence, ended=ended), ())

    end, _ = await run(job(), lie)
    assert isinstance(end, Failed)


def test_it_says_before_the_click_what_it_costs_and_promises():
    quote = MODES["agreement"].quote(TARGET, AgreementParams())
    assert quote.inferences == 4
    assert "at most 1 of them" in quote.guarantee
    assert any("not truth" in each for each in quote.caveats)
