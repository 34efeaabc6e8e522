"""The members as processes behind a network that misbehaves, and what may be done to them."""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from consensus.client import GroupClient
from consensus.messages import Record
from stack.members import journal
from stack.members.load import Load
from stack.members.plan import CLIENT_KEY, LEAP, Plan, Told
from stack.members.proxy import CLIENT, Network
from stack.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds for what must come about
LOOK = 0.02  # seconds between looks whether it has
WRITES = 1.0  # seconds within which a member that is not alone writes something
FULL = 4096  # bytes to which a member's files may grow where its disk is full


class Member:
    """One process, or none."""

    def __init__(self, plan: Path, place: int) -> None:
        self.place = place
        self.told = Told(0, 0, "", 0)
        self.writes = 0  # in all its lives
        self.frozen = False
        self._ahead = 0  # ms by which its clock is
        self._plan = plan
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Returns once it serves."""
        said = self._plan.with_name(f"said-{self.place}")
        with said.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "stack.members.member", str(self._plan), str(self.place), str(self._ahead),
                stdout=asyncio.subprocess.PIPE, stderr=errors, cwd=ROOT,
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'sdk'}"},
            )  # fmt: skip
        before = self.writes
        self._reading = asyncio.create_task(self._read(self._process))
        await until(lambda: self.writes > before or not self.alive, f"member {self.place} serves")
        if not self.alive:
            raise RuntimeError(f"member {self.place} does not start:\n{said.read_text()[-2000:]}")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None, "a pipe was asked for"
        while line := await process.stdout.readline():
            if line.endswith(b"\n"):
                self.told = msgspec.json.decode(line, type=Told)
                self.writes += 1

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            assert self._process is not None, "it is alive"
            self._process.send_signal(number)

    async def kill(self) -> None:
        """At once, wherever it is."""
        self.signal(signal.SIGKILL)
        await self.gone()

    async def gone(self) -> None:
        """Waits until it has ended; all that it said before has been heard."""
        if self._process is not None and self._reading is not None:
            await self._process.wait()
            await self._reading
        self.frozen = False

    def freeze(self) -> None:
        self.frozen = True
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)
        self.frozen = False

    def leap(self) -> None:
        """Its clock is set ahead."""
        self._ahead += LEAP
        self.signal(signal.SIGUSR2)

    def fill_disk(self) -> None:
        """Its files may grow no further."""
        self._limit(FULL)

    def free_disk(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        if self.alive:
            assert self._process is not None, "it is alive"
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


class Group:
    """`n` members that were started, and a client that keeps asking."""

    def __init__(self, plan: Plan, path: Path, network: Network, client: GroupClient) -> None:
        self.plan = plan
        self.network = network
        self.client = client
        self.members = [Member(path, place) for place in range(plan.n)]
        self.load = Load(client, plan.n)

    @property
    def quorum(self) -> int:
        return self.plan.epoch.configuration.quorum

    @property
    def view(self) -> int:
        """The latest that members say has begun."""
        return max(each.told.view for each in self.members)

    @property
    def leader(self) -> int:
        return self.view % self.plan.n

    @property
    def followers(self) -> list[int]:
        """Those who do not lead, the next leader first."""
        return [(self.leader + 1 + i) % self.plan.n for i in range(self.plan.n - 1)]

    @property
    def entries(self) -> int:
        return max(each.told.entries for each in self.members)

    async def start(self, *places: int) -> None:
        await asyncio.gather(*(self.members[place].start() for place in places))

    async def kill(self, *places: int) -> None:
        await asyncio.gather(*(self.members[place].kill() for place in places))

    async def cut_power(self, place: int, chance: random.Random) -> int:
        """A member's machine loses power in the middle of its next write, or without one where none comes.
        Returns how many bytes that may have torn.
        """
        member = self.members[place]
        member.signal(signal.SIGUSR1)
        with suppress(TimeoutError):
            await until(lambda: not member.alive, "it writes", WRITES)
        await member.kill()
        return journal.tear(self.plan.log(place), member.told.salt, member.told.end, chance)

    async def leap(self) -> None:
        """All clocks are set ahead; what was asked before is waited for."""
        await self.load.stop()
        for member in self.members:
            member.leap()
        self.load.ahead += LEAP
        self.load.start()

    async def heal(self) -> None:
        """Every member runs, is reached by all, has room on its disk."""
        self.network.heal()
        for member in self.members:
            member.thaw()
            member.free_disk()
        await self.start(*(member.place for member in self.members if not member.alive))

    async def level(self) -> list[list[Record]]:
        """The members' logs, once they all end with the same entry: nothing must be asked meanwhile.

        The disks decide: what a member has told of itself may be older than the answer that a client had from it,
        and what a quorum has signed may be written a little later.
        """
        logs: list[list[Record]] = []

        def ends() -> bool:
            if len({each.told.entries for each in self.members}) != 1:
                return False
            logs[:] = self.logs()
            return len({log[-1].entry.number if log else 0 for log in logs}) == 1

        await until(ends, f"all logs end alike: {[each.told for each in self.members]}")
        return logs

    def logs(self) -> list[list[Record]]:
        """What each member's log holds: of those who run, as a kill at this moment would leave it."""
        return [self._log(member) for member in self.members]

    def _log(self, member: Member) -> list[Record]:
        path, stopped = self.plan.log(member.place), member.frozen
        if not stopped:
            member.freeze()
        try:
            with tempfile.TemporaryDirectory() as folder:
                for part in (path, path.with_name(f"{path.name}-wal")):
                    if part.exists():
                        shutil.copy(part, folder)
                with closing(sqlite3.connect(Path(folder) / path.name)) as copy:
                    rows = copy.execute("SELECT record FROM entries ORDER BY number").fetchall()
        finally:
            if not stopped:
                member.thaw()
        return [msgspec.msgpack.decode(record, type=Record) for (record,) in rows]

    async def close(self) -> None:
        await self.load.stop()
        await self.client.close()
        await self.kill(*range(self.plan.n))
        await self.network.close()


@asynccontextmanager
async def group(folder: Path, n: int = 4, **settings: Any) -> AsyncIterator[Group]:
    """Runs inside the block."""
    ports = tuple(free_ports(n))
    network = Network()
    dials = [
        [0 if a == b else await network.listen(a, b, ports[b]) for b in range(n)] for a in (*range(n), CLIENT)
    ]
    plan = Plan(str(folder), ports, tuple(map(tuple, dials)), **settings)
    path = folder / "plan.json"
    path.write_bytes(msgspec.json.encode(plan))

    async def resolve(where: str) -> str:
        return plan.address(n, where)

    members = Group(plan, path, network, GroupClient((plan.epoch,), CLIENT_KEY, resolve=resolve))
    try:
        await members.start(*range(n))
        yield members
    finally:
        await members.close()


async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Raises TimeoutError, with what was waited for, where it does not come about in time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  (what is waited for happens in other processes)
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise TimeoutError(f"in vain for {seconds:g} s: {what}") from None
