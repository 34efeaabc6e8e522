"""The real tritonserver for tests: started, killed, frozen; one model repository each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from inference.repository import InstanceGroups, ModelRepository
from inference.triton import Statistics, Triton
from stack import launch, setup, triton
from stack.ports import free_ports
from stack.tree import ROOT


class Server:
    """A tritonserver on a port of its own. It dies with this process, however that dies."""

    def __init__(self, folder: Path) -> None:
        self.repository = ModelRepository(folder / "models", InstanceGroups())
        self.log = folder / "triton.log"
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, **changed: str) -> None:
        """`changed` are variables of its environment."""
        triton.install(setup.ENVIRONMENT, ROOT / "requirements" / "triton.txt")
        argv, env = triton.command(setup.ENVIRONMENT, setup.backends(), self.repository.root, port=self.port)
        bound = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), "-1", "-1", "0"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*bound, *argv], env={**env, **changed}, stdout=log, stderr=log, cwd=self.repository.root
            )

    def kill(self) -> None:
        """SIGKILL, and gone when this returns, models included."""
        if self._process is None:
            return
        models = self.models()
        self._process.kill()
        self._process.wait()
        self._process = None
        triton.clear_leftovers(self.repository.root)
        while any(alive(model) for model in models):
            pass

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def models(self) -> list[psutil.Process]:
        """The processes that models run in."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        return [child for child in children if child.name() == triton.STUB and alive(child)]


def alive(process: psutil.Process) -> bool:
    """Running; dead but not reaped is dead."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def counted(client: Triton, name: str, requests: int) -> Statistics:
    """The statistics once they hold `requests`: Triton answers a request before it counts it."""
    while (statistics := await client.statistics(name)).succeeded < requests:
        pass
    return statistics
