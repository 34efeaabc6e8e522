"""`make bench-shop`: what the marketplace costs between a buyer and a model, against asking the model's Triton.

Everything, clients included, shares this machine. REST and Triton are measured in turns, so that what else the
machine does falls on both alike. Targets stand where the figures are reported, below.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from grpc import aio
from PIL import Image
from tritonclient.grpc import service_pb2_grpc

from assay.preprocessing import from_payload
from benchmarks import browser
from benchmarks.catalogue import MODELS
from benchmarks.figures import Report, quantile
from benchmarks.load import Call, Connection, Measured, closed_loop, request
from benchmarks.market import Bench, market
from inference.triton import infer_request
from stack.tree import ROOT

CLIENTS = (1, 16, 64)
NOTABLE = 0.1  # ms of processor time, from which on a service is listed
VIEWS = 100  # of a page, for each repeat
PAGES = ["/", "/models/asha/digits"]  # looked at in a browser
WARM_UP = 2.0  # seconds before what is measured, for each arm and model
SEED = 7


@dataclass(frozen=True)
class Question:
    """The same question as both are asked it: as a buyer sends it, and as the node would hand it to Triton."""

    slug: str
    rest: bytes
    triton: object


@dataclass
class Arm:
    """One way to ask, and what its repeats gave."""

    name: str
    rounds: list[Measured] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        return [each.rate for each in self.rounds]

    def latency(self, share: float) -> list[float]:
        """Milliseconds, for each repeat."""
        return [quantile(each.latencies, share) * 1000 for each in self.rounds]


def picture(side: int) -> bytes:
    """A PNG with soft shapes, as photographs have them."""
    coarse = np.random.default_rng(SEED).integers(0, 256, (8, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def question(bench: Bench, slug: str, side: int) -> Question:
    inputs = [
        {
            "name": "image",
            "content_type": "image/png",
            "content": base64.b64encode(picture(side)).decode(),
        }
    ]
    reference = bench.models[slug]
    inputs[0]["name"] = reference.interface.inputs[0].name
    body = {"model": f"asha/{slug}", "inputs": inputs, "verification": {"mode": "direct"}}
    headers = {
        "Host": f"127.0.0.1:{bench.market.port}",
        "Authorization": f"Bearer {bench.key}",
        "Content-Type": "application/json",
        "Prefer": "wait=30",
    }
    tensors = from_payload(reference.interface, inputs)
    return Question(
        slug,
        request("POST", "/api/v1/predictions", headers, json.dumps(body).encode()),
        infer_request(bench.triton_name(slug), tensors, reference.interface.outputs),
    )


# --- the two ways to ask ----------------------------------------------------------------------------------


def through_rest(connection: Connection, asked: Question) -> Call:
    async def call() -> None:
        status, body = await connection.ask(asked.rest)
        if status != 201 or b'"status":"certified"' not in body:
            raise RuntimeError(f"{status} {body[:500]!r}")

    return call


def straight(stub: service_pb2_grpc.GRPCInferenceServiceStub, asked: Question) -> Call:
    async def call() -> None:
        await stub.ModelInfer(asked.triton)

    return call


async def rest(bench: Bench, asked: Question, clients: int, seconds: float) -> Measured:
    connections = [await Connection.open("127.0.0.1", bench.market.port) for _ in range(clients)]
    try:
        return await closed_loop([through_rest(connection, asked) for connection in connections], seconds)
    finally:
        for connection in connections:
            await connection.close()


async def triton(bench: Bench, asked: Question, clients: int, seconds: float) -> Measured:
    async with aio.insecure_channel(bench.triton) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        return await closed_loop([straight(stub, asked)] * clients, seconds)


async def compare(bench: Bench, asked: Question, clients: int, repeats: int, seconds: float) -> tuple[Arm, Arm]:
    """REST and Triton in turns, each with so many clients at once."""
    arms = Arm("REST"), Arm("Triton")
    ways = (rest, triton)
    for way in ways:
        await way(bench, asked, clients, WARM_UP)
    for _ in range(repeats):
        for arm, way in zip(arms, ways, strict=True):
            arm.rounds.append(await way(bench, asked, clients, seconds))
    return arms


# --- what is reported -------------------------------------------------------------------------------------


def predictions(report: Report, bench: Bench, repeats: int, seconds: float) -> None:
    for slug, side in (("digits", 28), ("mobilenet", 224)):
        asked = question(bench, slug, side)
        for clients in CLIENTS:
            by_rest, direct = asyncio.run(compare(bench, asked, clients, repeats, seconds))
            what = f"{slug}, {clients} client{'s' * (clients > 1)}"
            goal = 250 if (slug, clients) == ("digits", 64) else None
            report.add(f"{what}: REST", by_rest.rates, "predictions/s", least=goal)
            report.add(f"{what}: straight to Triton", direct.rates, "inferences/s")
            ratios = [a / b for a, b in zip(by_rest.rates, direct.rates, strict=True)]
            least = 0.9 if (slug, clients) == ("mobilenet", 64) else None
            report.add(f"{what}: REST ÷ Triton", ratios, "", least=least)
            for arm in (by_rest, direct):
                report.add(f"{what}: {arm.name} p50", arm.latency(0.5), "ms")
                report.add(f"{what}: {arm.name} p95", arm.latency(0.95), "ms")
        processor(report, bench, asked, seconds)


def processor(report: Report, bench: Bench, asked: Question, seconds: float) -> None:
    """Where the machine's time goes while it is kept busy through REST."""
    before = bench.processor()
    made = len(asyncio.run(rest(bench, asked, CLIENTS[-1], 2 * seconds)).latencies)
    spent = {name: 1000 * (after - before.get(name, 0.0)) / made for name, after in bench.processor().items()}
    for name, each in sorted(spent.items(), key=lambda item: -item[1]):
        if each >= NOTABLE:
            report.add(f"{name}: processor time a prediction, {asked.slug}", [each], "ms")


def catalogue(report: Report, bench: Bench, repeats: int) -> None:
    """The page with ten thousand models: its queries, and its time as one visitor after the other sees it."""
    counted = run("-m", "benchmarks.catalogue", environment=bench.market.environment)
    for path, queries in json.loads(counted).items():
        report.add(f"GET {path}, {MODELS:,} models: queries", [queries], "", most=10)
        samples = [asyncio.run(page(bench, path)) for _ in range(repeats)]
        report.add(f"GET {path}, {MODELS:,} models: p95", samples, "ms", most=100)


def pages(report: Report, bench: Bench, repeats: int) -> None:
    """The first page and a model's, as a browser gets them that has never been here."""
    for path, views in browser.visit(bench.market.url, PAGES, repeats).items():
        report.add(f"{path} in a browser: first contentful paint", [view.paint for view in views], "ms", most=1000)
        report.add(f"{path} in a browser: weight", [view.weight for view in views], "KiB", most=250)


async def page(bench: Bench, path: str) -> float:
    """Milliseconds in which 95 of 100 views of a page are answered."""
    connection = await Connection.open("127.0.0.1", bench.market.port)
    asked = request("GET", path, {"Host": f"127.0.0.1:{bench.market.port}"})

    async def call() -> None:
        status, _ = await connection.ask(asked)
        if status != 200:
            raise RuntimeError(f"{path}: {status}")

    await call()
    latencies = []
    for _ in range(VIEWS):
        sent = time.perf_counter()
        await call()
        latencies.append(time.perf_counter() - sent)
    await connection.close()
    return quantile(latencies, 0.95) * 1000


def run(*arguments: str, environment: dict[str, str]) -> bytes:
    environment = {**environment, "DJANGO_SETTINGS_MODULE": "marketplace.settings"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
    ).stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shop", description="Measure the shop.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each repeat")
    given = parser.parse_args()
    report = Report("shop")
    with market() as bench:
        predictions(report, bench, given.repeats, given.seconds)
        catalogue(report, bench, given.repeats)
        pages(report, bench, given.repeats)
        for name, used in sorted(bench.memory().items()):
            report.add(f"{name}: memory", [used], "MiB")
    report.finish()


if __name__ == "__main__":
    main()
