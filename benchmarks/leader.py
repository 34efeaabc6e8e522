"""A group of four nodes whose leader is killed, or frozen and let go on, while it is asked without a pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from assay.agreement.votes import Absent
from benchmarks import costs
from consensus.suspecting import PATIENCE

if TYPE_CHECKING:
    from benchmarks.agreement import Asked, Bench

BATCH = 8
UNDER_WAY = 4
FROZEN = 5.0  # seconds
WINDOW = 0.5  # seconds over which a rate is taken
BACK = 0.9  # of the rate before
WATCHED = 6.0  # seconds after a fault has ended
REACHED = 30.0  # seconds for a node to be back


class Watch:
    """When rows were certified."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.times: list[float] = []

    async def run(self) -> None:
        while True:
            await self.asked.certified(BATCH)
            self.times.append(time.perf_counter())

    def rate(self, begun: float, ended: float) -> float:
        """Rows a second."""
        return BATCH * sum(begun <= each < ended for each in self.times) / (ended - begun)

    def gap(self, since: float) -> float:
        """The longest time without an answer from then on, in seconds."""
        return max(later - earlier for earlier, later in pairwise([since, *(t for t in self.times if t > since)]))

    def back(self, since: float, rate: float) -> float:
        """Seconds from then on until so many rows a second were certified again."""
        for begun in (since, *(t for t in self.times if t > since)):
            if self.rate(begun, begun + WINDOW) >= rate:
                return begun - since
        return float("inf")

    @property
    def leader(self) -> int:
        return self.asked.answers[0].evidence.view % 4


@asynccontextmanager
async def watched(asked: Asked) -> AsyncIterator[Watch]:
    """Asks inside the block."""
    watch = Watch(asked)
    asking = [asyncio.create_task(watch.run()) for _ in range(UNDER_WAY)]
    try:
        yield watch
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def leader(bench: Bench) -> None:
    """How long nothing is certified when the leader is killed; how soon all is well when it was only frozen."""
    asked = await bench.group("leader", costs.model(costs.layers_for(1)), costs.INTERFACE, costs.row())
    gaps, backs = [], []
    async with watched(asked) as watch:
        for _ in range(bench.repeats):
            await _all_vote(watch)
            begun = time.perf_counter()
            await asyncio.sleep(bench.seconds)
            killed = time.perf_counter()
            healthy = watch.rate(begun, killed)
            for process in bench.owners.processes("assay-node", [watch.leader]):
                process.kill()
            await asyncio.sleep(WATCHED)
            gaps.append(watch.gap(killed))
            await _all_vote(watch)
            with _frozen(bench, watch.leader):
                await asyncio.sleep(FROZEN)
            thawed = time.perf_counter()
            await asyncio.sleep(WATCHED)
            backs.append(watch.back(thawed, BACK * healthy))
    patience = PATIENCE / 1000
    bench.report.add("leader killed: longest time without an answer", gaps, "s")
    bench.report.add("leader killed: that time ÷ view time-out", [each / patience for each in gaps], "", most=2)
    bench.report.add("leader frozen for 5 s: back at 90 % once it goes on", backs, "s", most=1)
    await asked.client.close()


@contextmanager
def _frozen(bench: Bench, place: int) -> Iterator[None]:
    processes = bench.owners.processes("assay-node", [place])
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def _all_vote(watch: Watch) -> None:
    """Waits until no member is missing from the answers."""
    async with asyncio.timeout(REACHED):
        while True:
            count = len(watch.times)
            while len(watch.times) < count + 2 * UNDER_WAY:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            said = [each for answer in watch.asked.answers for each in answer.evidence.ended.said]
            if not any(isinstance(each, Absent) for each in said):
                return
