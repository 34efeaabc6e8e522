"""A member's votes: batches of its own for Triton, each request's rows back to it, none where there is no vote."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from assay.agreement.group import Labels
from assay.agreement.votes import Abstained, Answered, Erred
from assay.errors import Refused, Unavailable
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from assay.tensor import Tensor
from consensus.events import Run
from consensus.messages import Payload
from node.voter import CALLS, ROWS, Voter
from wire.deadline import in_seconds

LABELS = Labels(("zero", "one", "two"))
INPUTS = (Port(name="x", datatype="FP32", shape=(-1, -1)),)
OUTPUTS = (Port(name="label", datatype="INT64", shape=(-1,)),)
MODEL = ModelReference(
    b"\x01" * 32, Interface("classification", INPUTS, OUTPUTS, LABELS.labels, NoPreprocessing())
)
POISON = 9.0


class Triton:
    """Labels a row with its first value, once `gate` is open; refuses a call with POISON in it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[int] = []
        self.problem: Exception | None = None

    async def infer(self, name, inputs, outputs, deadline):
        rows = inputs[0].array()
        self.calls.append(len(rows))
        await self.gate.wait()
        if self.problem is not None:
            raise self.problem
        if (rows == POISON).any():
            raise Refused("spoiled")
        return (Tensor.of("label", rows[:, 0].astype(np.int64)),)


class Models:
    def __init__(self) -> None:
        self.lost_ones: list[bytes] = []

    def serving(self, commitment: bytes) -> ModelReference:
        return MODEL

    def lost(self, commitment: bytes) -> None:
        self.lost_ones.append(commitment)


def run_of(number: int, *values: float, width: int = 2) -> Run:
    rows = np.repeat(np.array(values, np.float32)[:, None], width, axis=1)
    payload = Payload(bytes(32), (Tensor.of("x", rows),))
    return Run(number.to_bytes(32, "big"), MODEL.commitment, MODEL, payload, len(values), in_seconds(60))


@pytest.fixture
def triton() -> Triton:
    return Triton()


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def voter(triton: Triton, models: Models) -> Voter:
    return Voter(LABELS, models, triton)


def votes_of(results) -> list:
    return [each.said.votes if isinstance(each.said, Answered) else type(each.said) for each in results]


async def test_each_request_gets_its_own_rows_back(voter: Voter) -> None:
    results = await voter.vote([run_of(1, 0.0, 2.0), run_of(2, 1.0), run_of(3, 2.0, 2.0, 0.0)])
    assert votes_of(results) == [(0, 2), (1,), (2, 2, 0)]
    assert [each.request[-1] for each in results] == [1, 2, 3]
    assert {each.model for each in results} == {MODEL.commitment}


async def test_what_waits_goes_in_one_call(voter: Voter, triton: Triton) -> None:
    triton.gate.clear()
    first = [asyncio.create_task(voter.vote([run_of(i, 1.0)])) for i in range(CALLS)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(voter.vote([run_of(10 + i, 2.0)])) for i in range(20)]
    await asyncio.sleep(0)
    triton.gate.set()
    await asyncio.gather(*first, *later)
    assert sum(triton.calls) == CALLS + 20
    assert len(triton.calls) <= CALLS + 1


async def test_a_call_has_no_more_rows_than_it_may(voter: Voter, triton: Triton) -> None:
    results = await voter.vote([run_of(i, *[1.0] * (ROWS // 2)) for i in range(5)])
    assert triton.calls == [ROWS, ROWS, ROWS // 2]
    assert all(isinstance(each.said, Answered) for each in results)


async def test_a_request_larger_than_a_call_goes_alone(voter: Voter, triton: Triton) -> None:
    await voter.vote([run_of(1, *[1.0] * (ROWS + 1)), run_of(2, 1.0)])
    assert triton.calls == [ROWS + 1, 1]


async def test_rows_of_different_shapes_are_not_put_together(voter: Voter, triton: Triton) -> None:
    results = await voter.vote([run_of(1, 1.0, width=2), run_of(2, 2.0, width=3)])
    assert triton.calls == [1, 1]
    assert votes_of(results) == [(1,), (2,)]


async def test_one_input_that_the_model_refuses_spoils_no_other(voter: Voter) -> None:
    results = await voter.vote([run_of(1, 1.0), run_of(2, POISON), run_of(3, 2.0)])
    assert votes_of(results) == [(1,), Erred, (2,)]


async def test_outputs_that_are_no_vote_are_an_error_of_their_request_alone(voter: Voter) -> None:
    results = await voter.vote([run_of(1, 1.0), run_of(2, 3.0)])
    assert votes_of(results) == [(1,), Erred]


async def test_without_triton_it_abstains_at_once_and_says_that_the_model_is_lost(
    voter: Voter, triton: Triton, models: Models
) -> None:
    triton.problem = Unavailable("gone", code="unreachable")
    assert votes_of(await voter.vote([run_of(1, 1.0), run_of(2, 1.0)])) == [Abstained, Abstained]
    assert models.lost_ones == [MODEL.commitment]


async def test_a_bug_costs_its_own_requests_alone(voter: Voter, triton: Triton) -> None:
    triton.problem = ZeroDivisionError()
    assert votes_of(await voter.vote([run_of(1, 1.0)])) == [Abstained]
    triton.problem = None
    assert votes_of(await voter.vote([run_of(2, 1.0)])) == [(1,)]


async def test_closed_it_leaves_nobody_waiting(voter: Voter, triton: Triton) -> None:
    triton.gate.clear()
    asked = [asyncio.create_task(voter.vote([run_of(i, 1.0)])) for i in range(CALLS + 2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await voter.close()
    finished, waiting = await asyncio.wait(asked, timeout=1)
    assert not waiting
    assert len(finished) == CALLS + 2
