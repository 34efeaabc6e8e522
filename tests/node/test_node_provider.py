"""A request is carried out once, however often, from wherever and in whatever overlap it is asked."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from assay import certificate
from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import input_digest
from assay.tensor import Tensor
from assay.verify import Trust, verify
from node.journal import Journal
from node.provider import Provider
from node.signer import Signer
from tests.node.worlds import HELD, REFERENCE, PlainTriton, submit


class OneModel:
    def __init__(self):
        self.is_serving = True
        self.reported_lost = []

    def serving(self, commitment):
        if not self.is_serving or commitment != REFERENCE.commitment:
            raise Unavailable("the node does not serve this model now", code="not-serving")
        return HELD.reference

    def lost(self, commitment):
        self.reported_lost.append(commitment)


class Bench:
    """A provider with everything around it in reach."""

    def __init__(self, path, key):
        self.key = key
        self.models = OneModel()
        self.triton = PlainTriton()
        self.journal = Journal(path / "j")
        self.signer = Signer(key, self.journal)
        self.provider = Provider(self.models, self.triton, self.journal, self.signer)

    async def close(self):
        self.triton.gate.set()
        await self.provider.close()
        await self.signer.close()
        self.journal.close()

    def ask(self, request):
        return asyncio.create_task(self.provider.submit(request))

    async def held(self, *requests):
        """Tasks for `requests` whose answers Triton holds back."""
        self.triton.gate.clear()
        self.triton.asked.clear()
        tasks = [self.ask(each) for each in requests]
        await self.triton.asked.wait()
        return tasks


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path, PrivateKey(bytes(32)))
    yield bench
    await bench.close()


async def test_the_certificate_says_what_was_asked_and_what_the_model_gave(bench):
    asked = submit(rows=3, value=2.0)
    document = await bench.provider.submit(asked)
    assert (
        verify(
            document, Trust(providers=frozenset({bench.key.public.raw})), inputs=asked.inputs, salt=asked.salt
        ).exit_code
        == 0
    )
    said = certificate.parse(document).statement
    assert (said.request, said.target, said.models) == (asked.request, asked.target, (REFERENCE,))
    assert said.input == input_digest(asked.salt, asked.inputs)
    assert (said.outputs[0].array() == np.full((3, 4), 5.0, "f4")).all()


async def test_the_same_request_at_the_same_time_runs_once(bench):
    asked = submit()
    tasks = await bench.held(*[asked] * 20)
    assert bench.provider.in_flight == 1
    bench.triton.gate.set()
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert bench.triton.inferred == 1


async def test_the_same_request_afterwards_gets_the_same_bytes_without_a_run(bench):
    asked = submit()
    first = await bench.provider.submit(asked)
    assert await bench.provider.submit(asked) == first
    assert bench.triton.inferred == 1


async def test_a_later_deadline_does_not_make_it_another_request(bench):
    asked = submit(seconds=10)
    first = await bench.provider.submit(asked)
    assert await bench.provider.submit(submit(request=asked.request, seconds=1000)) == first


OTHERS = [
    {"target": "model:alice/affine@2"},
    {"commitment": b"\7" * 32},
    {"salt": b"\7" * 32},
    {"inputs": (Tensor.of("x", np.full((1, 4), 1.5, "f4")),)},
    {"inputs": (Tensor.of("x", np.full((2, 4), 1.0, "f4")),)},
]


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: next(iter(change)))
async def test_another_request_under_a_used_id_is_refused(bench, change):
    asked = submit()
    first = await bench.provider.submit(asked)
    with pytest.raises(Refused) as refused:
        await bench.provider.submit(submit(request=asked.request, **change))
    assert refused.value.code == "request-id-reused"
    assert await bench.provider.submit(asked) == first


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: next(iter(change)))
async def test_another_request_under_an_id_that_is_under_way_is_refused(bench, change):
    asked = submit()
    (task,) = await bench.held(asked)
    with pytest.raises(Refused) as refused:
        await bench.provider.submit(submit(request=asked.request, **change))
    assert refused.value.code == "request-id-reused"
    bench.triton.gate.set()
    assert verify(await task, Trust()).valid


async def test_a_run_goes_on_when_whoever_asked_has_gone(bench):
    asked = submit()
    (task,) = await bench.held(asked)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.triton.gate.set()
    await bench.provider.idle()
    assert bench.journal.answer(asked.request) is not None
    assert verify(await bench.provider.submit(asked), Trust()).valid
    assert bench.triton.inferred == 1


async def test_one_asker_out_of_time_does_not_end_it_for_the_others(bench):
    asked = submit()
    (patient,) = await bench.held(asked)
    with pytest.raises(DeadlineExceeded):
        await bench.provider.submit(submit(request=asked.request, seconds=0.05))
    bench.triton.gate.set()
    assert verify(await patient, Trust()).valid


async def test_a_deadline_in_the_past_is_not_begun(bench):
    with pytest.raises(DeadlineExceeded):
        await bench.provider.submit(submit(deadline=1))
    assert bench.triton.inferred == 0


async def test_a_cancelled_request_ends_for_all_who_wait_and_may_be_asked_again(bench):
    asked = submit()
    tasks = await bench.held(asked, asked)
    bench.provider.cancel(asked.request)
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert (type(outcome), outcome.code) == (Refused, "cancelled")
    assert bench.provider.in_flight == 0
    bench.triton.gate.set()
    assert verify(await bench.provider.submit(asked), Trust()).valid


async def test_cancelling_what_is_unknown_or_answered_changes_nothing(bench):
    asked = submit()
    bench.provider.cancel(asked.request)
    first = await bench.provider.submit(asked)
    bench.provider.cancel(asked.request)
    assert await bench.provider.submit(asked) == first


async def test_a_failed_run_leaves_no_trace_and_is_run_again(bench):
    asked = submit()
    bench.triton.problem = Unavailable("the model failed", code="inference-failed")
    with pytest.raises(Unavailable):
        await bench.provider.submit(asked)
    assert bench.journal.answer(asked.request) is None
    bench.triton.problem = None
    assert verify(await bench.provider.submit(asked), Trust()).valid
    assert bench.triton.inferred == 2


@pytest.mark.parametrize("code", ["not-loaded", "unreachable"])
async def test_a_triton_that_lost_the_model_is_reported(bench, code):
    bench.triton.problem = Unavailable("gone", code=code)
    with pytest.raises(Unavailable):
        await bench.provider.submit(submit())
    assert bench.models.reported_lost == [REFERENCE.commitment]


async def test_a_draining_node_answers_what_it_has_answered_and_takes_nothing_new(bench):
    answered, under_way = submit(), submit()
    first = await bench.provider.submit(answered)
    (task,) = await bench.held(under_way)
    bench.provider.draining = True
    with pytest.raises(Unavailable) as refused:
        await bench.provider.submit(submit())
    assert refused.value.code == "draining"
    assert await bench.provider.submit(answered) == first
    again = bench.ask(under_way)
    bench.triton.gate.set()
    assert await task == await again


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"commitment": b"\7" * 32}, "not-serving"),
        ({"inputs": (Tensor.of("x", np.zeros((1, 5), "f4")),)}, "wrong-shape"),
        ({"inputs": (Tensor.of("x", np.zeros((1, 4), "f8")),)}, "wrong-datatype"),
        ({"inputs": (Tensor.of("z", np.zeros((1, 4), "f4")),)}, "wrong-names"),
        ({"inputs": (Tensor.of("x", np.full((1, 4), np.nan, "f4")),)}, "not-finite"),
        ({"inputs": (Tensor("x", "FP32", (1, 4), b"short"),)}, "invalid"),
        ({"request": b"\xff" * 16}, "invalid-request-id"),
    ],
    ids=[
        "not-serving",
        "wrong-shape",
        "wrong-datatype",
        "wrong-names",
        "not-finite",
        "too-short",
        "no-uuid7",
    ],
)
async def test_what_cannot_be_carried_out_is_refused_and_never_signed(bench, change, code):
    asked = submit(**change)
    with pytest.raises(AssayError) as refused:
        await bench.provider.submit(asked)
    assert refused.value.code == code
    assert bench.journal.answer(asked.request) is None


async def test_outputs_that_are_not_the_models_are_not_signed(bench):
    async def wrong(name, inputs, outputs, deadline):
        return (Tensor.of("y", np.zeros((1, 9), "f4")),)

    bench.triton.infer = wrong
    asked = submit()
    with pytest.raises(Refused):
        await bench.provider.submit(asked)
    assert bench.journal.answer(asked.request) is None


async def test_a_pruned_id_is_refused_for_ever(bench):
    asked = submit(request=uuid7(5_000).bytes)
    await bench.provider.submit(asked)
    bench.journal.prune(6_000)
    with pytest.raises(Refused) as refused:
        await bench.provider.submit(asked)
    assert refused.value.code == "request-id-expired"


async def test_an_old_id_that_is_not_pruned_is_carried_out(bench):
    bench.journal.prune(1)
    assert verify(await bench.provider.submit(submit(request=uuid7(1).bytes)), Trust()).valid


async def test_many_requests_share_signatures(bench):
    documents = await asyncio.gather(*(bench.provider.submit(submit()) for _ in range(200)))
    evidence = [certificate.parse(each).evidence for each in documents]
    assert len({each.signature for each in evidence}) < 50
    assert all(verify(each, Trust()).valid for each in documents)
