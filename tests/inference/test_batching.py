"""Requests that meet in one batch: never mixed, never spoilt by each other."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refused, Unavailable
from assay.tensor import Tensor
from inference.triton import Triton
from tests.inference import models
from tests.inference.server import counted


@pytest.fixture(scope="module")
def echo(server, tmp_path_factory):
    served = models.written(server, models.echo(), tmp_path_factory.mktemp("echo"))
    asyncio.run(_load(server.address, served.name))
    return served


async def _load(address, name):
    client = Triton(address)
    await client.load(name, time.monotonic() + 20)
    await client.close()


async def _all(address, name, ports, batches):
    client = Triton(address)
    try:
        tensors = [Tensor.of("x", batch) for batch in batches]
        calls = (client.infer(name, (x,), ports.outputs, time.monotonic() + 20) for x in tensors)
        return await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await client.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_rows_of_concurrent_requests_are_never_mixed(server, echo, sizes, seed):
    rng = np.random.default_rng(seed)
    batches = [rng.integers(-(2**62), 2**62, (n, 4)) for n in sizes]
    answers = asyncio.run(_all(server.address, echo.name, echo.ports, batches))
    for batch, (y, twice) in zip(batches, answers, strict=True):
        assert np.array_equal(y.array(), batch)
        assert np.array_equal(twice.array(), batch + batch)


async def test_what_waits_for_a_busy_model_is_run_together(server, client, tmp_path):
    served = models.written(server, models.slow(), tmp_path)
    await client.load(served.name, time.monotonic() + 20)
    batches = [np.full((2, 4), i, np.float32) for i in range(12)]
    answers = await _all(server.address, served.name, served.ports, batches)
    for batch, (y,) in zip(batches, answers, strict=True):
        assert np.array_equal(y.array(), batch)
    statistics = await counted(client, served.name, 12)
    assert (statistics.succeeded, statistics.rows) == (12, 24)
    assert statistics.executions < 12


async def test_a_request_that_makes_a_batch_fail_fails_alone(server, client, tmp_path):
    served = models.written(server, models.lookup(), tmp_path)
    await client.load(served.name, time.monotonic() + 20)
    batches = [np.array([[99 if i % 5 == 0 else i % 10]]) for i in range(30)]
    answers = await _all(server.address, served.name, served.ports, batches)
    for i, answer in enumerate(answers):
        if i % 5 == 0:
            assert isinstance(answer, Refused | Unavailable)
            assert "indices element out of data bounds" in answer.got
        else:
            assert answer[0].array().tolist() == [[i % 10]]
