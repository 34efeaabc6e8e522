"""The client against a real server: load, infer, unload, and every way of saying no."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from assay.errors import DeadlineExceeded, Refused, TooLarge, Unavailable
from assay.model import Port
from assay.tensor import Tensor
from inference import triton
from inference.triton import Triton, tensors_of
from tests.inference import models
from tests.inference.server import counted


def soon(seconds=20.0):
    return time.monotonic() + seconds


def rows(*values, name="x", dtype=np.float32):
    return Tensor.of(name, np.array(values, dtype))


@pytest.fixture
async def affine(server, client, tmp_path):
    served = models.written(server, models.affine(), tmp_path)
    await client.load(served.name, soon())
    return served


async def test_a_loaded_model_answers_with_the_bytes_it_computed(client, affine):
    x = rows([1, 2, 3, 4], [5, 6, 7, 8])
    (y,) = await client.infer(affine.name, (x,), affine.ports.outputs, soon())
    assert (y.name, y.datatype, y.shape) == ("y", "FP32", (2, 4))
    assert y.array().tolist() == [[3, 5, 7, 9], [11, 13, 15, 17]]


async def test_outputs_come_in_the_order_and_number_asked_for(server, client, tmp_path):
    served = models.written(server, models.echo(), tmp_path)
    await client.load(served.name, soon())
    x = rows([1, 2, 3, 4], dtype=np.int64)
    both = tuple(reversed(served.ports.outputs))
    assert [t.name for t in await client.infer(served.name, (x,), both, soon())] == ["twice", "y"]
    (twice,) = await client.infer(served.name, (x,), both[:1], soon())
    assert twice.array().tolist() == [[2, 4, 6, 8]]


async def test_a_port_of_rows_alone_keeps_its_one_axis(server, client, tmp_path):
    served = models.written(server, models.vector(), tmp_path)
    await client.load(served.name, soon())
    (y,) = await client.infer(served.name, (rows(1, 2, 3),), served.ports.outputs, soon())
    assert y.shape == (3,)
    assert y.array().tolist() == [-1, -2, -3]


async def test_loading_and_unloading_are_idempotent_and_tell_ready(client, affine):
    assert await client.live()
    await client.load(affine.name, soon())
    assert await client.ready(affine.name)
    await client.unload(affine.name)
    await client.unload(affine.name)
    assert not await client.ready(affine.name)
    with pytest.raises(Unavailable) as error:
        await client.infer(affine.name, (rows([1, 2, 3, 4]),), affine.ports.outputs, soon())
    assert error.value.code == "not-loaded"
    await client.load(affine.name, soon())
    assert await client.ready(affine.name)


async def test_statistics_count_rows(client, affine):
    await client.unload(affine.name)
    await client.load(affine.name, soon())
    await client.infer(affine.name, (rows([1, 2, 3, 4], [1, 2, 3, 4]),), affine.ports.outputs, soon())
    statistics = await counted(client, affine.name, 1)
    assert (statistics.succeeded, statistics.rows, statistics.executions) == (1, 2, 1)
    with pytest.raises(Unavailable) as error:
        await client.statistics("0" * 64)
    assert error.value.code == "not-loaded"


async def test_loading_what_is_not_in_the_repository_is_refused(client):
    with pytest.raises(Refused) as error:
        await client.load("0" * 64, soon())
    assert error.value.code == "load-failed"


async def test_a_model_that_onnxruntime_cannot_load_is_refused_with_its_reason(server, client, tmp_path):
    served = models.written(server, models.affine(5), tmp_path)
    (server.repository.root / served.name / "1" / "model.onnx").write_bytes(b"damaged on disk")
    with pytest.raises(Refused) as error:
        await client.load(served.name, soon())
    assert error.value.code == "load-failed"
    assert "model.onnx" in error.value.got


@pytest.mark.parametrize(
    "inputs",
    [
        (rows([1, 2, 3]),),
        (rows([1, 2, 3, 4], dtype=np.float64),),
        (rows([1, 2, 3, 4], name="z"),),
        (Tensor.of("x", np.zeros((1025, 4), np.float32)),),
    ],
    ids=["columns", "datatype", "name", "too many rows"],
)
async def test_inputs_that_the_model_does_not_take_are_refused(client, affine, inputs):
    with pytest.raises(Refused) as error:
        await client.infer(affine.name, inputs, affine.ports.outputs, soon())
    assert error.value.code == "refused-by-triton"


async def test_inputs_beyond_the_message_limit_are_refused_before_they_are_sent(client):
    data = bytes(60 * 2**20)
    half = Tensor("x", "UINT8", (1, len(data)), data)
    with pytest.raises(TooLarge):
        await client.infer("0" * 64, (half, half), (), soon())


@pytest.mark.parametrize(
    "port", [Port("y", "FP64", (-1, 4)), Port("y", "FP32", (-1, 5)), Port("y", "FP32", (-1, 4, 1))]
)
async def test_an_answer_that_is_not_what_the_port_promises_is_refused(client, affine, port):
    with pytest.raises(Refused) as error:
        await client.infer(affine.name, (rows([1, 2, 3, 4]),), (port,), soon())
    assert error.value.code == "wrong-output"


async def test_an_answer_that_is_not_finite_is_refused(client, affine):
    with pytest.raises(Refused) as error:
        await client.infer(affine.name, (rows([3e38, 0, 0, 0]),), affine.ports.outputs, soon())
    assert error.value.code == "wrong-output"
    assert error.value.pointer == "/outputs/y/data/0"


def answer(*shape, data, name="y"):
    response = service_pb2.ModelInferResponse()
    response.outputs.add(name=name, datatype="FP32", shape=shape)
    if data is not None:
        response.raw_output_contents.append(data)
    return response


@pytest.mark.parametrize(
    "response",
    [
        answer(2, 1, data=bytes(8)),
        answer(1, 2, data=bytes(4)),
        answer(1, data=bytes(4)),
        answer(data=b""),
        answer(1, -1, -1, data=bytes(4)),
        answer(1, 2, data=None),
        answer(1, 2, data=bytes(8), name="z"),
        service_pb2.ModelInferResponse(),
    ],
    ids=["more rows", "too few bytes", "no axis", "scalar", "negative axes", "no data", "another name", "nothing"],
)
def test_an_answer_that_does_not_hold_together_is_refused(response):
    with pytest.raises(Refused) as error:
        tensors_of(response, (Port("y", "FP32", (-1, -1)),), rows=1)
    assert error.value.code == "wrong-output"
    assert error.value.pointer.startswith("/outputs/y")


async def test_a_deadline_in_the_past_asks_nothing(client, affine):
    await client.unload(affine.name)
    await client.load(affine.name, soon())
    with pytest.raises(DeadlineExceeded):
        await client.infer(affine.name, (rows([1, 2, 3, 4]),), affine.ports.outputs, soon(-1))
    assert (await client.statistics(affine.name)).executions == 0


async def test_no_more_calls_than_allowed_are_under_way_and_waiting_ends_at_the_deadline(
    server, affine, monkeypatch
):
    monkeypatch.setattr(triton, "MAX_CALLS", 0)
    client = Triton(server.address)
    with pytest.raises(DeadlineExceeded):
        await client.infer(affine.name, (rows([1, 2, 3, 4]),), affine.ports.outputs, soon(0.05))
    await client.close()
