"""A server or a model that is killed or frozen: every call ends by its deadline, and service resumes."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from assay.errors import DeadlineExceeded, Unavailable
from assay.tensor import Tensor
from inference.resilience import Backoff, Breaker
from inference.triton import Triton
from stack.triton import SHARED_MEMORY
from tests.inference import models
from tests.inference.server import alive

X = Tensor.of("x", np.array([[1, 2, 3, 4]], np.float32))
EAGER = Breaker(threshold=1000)  # these tests watch the calls themselves


@pytest.fixture
async def impatient(doomed):
    triton = Triton(doomed.address, breaker=EAGER)
    yield triton
    await triton.close()


def soon(seconds=20.0):
    return time.monotonic() + seconds


async def served(server, client, folder, model):
    written = models.written(server, model, folder)
    await client.load(written.name, soon())
    return written


async def test_killed_amid_loading_and_inference_every_call_ends_and_service_resumes(doomed, impatient, tmp_path):
    slow = await served(doomed, impatient, tmp_path, models.slow())
    other = models.written(doomed, models.affine(), tmp_path)
    calls = [impatient.infer(slow.name, (X,), slow.ports.outputs, soon(5)) for _ in range(16)]
    tasks = [asyncio.ensure_future(call) for call in (*calls, impatient.load(other.name, soon(5)))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # the server is at it
    doomed.kill()
    begun = time.monotonic()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert time.monotonic() - begun < 6
    failed = [error for error in ended if isinstance(error, Exception)]
    assert failed
    assert all(isinstance(error, Unavailable | DeadlineExceeded) for error in failed)
    assert not await impatient.live()
    assert not await impatient.ready(slow.name)

    doomed.start()
    await impatient.wait_live(soon(30))
    with pytest.raises(Unavailable) as error:
        await impatient.infer(slow.name, (X,), slow.ports.outputs, soon())
    assert error.value.code == "not-loaded"
    await impatient.load(slow.name, soon())
    (y,) = await impatient.infer(slow.name, (X,), slow.ports.outputs, soon())
    assert y.data == X.data


async def test_a_call_retries_through_a_restart(doomed, tmp_path):
    patient = Triton(doomed.address, backoff=Backoff(attempts=1000, base=0.05, cap=0.05), breaker=EAGER)
    affine = await served(doomed, patient, tmp_path, models.affine())
    doomed.kill()
    load = asyncio.ensure_future(patient.load(affine.name, soon(30)))
    doomed.start()
    await load
    (y,) = await patient.infer(affine.name, (X,), affine.ports.outputs, soon())
    assert y.array().tolist() == [[3, 5, 7, 9]]
    await patient.close()


async def test_frozen_a_call_ends_at_its_deadline_and_thawed_the_next_one_succeeds(doomed, impatient, tmp_path):
    affine = await served(doomed, impatient, tmp_path, models.affine())
    doomed.freeze()
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await impatient.infer(affine.name, (X,), affine.ports.outputs, soon(0.3))
    assert 0.25 < time.monotonic() - begun < 3
    doomed.thaw()
    (y,) = await impatient.infer(affine.name, (X,), affine.ports.outputs, soon(0.2 + 20))
    assert y.array().tolist() == [[3, 5, 7, 9]]


async def test_a_model_whose_process_is_killed_is_loaded_anew(doomed, impatient, tmp_path):
    affine = await served(doomed, impatient, tmp_path, models.affine())
    (model,) = doomed.models()
    model.kill()
    while alive(model):
        pass
    with pytest.raises(Unavailable) as error:
        await impatient.infer(affine.name, (X,), affine.ports.outputs, soon())
    assert error.value.code == "model-crashed"
    (y,) = await impatient.infer(affine.name, (X,), affine.ports.outputs, soon())
    assert y.array().tolist() == [[3, 5, 7, 9]]


async def test_a_model_that_outlives_its_killed_server_is_cleared_away(doomed, impatient, tmp_path):
    await served(doomed, impatient, tmp_path, models.affine())
    (model,) = doomed.models()
    prefix = next(argument for argument in model.cmdline() if argument.startswith("assay_")).rsplit("_", 1)[0]
    assert list(SHARED_MEMORY.glob(f"{prefix}*"))
    model.suspend()  # as one does that waits for its server's answer
    doomed.kill()
    assert not alive(model)
    assert not list(SHARED_MEMORY.glob(f"{prefix}*"))


async def test_a_dead_server_trips_the_breaker_and_a_probe_closes_it_again(doomed, tmp_path):
    now = [0.0]
    client = Triton(
        doomed.address, backoff=Backoff(attempts=1), breaker=Breaker(threshold=3, rest=10), clock=lambda: now[0]
    )
    written = models.written(doomed, models.affine(), tmp_path)
    await client.load(written.name, 20)
    doomed.kill()
    codes = []
    for _ in range(5):
        with pytest.raises(Unavailable) as error:
            await client.infer(written.name, (X,), written.ports.outputs, now[0] + 5)
        codes.append(error.value.code)
    assert codes == ["unreachable"] * 3 + ["circuit-open"] * 2
    doomed.start()
    await client.wait_live(now[0] + 30)
    await client.load(written.name, now[0] + 20)
    now[0] += 10
    await client.infer(written.name, (X,), written.ports.outputs, now[0] + 5)
    assert client.breaker.state == "closed"
    await client.close()


async def test_closing_ends_calls_under_way_as_unavailable(doomed, tmp_path):
    client = Triton(doomed.address)
    slow = await served(doomed, client, tmp_path, models.slow())
    doomed.freeze()
    call = asyncio.ensure_future(client.infer(slow.name, (X,), slow.ports.outputs, soon()))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(Unavailable) as error:
        await call
    assert error.value.code == "closed"
    doomed.thaw()


async def test_cancelling_a_call_cancels_it_and_frees_its_place(doomed, impatient, tmp_path):
    affine = await served(doomed, impatient, tmp_path, models.affine())
    doomed.freeze()
    call = asyncio.ensure_future(impatient.infer(affine.name, (X,), affine.ports.outputs, soon()))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    doomed.thaw()
    await impatient.infer(affine.name, (X,), affine.ports.outputs, soon())
