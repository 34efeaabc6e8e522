"""The runtime `reproducible`, in the real server: the reference's bits, whatever waits beside a request."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from assay.errors import Refused, Unavailable
from assay.program.reading import read
from assay.program.running import Runner
from assay.tensor import Tensor
from tests.inference import models


def soon(seconds=60.0):
    return time.monotonic() + seconds


def perceptron():
    """[rows, 4] → [rows, 3], with an activation whose last bits differ between libraries."""
    rng = np.random.default_rng(3)
    make = models.helper.make_node
    nodes = [make("MatMul", ["x", "w"], ["a"]), make("Tanh", ["a"], ["b"]), make("Softmax", ["b"], ["y"], axis=-1)]
    weights = {"w": rng.normal(size=(4, 3)).astype(np.float32)}
    return models.graph(nodes, [models.value("x")], [models.value("y", shape=("rows", 3))], weights)


@pytest.fixture
async def served(server, client, tmp_path):
    made = models.written(server, perceptron(), tmp_path, "reproducible")
    await client.load(made.name, soon())
    return made


async def test_it_answers_with_the_reference_s_bits(client, served):
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    (y,) = await client.infer(served.name, (Tensor.of("x", x),), served.ports.outputs, soon())
    assert y.data == Runner(read(perceptron().SerializeToString())).run({"x": x})["y"].tobytes()


async def test_requests_that_wait_together_are_answered_apart(client, served):
    rows = [np.full((i % 3 + 1, 4), i / 7, np.float32) for i in range(24)]
    asked = (client.infer(served.name, (Tensor.of("x", x),), served.ports.outputs, soon()) for x in rows)
    answers = await asyncio.gather(*asked)
    runner = Runner(read(perceptron().SerializeToString()))
    assert [y.data for (y,) in answers] == [runner.run({"x": x})["y"].tobytes() for x in rows]


async def test_it_stands_beside_the_ordinary_runtime(server, client, served, tmp_path):
    plain = models.written(server, perceptron(), tmp_path)
    await client.load(plain.name, soon())
    assert served.name == f"{plain.name}.reproducible"
    x = Tensor.of("x", np.ones((2, 4), np.float32))
    answers = [
        (await client.infer(name, (x,), served.ports.outputs, soon()))[0].array()
        for name in (plain.name, served.name)
    ]
    np.testing.assert_allclose(*answers, rtol=1e-5)


async def test_a_model_that_is_not_reproducible_does_not_load_and_says_why(server, client, tmp_path):
    nodes = [models.helper.make_node("NonZero", ["x"], ["y"], "find")]
    model = models.graph(nodes, [models.value("x")], [models.value("y", models.INT64, (2, "n"))])
    made = models.written(server, model, tmp_path, "reproducible")
    with pytest.raises((Refused, Unavailable), match="NonZero 'find'"):
        await client.load(made.name, soon())
