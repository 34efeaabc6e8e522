"""One service: how it is described, started, watched and stopped.

A service runs in a process group of its own, dies with the manager (launch.py), and writes to one log file that
is turned over by size. Nothing here decides when to start or restart: that is the manager's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.account import Account
from stack.tree import ROOT

LAUNCH = Path(__file__).with_name("launch.py")
TAIL_LINES = 12
TAIL_WIDTH = 300  # characters kept of each
LOG_BYTES = 8 * 2**20
LOG_FILES = 3  # turned-over files kept
DRAIN = 1.0  # seconds for the last output to arrive once the group is dead


class NotReady(Exception):
    """What a probe raises, besides OSError, while its service is not ready yet."""


@dataclass(frozen=True)
class Service:
    """`ready` is called until it returns; while it raises NotReady or OSError the service is not ready.

    Without `ready` it is a step, done once it has ended with status 0. `prepare` runs before every start, in a
    thread, and may raise OSError. `env` is the whole environment, or None for the manager's. Times are seconds.
    """

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[None]] | None
    depends_on: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    cwd: Path = ROOT
    account: Account = field(default_factory=Account)
    prepare: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    ready_within: float = 120.0
    stop_within: float = 10.0


@dataclass(frozen=True)
class Exit:
    """How a process ended; reads `exit status 3` or `killed by SIGKILL`."""

    status: int

    def __str__(self) -> str:
        if self.status >= 0:
            return f"exit status {self.status}"
        try:
            return f"killed by {signal.Signals(-self.status).name}"
        except ValueError:
            return f"killed by signal {-self.status}"


class Log:
    """A service's output: a file of bounded size on disk, the last lines in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def begin(self) -> None:
        """Forgets the lines of the process before."""
        self._tail.clear()
        self._rest = b""

    def write(self, chunk: bytes) -> None:
        if self._file.tell() + len(chunk) > LOG_BYTES:
            self._turn_over()
        self._file.write(chunk)
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[-4 * TAIL_WIDTH :]
        self._tail.extend(_shown(line) for line in lines if line.strip())

    def tail(self) -> list[str]:
        """The last lines the present process wrote."""
        return [*self._tail, _shown(self._rest)][-TAIL_LINES:] if self._rest.strip() else list(self._tail)

    def close(self) -> None:
        self._file.close()

    def _turn_over(self) -> None:
        self._file.close()
        for i in range(LOG_FILES, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_suffix(f".log.{i - 1}").replace(self.path.with_suffix(f".log.{i}"))
        self.path.replace(self.path.with_suffix(".log.1"))
        self._file = self.path.open("ab", buffering=0)


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").rstrip()
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)[:TAIL_WIDTH]


class Output:
    """Our end of a pipe of our own. asyncio's would make `wait` last as long as any child holds the other end."""

    def __init__(self, handle: int, log: Log) -> None:
        self.ended = asyncio.Event()
        self._handle, self._log = handle, log
        asyncio.get_running_loop().add_reader(handle, self._copy)

    @classmethod
    def open(cls, log: Log) -> tuple[Output, int]:
        """Our end, and the one for the process."""
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        return cls(ours, log), theirs

    def close(self) -> None:
        if not self.ended.is_set():
            self._end()

    def _copy(self) -> None:
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(self._handle, 65536)
            if chunk:
                self._log.write(chunk)
            else:
                self._end()

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.ended.set()


class Process:
    """A started service. `exited` resolves to its Exit once its whole group is gone."""

    def __init__(self, service: Service, child: asyncio.subprocess.Process, output: Output) -> None:
        self.service = service
        self.pid = child.pid
        self._child = child
        self._output = output
        self.exited: asyncio.Task[Exit] = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, service: Service, log: Log) -> Process:
        """Starts `service`. Raises OSError if that cannot even be tried."""
        account = service.account
        log.begin()
        output, into = Output.open(log)
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid())),
                *(str(account.uid), str(account.gid), str(account.capabilities)),
                *service.argv,
                cwd=service.cwd,
                env=service.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=into,
                stderr=into,
                start_new_session=True,
            )
        except BaseException:
            output.close()
            raise
        finally:
            os.close(into)
        return cls(service, child, output)

    async def stop(self) -> Exit:
        """Asks it to end; after `stop_within` seconds ends its group by force."""
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(self.service.stop_signal)
        done, _ = await asyncio.wait({self.exited}, timeout=self.service.stop_within)
        if not done:
            self._kill_group()
        return await self.exited

    async def _wait(self) -> Exit:
        status = await self._child.wait()
        self._kill_group()  # children that it left behind
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._output.ended.wait(), DRAIN)
        self._output.close()  # even if something outside the group still holds the other end
        return Exit(status)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
