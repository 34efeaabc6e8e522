"""Mode `direct` against nodes that fail, lie, tamper and stall, under a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest

from assay import cbor, certificate, direct
from assay.digest import sha256
from assay.errors import DeadlineExceeded, NotVerified, Refused, Unavailable
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port, input_digest
from assay.tensor import Tensor
from verification.direct import Direct, DirectParams
from verification.mode import Cancelled, Certified, Expired, Failed, Job, Provider, Target
from verification.registry import MODES, mode_named
from wire.deadline import now_ms

INTERFACE = Interface(
    task="classification",
    inputs=(Port("x", "FP32", (-1, 4)),),
    outputs=(Port("label", "INT64", (-1,)),),
    labels=("no", "yes"),
    preprocessing=NoPreprocessing(),
)
MODEL = ModelReference(sha256(b"model"), INTERFACE)
OTHER_MODEL = ModelReference(sha256(b"another"), INTERFACE)
ALICE, BOB, MALLORY = (PrivateKey(bytes([n]) * 32) for n in (1, 2, 3))
START = now_ms()

Answering = Callable[[Job], bytes]


def provider(key: PrivateKey, name: str, model: ModelReference = MODEL) -> Provider:
    return Provider(key.public, f"{name}:7000", model)


A, B = provider(ALICE, "alice"), provider(BOB, "bob")


def job(*providers: Provider, seconds: float = 60.0) -> Job[DirectParams]:
    return Job(
        request=uuid7().bytes,
        target=Target("model:alice/digits@1", providers or (A, B)),
        params=DirectParams(),
        inputs=(Tensor.of("x", np.ones((1, 4), "f4")),),
        salt=b"\5" * 32,
        deadline=START + int(seconds * 1000),
    )


def statement(asked: Job[DirectParams], **changes) -> certificate.Statement:
    said = direct.statement(
        asked.request,
        target=asked.target.name,
        model=MODEL,
        input_digest=input_digest(asked.salt, asked.inputs),
        outputs=(Tensor.of("label", np.array([1])),),
        time_ms=START,
    )
    return msgspec.structs.replace(said, **changes)


def signed(key: PrivateKey, **changes) -> Answering:
    return lambda asked: direct.issue(key, [statement(asked, **changes)])[0].to_cbor()


def failing(error: Exception) -> Answering:
    def answer(asked: Job[DirectParams]) -> bytes:
        raise error

    return answer


@dataclass
class World:
    """Ports in memory: what each node answers in turn (the last for ever), and a clock that sleeping moves."""

    answers: dict[str, list[Answering]]
    now: int = START
    asked: list[str] = field(default_factory=list)
    events: list[tuple[str, dict[str, str | int]]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    withdrawn_after: int = 10**9  # questions

    @property
    def nodes(self):
        return self

    @property
    def clock(self):
        return self

    def now_ms(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert len(self.pauses) < 1000, "sleeps for ever"
        self.pauses.append(seconds)
        self.now += int(seconds * 1000)

    async def submit(self, provider: Provider, job: Job[DirectParams]) -> bytes:
        name = provider.address.split(":")[0]
        self.asked.append(name)
        script = self.answers[name]
        return (script.pop(0) if len(script) > 1 else script[0])(job)

    async def emit(self, stage, detail):
        self.events.append((stage, detail))

    async def save(self, state):
        pytest.fail("direct has nothing to save")

    def cancelled(self) -> bool:
        return len(self.asked) >= self.withdrawn_after


AWAY = failing(Unavailable("cannot connect to the node", code="unreachable"))


async def test_the_first_provider_answers_and_nobody_else_is_asked():
    world = World({"alice": [signed(ALICE)], "bob": [signed(BOB)]})
    end = await Direct().run(job(), world)
    assert isinstance(end, Certified)
    assert end.certificate.evidence.provider == ALICE.public.raw
    assert (world.asked, world.events, world.pauses) == (["alice"], [], [])


async def test_a_provider_that_is_away_is_left_for_the_next():
    world = World({"alice": [AWAY], "bob": [signed(BOB)]})
    end = await Direct().run(job(), world)
    assert end.certificate.evidence.provider == BOB.public.raw
    assert world.asked == ["alice", "bob"]
    assert world.events == [("retrying", {"node": "alice:7000", "reason": "cannot connect to the node"})]


async def test_rounds_go_on_with_growing_pauses_until_somebody_serves():
    world = World({"alice": [AWAY, AWAY, AWAY, signed(ALICE)], "bob": [AWAY]})
    assert isinstance(await Direct().run(job(), world), Certified)
    assert world.asked == ["alice", "bob"] * 3 + ["alice"]
    assert world.pauses == [0.1, 0.2, 0.4]
    assert len(world.events) == 2, "the same is told once"


async def test_when_time_runs_out_it_says_what_was_in_the_way():
    world = World({"alice": [AWAY], "bob": [AWAY]})
    end = await Direct().run(job(seconds=5), world)
    assert isinstance(end, Expired)
    assert isinstance(end.error, DeadlineExceeded)
    assert "cannot connect to the node" in end.error.detail
    assert world.now == START + 5000, "neither before nor long after the deadline"
    assert max(world.pauses) <= 2.0


async def test_a_job_that_comes_too_late_asks_nobody():
    world = World({"alice": [signed(ALICE)]})
    assert isinstance(await Direct().run(job(A, seconds=-1), world), Expired)
    assert world.asked == []


async def test_a_node_that_says_the_time_is_up_when_it_is_not_does_not_decide():
    fast_clock = failing(DeadlineExceeded("the deadline has passed already"))
    world = World({"alice": [fast_clock], "bob": [signed(BOB)]})
    assert isinstance(await Direct().run(job(), world), Certified)


async def test_a_cancelled_job_asks_nobody_further():
    world = World({"alice": [AWAY], "bob": [signed(BOB)]}, withdrawn_after=1)
    assert isinstance(await Direct().run(job(), world), Cancelled)
    assert world.asked == ["alice"]


async def test_no_providers_is_a_failure_at_once():
    world = World({})
    end = await Direct().run(
        Job(bytes(16), Target("model:a/b@1", ()), DirectParams(), (), bytes(32), START + 1000), world
    )
    assert isinstance(end, Failed)
    assert world.pauses == []


async def test_a_refusal_by_all_is_a_failure_with_the_reason():
    refusal = Refused("wrong shape", code="wrong-shape", pointer="/inputs/0/shape", expected="[1]", got="[2]")
    world = World({"alice": [failing(refusal)], "bob": [failing(refusal)]})
    end = await Direct().run(job(), world)
    assert isinstance(end, Failed)
    assert end.error is refusal
    assert world.asked == ["alice", "bob"], "each once"


async def test_one_nodes_refusal_does_not_keep_another_from_answering():
    refusal = Refused("the request is too old", code="request-id-expired")
    world = World({"alice": [failing(refusal)], "bob": [AWAY, signed(BOB)]})
    end = await Direct().run(job(), world)
    assert end.certificate.evidence.provider == BOB.public.raw
    assert world.asked == ["alice", "bob", "bob"]


# --- certificates that do not stand -----------------------------------------------------------------------


def tampered(asked: Job[DirectParams]) -> bytes:
    """Bob's answer where it says Alice's label, signature left as it was."""
    good = direct.issue(ALICE, [statement(asked)])[0]
    other = statement(asked, outputs=(Tensor.of("label", np.array([0])),))
    return msgspec.structs.replace(good, statement=other).to_cbor()


def other_request(asked: Job[DirectParams]) -> bytes:
    return signed(ALICE, request=uuid7().bytes)(asked)


def defiled(change) -> Answering:
    """A certificate whose plain form was changed: what is wrong with it is told in its own words."""

    def answer(asked: Job[DirectParams]) -> bytes:
        plain = certificate.plain(direct.issue(ALICE, [statement(asked)])[0])
        change(plain["statement"])
        return cbor.encode(plain)

    return answer


FALSE = {
    "with a field that no database takes": defiled(lambda said: said.update({"a\0b": 1})),
    "with a datatype that repaints terminals": defiled(lambda said: said["outputs"][0].update(datatype="\x1b[2J")),
    "with a field as long as a book": defiled(lambda said: said.update({"a" * 10**6: 1})),
    "tampered": tampered,
    "signed by another key": signed(MALLORY),
    "another request's": other_request,
    "another target's": signed(ALICE, target="model:alice/other@1"),
    "another model's": signed(ALICE, models=(OTHER_MODEL,)),
    "another input's": signed(ALICE, input=bytes(32)),
    "another salt's": lambda asked: signed(ALICE, input=input_digest(bytes(32), asked.inputs))(asked),
    "with more rows than were asked": signed(ALICE, outputs=(Tensor.of("label", np.array([1, 0])),)),
    "from the future": signed(ALICE, time=START + 10**9),
    "with fewer caveats": signed(ALICE, caveats=()),
    "garbage": lambda asked: b"garbage",
    "empty": lambda asked: b"",
    "cut short": lambda asked: signed(ALICE)(asked)[:-1],
    "with something appended": lambda asked: signed(ALICE)(asked) + b"\0",
    "true, but as JSON": lambda asked: certificate.parse(signed(ALICE)(asked)).to_json().encode(),
    "bomb": lambda asked: b"\x9b\x00\x00\x00\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("answer", FALSE.values(), ids=FALSE.keys())
async def test_a_certificate_that_does_not_stand_is_never_passed_on(answer):
    world = World({"alice": [answer]})
    end = await Direct().run(job(A), world)
    assert isinstance(end, Failed)
    assert isinstance(end.error, NotVerified | Refused)
    assert end.error.pointer.split(" ")[0] == "alice:7000", "whose word it was is said"
    assert all(text.isprintable() and len(text) <= 4096 for text in end.error.fields().values())
    assert world.asked == ["alice"], "whoever lied is not asked again"


@pytest.mark.parametrize("answer", FALSE.values(), ids=FALSE.keys())
async def test_a_liar_does_not_keep_an_honest_node_from_answering(answer):
    world = World({"alice": [answer], "bob": [signed(BOB)]})
    end = await Direct().run(job(), world)
    assert end.certificate.evidence.provider == BOB.public.raw


async def test_a_certificate_in_a_batch_stands_like_one_alone():
    def batch(asked):
        others = [statement(job()) for _ in range(6)]
        return direct.issue(ALICE, [*others[:3], statement(asked), *others[3:]])[3].to_cbor()

    assert isinstance(await Direct().run(job(A), World({"alice": [batch]})), Certified)


async def test_resuming_asks_again_and_gets_the_nodes_one_answer():
    world = World({"alice": [signed(ALICE)]})
    asked = job(A)
    first = await Direct().run(asked, world)
    assert await Direct().resume(asked, world, b"") == first


# --- what is told before the click ------------------------------------------------------------------------


def test_the_quote_promises_no_more_than_the_certificate():
    quote = Direct().quote(job().target, DirectParams())
    assert quote.inferences == 1
    assert quote.caveats == direct.CAVEATS


def test_modes_are_found_by_name_and_unknown_ones_are_refused_with_what_there_is():
    assert mode_named("direct") is MODES["direct"]
    with pytest.raises(Refused) as refused:
        mode_named("oracle")
    assert refused.value.code == "unknown-mode"
    assert "direct" in refused.value.expected
