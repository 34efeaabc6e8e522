"""A member as a process of its own: `python -m stack.members.member PLAN PLACE AHEAD`.

Its clock is AHEAD ms ahead. It says on its standard output, after each write that is safely on its disk, how far
it is (`plan.Told`). SIGUSR1: the power is cut at its next write, which is done but not acknowledged; SIGUSR2: its
clock is set ahead.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from assay.agreement.votes import Answered
from assay.keys import PublicKey
from consensus.durable import Durable, Executed, Installed, Jumped, Restored, Standing
from consensus.events import Run
from consensus.host import Host
from consensus.judging import Group
from consensus.messages import Record, Result
from consensus.replica import Replica
from consensus.seals import Ed25519
from consensus.storage import SqliteStorage
from stack.members.journal import Journal
from stack.members.plan import CLIENT_KEY, LEAP, Plan, Told, key, label
from wire.deadline import now_ms
from wire.link import Attached
from wire.messages import Request
from wire.server import serve


class Clock:
    """This machine's, and by how much it is set wrong."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead  # ms

    def now(self) -> int:
        return now_ms() + self.ahead

    def leap(self) -> None:
        self.ahead += LEAP


class Telling:
    """A member's storage, which says what has been written."""

    def __init__(self, plan: Plan, place: int, clock: Clock) -> None:
        path = plan.log(place)
        self._storage = SqliteStorage(
            path, plan.epoch.configuration, key(place).public, clock.now, retain=plan.retain
        )
        restored = self.restore()
        self._reached = restored.standing.entries if restored.standing else 0
        self._view = restored.installed.view if restored.installed else 0
        _, frames, _ = self._sql("PRAGMA wal_checkpoint(PASSIVE)")
        self._journal = Journal(path, frames)
        self._power_ends = False

    def end_power(self) -> None:
        self._power_ends = True

    def write(self, what: list[Durable]) -> None:
        if self._power_ends:  # nothing of this write was synchronised, hence nothing put into the database either
            self._sql("PRAGMA wal_autocheckpoint = 0")
            self._storage.write(what)
            os.kill(os.getpid(), signal.SIGKILL)
        self._storage.write(what)
        for each in what:
            if isinstance(each, Installed):
                self._view = each.new_view.view
            elif isinstance(each, Executed | Jumped):
                self._reached = each.standing.entries
        self.tell()

    def restore(self) -> Restored:
        return self._storage.restore()

    def records(self, first: int, most: int) -> list[Record]:
        return self._storage.records(first, most)

    def last(self) -> tuple[Record, Standing] | None:
        return self._storage.last()

    def _sql(self, statement: str) -> tuple[int, ...]:
        file = self._storage._file  # noqa: SLF001  (nobody but its owner can open it)
        answer: tuple[int, ...] = file.execute(statement).fetchone()
        return answer

    def tell(self) -> None:
        self._journal.follow()
        told = Told(self._reached, self._view, self._journal.salt, self._journal.end)
        os.write(1, msgspec.json.encode(told) + b"\n")


async def main(plan: Plan, place: int, ahead: int) -> None:
    mine, epoch, clock = key(place), plan.epoch, Clock(ahead)
    group = Group(epoch.configuration.digest, epoch.configuration)
    allowed = {CLIENT_KEY.public.raw, *(member.key for member in epoch.configuration.members)}

    async def infer(runs: Sequence[Run]) -> list[Result]:
        return [Result(run.request, run.commitment, Answered(run.commitment, says(run))) for run in runs]

    def says(run: Run) -> tuple[int, ...]:
        return tuple(label(place, plan.n, int(number)) for number in run.payload.inputs[0].array()[:, 0])

    async def resolve(where: str) -> str:
        return plan.address(place, where)

    async def attach(_peer: PublicKey, _request: Request) -> Attached:
        return Attached(host.take)

    storage = Telling(plan, place, clock)
    replica = Replica(group, place, Ed25519(mine), storage.restore())
    host = Host(group, place, mine, replica, storage, infer=infer, resolve=resolve, now=clock.now)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, storage.end_power)
    loop.add_signal_handler(signal.SIGUSR2, clock.leap)
    server = await serve("127.0.0.1", plan.ports[place], mine, lambda peer: peer.raw in allowed, attach)
    storage.tell()
    try:
        await host.ended()
    finally:
        await server.close()


if __name__ == "__main__":
    uvloop.run(
        main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan), int(sys.argv[2]), int(sys.argv[3]))
    )
