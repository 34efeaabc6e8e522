"""How the server is started from the wheel, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from assay.errors import Unavailable
from assay.tensor import Tensor
from inference.triton import Triton
from stack import setup, socketdir, triton
from stack.socketdir import PLAIN
from tests.inference import models
from tests.inference.server import Server

ODD = ["a b", "a'b", "a;b", "a:b", "$(touch x)", "ä"]


@pytest.fixture
def links(tmp_path, monkeypatch):
    """Where links to folders of odd names go meanwhile."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(socketdir, "_base", lambda: folder)
    return folder


@pytest.fixture
def plain(tmp_path):
    return triton.backend_directory(setup.ENVIRONMENT, tmp_path / "backends"), tmp_path / "models"


def test_the_backend_folder_holds_the_stub_and_is_renewed_in_place(plain):
    backends, _ = plain
    stub = backends / "python" / triton.STUB
    before = stub.read_bytes()
    stub.write_bytes(b"damaged")
    assert triton.backend_directory(setup.ENVIRONMENT, backends) == backends
    assert stub.read_bytes() == before
    assert {path.name for path in stub.parent.iterdir()} == {
        "libtriton_python.so",
        "triton_python_backend_stub",
        "triton_python_backend_utils.py",
    }


def test_only_grpc_on_the_loopback_is_opened(plain):
    argv, env = triton.command(setup.ENVIRONMENT, *plain, port=12345)
    assert {"--grpc-address=127.0.0.1", "--grpc-port=12345", "--allow-http=false", "--allow-metrics=false"} <= {
        *argv
    }
    assert "--model-control-mode=explicit" in argv
    assert env["PATH"].split(":")[0] == str(setup.ENVIRONMENT / "bin")
    argv, _ = triton.command(setup.ENVIRONMENT, *plain, port=12345, metrics_port=12346)
    assert {"--metrics-address=127.0.0.1", "--metrics-port=12346"} <= {*argv}


def test_a_missing_shared_libpython_is_named_with_the_package_to_install(plain, monkeypatch):
    about = {"version": "3.11", "prefix": "/opt/python", "libdir": "/opt/python/lib"}
    monkeypatch.setattr(triton, "_about", lambda _: about)
    monkeypatch.setattr(triton, "_loader_folders", lambda _: [])
    with pytest.raises(Unavailable) as error:
        triton.command(setup.ENVIRONMENT, *plain, port=1)
    assert "libpython3.11.so.1.0" in error.value.detail
    assert "apt-get install libpython3.11" in error.value.hint


def test_a_python_without_a_stub_is_named_with_those_that_have_one(tmp_path, monkeypatch):
    monkeypatch.setattr(triton, "_about", lambda _: {"version": "3.7"})
    with pytest.raises(Unavailable) as error:
        triton.backend_directory(setup.ENVIRONMENT, tmp_path)
    assert error.value.got == "3.7"
    assert "3.11" in error.value.expected


@pytest.mark.parametrize("name", ODD)
def test_a_folder_whose_name_a_shell_would_read_otherwise_is_named_by_another_way(plain, links, tmp_path, name):
    backends, repository = plain[0], tmp_path / name / "models"
    repository.mkdir(parents=True)
    (argument,) = repository_of(backends, repository)
    assert PLAIN.fullmatch(argument)
    assert Path(argument).resolve() == repository.resolve()
    assert repository_of(backends, repository) == [argument]
    (other,) = repository_of(backends, tmp_path / f"{name}2" / "models")
    assert other != argument
    assert Path(argument).is_relative_to(links)


def repository_of(backends, repository):
    argv, _ = triton.command(setup.ENVIRONMENT, backends, repository, port=1)
    return [word.partition("=")[2] for word in argv if word.startswith("--model-repository=")]


def test_a_missing_environment_says_what_to_do(tmp_path, plain):
    with pytest.raises(Unavailable) as error:
        triton.command(tmp_path, *plain, port=1)
    assert "set up again" in error.value.hint


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("name", ["long" * 50, "a 'folder'; of $HOME: ä"])
def test_it_serves_from_a_path_that_is_long_or_odd(tmp_path, name):
    server = Server(tmp_path / name)
    server.start()
    try:
        asyncio.run(_served(server, tmp_path))
    finally:
        server.kill()


async def _served(server, folder):
    client = Triton(server.address)
    deadline = time.monotonic() + 60
    await client.wait_live(deadline)
    affine = models.written(server, models.affine(), folder)
    await client.load(affine.name, deadline)
    x = Tensor.of("x", np.zeros((1, 4), np.float32))
    (y,) = await client.infer(affine.name, (x,), affine.ports.outputs, deadline)
    assert y.array().tolist() == [[1, 1, 1, 1]]
    await client.close()
