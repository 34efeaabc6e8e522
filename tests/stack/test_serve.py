"""An owner's Triton without Docker: it serves a folder, alone, and says what keeps it from doing so."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys

import pytest

from inference.triton import Triton
from stack import ports, serve
from stack.tree import ROOT


@pytest.fixture
def folder(tmp_path):
    """A node's models, in a folder whose name no shell takes for one word."""
    folder = tmp_path / "my node" / "models"
    folder.mkdir(parents=True)
    return folder


def test_it_serves_a_folder_until_it_is_interrupted_and_nobody_serves_it_beside(folder):
    port, other = ports.free_ports(2)
    argv = [sys.executable, "-m", "stack.serve", str(folder), "--port"]
    with subprocess.Popen([*argv, str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            asyncio.run(_until_live(f"127.0.0.1:{port}"))
            second = subprocess.run([*argv, str(other)], cwd=ROOT, check=False, capture_output=True, text=True)
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=20)
        finally:
            server.kill()
    assert said.startswith(f"Triton serves {folder} at 127.0.0.1:{port}")
    assert (second.returncode, second.stderr) == (1, f"stack.serve: {folder} is being served already\n")
    assert server.returncode == 0


async def _until_live(address):
    triton = Triton(address)
    try:
        async with asyncio.timeout(20):
            while not await triton.live():
                pass
    finally:
        await triton.close()


def test_a_folder_that_is_not_there_is_refused_with_who_makes_it(tmp_path):
    with pytest.raises(serve.Refusal, match="is no folder: `assay-node init` makes it"):
        serve.serve(tmp_path / "models", ports.free_ports(1)[0])


def test_a_taken_port_is_refused_with_its_holder(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(serve.Refusal, match=f"port {port} is taken by .*; give another with --port"):
            serve.serve(folder, port)
