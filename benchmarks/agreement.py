"""What agreement costs: a group of four, as real processes with a Triton each, against the four Tritons alone.

    python -m benchmarks.agreement [--repeats N] [--seconds S] [--only WORD]

The two arms take turns in one run: *fan-out* sends each batch to all four Tritons and waits for all four answers;
*certified* asks the group and waits for the outcomes with their proofs. Both keep the same number of batches under
way, from one process on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import uvloop
from grpc import aio
from tritonclient.grpc import service_pb2_grpc

from assay.agreement.group import Epoch
from assay.agreement.issue import issue
from assay.agreement.votes import Answered
from assay.digest import Tag, sha256
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference
from assay.tensor import Tensor
from assay.verify import Trust, check
from benchmarks import costs, group_shop
from benchmarks.figures import Report, quantile
from benchmarks.group import Owners, owners
from benchmarks.leader import leader
from benchmarks.load import Measured, closed_loop
from benchmarks.networks.mobilenet import MOBILENET, SIDE, mobilenet
from consensus.asking import Answer
from consensus.client import GroupClient
from consensus.messages import Payload
from inference.repository import name_of
from inference.triton import infer_request
from node.home import Home
from wire.deadline import in_seconds
from wire.messages import Adopt

WARM_UP = 1.5  # seconds of each arm before it counts
UNDER_WAY = 4  # batches at a time
PATIENCE = 60.0  # seconds for an answer
UPDATES = 1.0  # seconds between changes of a model


@dataclass
class Asked:
    """A model in a group, both ways to ask, and one row of its input."""

    reference: ModelReference
    epoch: Epoch
    row: np.ndarray
    client: GroupClient
    stubs: list[service_pb2_grpc.GRPCInferenceServiceStub]
    answers: list[Answer] = field(default_factory=list)  # the latest

    @property
    def rows(self) -> np.ndarray:
        return self.row[None]

    async def certified(self, batch: int) -> None:
        """A batch of requests of a row each, to the group."""
        payload = Payload(bytes(32), (self._tensor(1),))
        self.answers = list(
            await asyncio.gather(
                *(
                    self.client.ask(uuid7().bytes, payload, rows=1, deadline=in_seconds(PATIENCE))
                    for _ in range(batch)
                )
            )
        )

    async def fanned_out(self, batch: int) -> None:
        """The same rows, to the four Tritons."""
        request = infer_request(name_of(self.reference), (self._tensor(batch),), self.reference.interface.outputs)
        await asyncio.gather(*(stub.ModelInfer(request) for stub in self.stubs))

    def _tensor(self, rows: int) -> Tensor:
        return Tensor.of(self.reference.interface.inputs[0].name, np.repeat(self.rows, rows, axis=0))


@dataclass
class Bench:
    """What all measurements share."""

    report: Report
    owners: Owners
    repeats: int
    seconds: float
    channels: list[aio.Channel]

    async def group(
        self, slug: str, content: bytes, interface: Interface, row: np.ndarray, *, copy_resistant: bool = False
    ) -> Asked:
        reference = await self.owners.serve(content, interface)
        epoch = await self.owners.form(slug, reference, copy_resistant=copy_resistant)
        stubs = [service_pb2_grpc.GRPCInferenceServiceStub(channel) for channel in self.channels]
        asked = Asked(reference, epoch, row, GroupClient((epoch,), self.owners.client), stubs)
        await asked.certified(1)
        return asked


Arm = Callable[[int], Awaitable[None]]


async def rate(arm: Arm, batch: int, seconds: float, under_way: int = UNDER_WAY) -> float:
    """Rows a second."""

    async def call() -> None:
        await arm(batch)

    return batch * (await closed_loop([call] * under_way, seconds)).rate


async def compared(bench: Bench, asked: Asked, batch: int) -> tuple[list[float], list[float]]:
    """Rows a second certified and fanned out, in turns."""
    arms = (asked.certified, asked.fanned_out)
    found: tuple[list[float], list[float]] = ([], [])
    for arm in arms:
        await rate(arm, batch, WARM_UP)
    for _ in range(bench.repeats):
        for arm, samples in zip(arms, found, strict=True):
            samples.append(await rate(arm, batch, bench.seconds))
    return found


async def throughput(bench: Bench, what: str, asked: Asked, batch: int, least: float | None) -> None:
    certified, alone = await compared(bench, asked, batch)
    report = bench.report
    report.add(f"{what}, batches of {batch}: certified", certified, "rows/s")
    report.add(f"{what}, batches of {batch}: fan-out to four Tritons", alone, "rows/s")
    ratios = [a / b for a, b in zip(certified, alone, strict=True)]
    report.add(f"{what}, batches of {batch}: certified ÷ fan-out", ratios, "", least=least)


async def null(bench: Bench) -> None:
    """Nothing but agreement; where the processor's time goes."""
    asked = await bench.group("null", costs.model(0), costs.INTERFACE, costs.row())
    await rate(asked.certified, 128, WARM_UP)
    before, made = _processor(bench.owners), 0.0
    samples = []
    for _ in range(bench.repeats):
        samples.append(await rate(asked.certified, 128, bench.seconds))
        made += samples[-1] * bench.seconds
    bench.report.add("null model, batches of 128: certified", samples, "certificates/s", least=3000)
    for name, spent in _processor(bench.owners).items():
        bench.report.add(f"null model: processor time, {name}", [1e6 * (spent - before[name]) / made], "µs each")
    await _check(bench, asked)
    await asked.client.close()


async def _check(bench: Bench, asked: Asked) -> None:
    """A certificate's check, with its group known, against one signature's."""
    answer = asked.answers[0]
    certificate = issue(answer.evidence, answer.models)
    trust = Trust(groups=frozenset({asked.epoch.configuration.digest}))
    key, digest = PrivateKey.generate(), sha256(b"")
    signature = key.sign(Tag.GROUP, digest)
    ratios = []
    for _ in range(bench.repeats):
        whole = _timed(lambda: check(certificate, trust).require(pinned=True))
        ratios.append(whole / _timed(lambda: key.public.verify(Tag.GROUP, digest, signature)))
    bench.report.add("certificate's check ÷ an Ed25519 verification", ratios, "", most=8)


async def one_ms(bench: Bench) -> None:
    """A model of 1 ms: what agreement takes away; with a member gone; with a change a second."""
    layers = costs.layers_for(1)
    asked = await bench.group("one-ms", costs.model(layers), costs.INTERFACE, costs.row())
    await throughput(bench, "1 ms model", asked, 32, 0.85)
    await changing(bench, asked, layers)
    await crashed(bench, asked)
    await asked.client.close()


async def sealed(bench: Bench) -> None:
    """Two groups of the same members and models, one of which orders what members say before it is shown."""
    content, row = costs.model(costs.layers_for(1)), costs.row()
    plain = await bench.group("plain", content, costs.INTERFACE, row)
    copy_resistant = await bench.group("sealed", content, costs.INTERFACE, row, copy_resistant=True)
    for each in (plain, copy_resistant):
        await rate(each.certified, 32, WARM_UP)
    ratios = []
    for _ in range(bench.repeats):
        without = await rate(plain.certified, 32, bench.seconds)
        ratios.append(await rate(copy_resistant.certified, 32, bench.seconds) / without)
    bench.report.add("1 ms model: copy-resistant ÷ plain", ratios, "", least=0.85)
    await asyncio.gather(plain.client.close(), copy_resistant.client.close())


async def changing(bench: Bench, asked: Asked, layers: int) -> None:
    """A member changes its model every second, between two whose answers differ."""
    other = await bench.owners.serve(costs.model(layers, shift=1), costs.INTERFACE)
    models = (other, asked.reference)
    shifts = {other.commitment: 1, asked.reference.commitment: 0}
    ratios, wrong, changes = [], 0, 0

    async def change() -> None:
        nonlocal changes
        while True:
            peer, commitment = bench.owners.peers[3], models[changes % 2].commitment
            group = asked.epoch.configuration.digest
            await peer.request(Adopt(0, group, commitment), in_seconds(PATIENCE))
            changes += 1
            await asyncio.sleep(UPDATES)

    async def watched(batch: int) -> None:
        nonlocal wrong
        await asked.certified(batch)
        wrong += sum(_misnamed(answer, shifts) for answer in asked.answers)

    for _ in range(bench.repeats):
        without = await rate(watched, 32, bench.seconds)
        changer = asyncio.create_task(change())
        ratios.append(await rate(watched, 32, bench.seconds) / without)
        changer.cancel()
        await asyncio.gather(changer, return_exceptions=True)
    bench.report.add("1 ms model: a change of model a second ÷ none", ratios, "", least=0.95)
    bench.report.add("1 ms model: certificates that name the wrong model", [float(wrong)], "", most=0)


def _misnamed(answer: Answer, shifts: dict[bytes, int]) -> bool:
    votes = [said for said in answer.evidence.ended.said if isinstance(said, Answered)]
    return any(said.votes != (shifts[said.model],) for said in votes)


async def crashed(bench: Bench, asked: Asked) -> None:
    """One backup of four is gone."""
    healthy = [await rate(asked.certified, 32, bench.seconds) for _ in range(bench.repeats)]
    for process in bench.owners.processes("assay-node", [3]):
        process.kill()
        process.wait()
    with Home(bench.owners.owners[3].home).locked():  # its folder is in use, hence it does not come back
        await rate(asked.certified, 32, WARM_UP)
        gone = [await rate(asked.certified, 32, bench.seconds) for _ in range(bench.repeats)]
    ratios = [a / b for a, b in zip(gone, healthy, strict=True)]
    bench.report.add("1 ms model: one backup killed ÷ healthy", ratios, "", least=0.9)


async def ten_ms(bench: Bench) -> None:
    """A model of 10 ms, asked row by row at half of what the Tritons can do: how long an answer takes."""
    asked = await bench.group("ten-ms", costs.model(costs.layers_for(10)), costs.INTERFACE, costs.row())
    await rate(asked.fanned_out, 1, WARM_UP)
    pace = await rate(asked.fanned_out, 1, bench.seconds) / 2
    ratios: dict[float, list[float]] = {0.5: [], 0.99: []}
    times: dict[str, dict[float, list[float]]] = {arm: {0.5: [], 0.99: []} for arm in ("certified", "fan-out")}
    for _ in range(bench.repeats):
        runs = {
            "certified": await open_loop(asked.certified, pace, 2 * bench.seconds),
            "fan-out": await open_loop(asked.fanned_out, pace, 2 * bench.seconds),
        }
        for share, samples in ratios.items():
            for arm, run in runs.items():
                times[arm][share].append(1000 * quantile(run.latencies, share))
            samples.append(times["certified"][share][-1] / times["fan-out"][share][-1])
    for arm, shares in times.items():
        for share, samples in shares.items():
            bench.report.add(f"10 ms model, half load: {arm} p{100 * share:.0f}", samples, "ms")
    for share, most in ((0.5, 1.3), (0.99, 2.0)):
        name = f"10 ms model, half load: certified ÷ fan-out, p{100 * share:.0f}"
        bench.report.add(name, ratios[share], "", most=most)
    await asked.client.close()


async def open_loop(arm: Arm, pace: float, seconds: float) -> Measured:
    """Requests of one row at a steady pace, whatever becomes of those before."""
    latencies: list[float] = []

    async def one() -> None:
        begun = time.perf_counter()
        await arm(1)
        latencies.append(time.perf_counter() - begun)

    tasks, begun = [], time.perf_counter()
    for i in range(max(1, int(pace * seconds))):
        await asyncio.sleep(max(0.0, begun + i / pace - time.perf_counter()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    return Measured(seconds, latencies)


async def large(bench: Bench) -> None:
    """A network of MobileNetV2's size."""
    labels = tuple(str(i) for i in range(1000))
    interface = Interface("classification", MOBILENET.inputs, MOBILENET.outputs, labels, MOBILENET.preprocessing)
    row = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE), np.uint8)
    asked = await bench.group("mobilenet", mobilenet(), interface, row)
    await throughput(bench, "MobileNetV2-sized, 224 px", asked, 8, 0.97)
    await asked.client.close()


def _processor(every: Owners) -> dict[str, float]:
    """Seconds of processor time so far."""
    spent = {"all nodes": "assay-node", "all Tritons": "triton"}
    found = {
        name: sum(sum(process.cpu_times()[:2]) for process in every.processes(part))
        for name, part in spent.items()
    }
    return found | {"the client": time.process_time()}


def _timed(call: Callable[[], object], times: int = 200) -> float:
    """Seconds of one call; the best of three rounds."""
    rounds = []
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - begun) / times)
    return min(rounds)


PARTS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "null": null,
    "10ms": ten_ms,
    "mobilenet": large,
    "sealed": sealed,
    "leader": leader,
    "1ms": one_ms,  # last: it kills a member
}
REST = "rest"


async def measure(report: Report, every: Owners, parts: Sequence[str], repeats: int, seconds: float) -> None:
    every.connect()
    channels = [aio.insecure_channel(address) for address in every.tritons]
    bench = Bench(report, every, repeats, seconds, channels)
    try:
        for part in parts:
            await PARTS[part](bench)
    finally:
        for channel in channels:
            await channel.close()
        await every.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description="Measure agreement.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each repeat")
    parser.add_argument("--only", choices=(*PARTS, REST), action="append", help="only this part")
    given = parser.parse_args()
    report = Report("agreement")
    wanted = given.only or (*PARTS, REST)
    try:
        if parts := [part for part in PARTS if part in wanted]:
            with owners() as every:
                uvloop.run(measure(report, every, parts, given.repeats, given.seconds))
        if REST in wanted:
            group_shop.measure(report, given.repeats, given.seconds)
    finally:
        report.finish()  # what was measured is kept, whatever stopped it


if __name__ == "__main__":
    main()
