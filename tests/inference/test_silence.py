"""Nothing that runs a model tells anybody outside about it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import onnx

from inference.triton import Triton
from inference.validation import runner
from stack import setup, triton
from tests.inference import models
from tests.inference.server import Server

RUN = """
import sys
import inference.validation.dryrun
import onnxruntime
onnxruntime.InferenceSession(sys.argv[1])
"""


def test_running_a_model_leaves_no_reporter_behind(tmp_path):
    file = tmp_path / "m.onnx"
    onnx.save(models.affine(), file)
    env = {**runner.ENVIRONMENT, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", RUN, str(file)], env=env, check=True)
    assert list(tmp_path.iterdir()) == [file]


def test_the_server_of_the_embedded_stack_is_told_not_to_report(tmp_path):
    _, env = triton.command(setup.ENVIRONMENT, setup.backends(), tmp_path, port=1)
    assert env["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_served_model_leaves_no_reporter_behind_even_where_the_server_was_not_told(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    server = Server(tmp_path)
    server.start(HOME=str(home), ORT_DISABLE_TELEMETRY="")
    try:
        asyncio.run(_served(server, tmp_path))
        assert list(home.iterdir()) == []
    finally:
        server.kill()


async def _served(server, folder):
    client = Triton(server.address)
    deadline = time.monotonic() + 60
    await client.wait_live(deadline)
    await client.load(models.written(server, models.affine(), folder).name, deadline)
    await client.close()
