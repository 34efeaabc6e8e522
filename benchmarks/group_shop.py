"""Groups asked through the marketplace: REST, PostgreSQL, the dispatch worker, the group, and all the way back.

Measured in turns with the protocol alone: the same nodes asked by a client of the group, without a marketplace.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.agreement.group import Epoch
from assay.certificate import AgreementCertificate
from assay.client import Client
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.preprocessing import PNG, from_payload
from assay.tensor import Tensor
from assay.verify import Trust
from benchmarks.figures import Report, quantile
from benchmarks.group import NAMES
from benchmarks.load import Call, Connection, Measured, closed_loop, request
from benchmarks.market import Bench, market
from benchmarks.shop import WARM_UP, picture
from consensus.client import GroupClient
from consensus.messages import Payload
from wire.deadline import in_seconds

CLIENTS = 64
MANY = 1000  # rows of one prediction
AT_ONCE = 4  # predictions of so many rows
PATIENCE = 60.0  # seconds for an answer
LONGER = 4  # times, for a model so large that each client is answered only a few times in that


@dataclass(frozen=True)
class Asked:
    """A group, and a question to it in both forms."""

    slug: str
    body: bytes
    inputs: tuple[Tensor, ...]
    epochs: tuple[Epoch, ...]


def measure(report: Report, repeats: int, seconds: float) -> None:
    with market(NAMES, "groups") as bench:
        digits, large = asked(bench, "digits", 28), asked(bench, "mobilenet", 224)
        against_protocol(report, bench, digits, repeats, seconds, goals=(150, None))
        many_rows(report, bench, repeats, seconds)
        against_protocol(report, bench, large, repeats, LONGER * seconds, goals=(None, 0.9))
        processor(report, bench, digits, seconds)


def against_protocol(
    report: Report,
    bench: Bench,
    question: Asked,
    repeats: int,
    seconds: float,
    *,
    goals: tuple[float | None, float | None],
) -> None:
    by_rest, alone = asyncio.run(_in_turns(bench, question, repeats, seconds))
    what = f"{question.slug} through REST, {CLIENTS} clients"
    rates = [run.rate for run in by_rest]
    report.add(f"{what}: certified", rates, "predictions/s", least=goals[0])
    report.add(f"{what}: protocol alone", [run.rate for run in alone], "certificates/s")
    ratios = [a.rate / b.rate for a, b in zip(by_rest, alone, strict=True)]
    report.add(f"{what}: REST ÷ protocol alone", ratios, "", least=goals[1])
    for share in (0.5, 0.95):
        samples = [1000 * quantile(run.latencies, share) for run in by_rest]
        report.add(f"{what}: p{100 * share:.0f}", samples, "ms")


def many_rows(report: Report, bench: Bench, repeats: int, seconds: float) -> None:
    """Predictions of a thousand rows each."""
    pixels = np.random.default_rng(1).integers(0, 17, (MANY, 64))
    tensor = {"name": "image", "datatype": "FP32", "shape": [MANY, 64], "data": pixels.ravel().tolist()}
    body = _body("digits", [tensor])
    asyncio.run(_rest(bench, body, AT_ONCE, WARM_UP))
    runs = [asyncio.run(_rest(bench, body, AT_ONCE, seconds)) for _ in range(repeats)]
    samples = [MANY * run.rate for run in runs]
    report.add(f"digits through REST, {MANY} rows a prediction: certified", samples, "rows/s", least=2000)


def processor(report: Report, bench: Bench, question: Asked, seconds: float) -> None:
    """Where the machine's time goes."""
    before = bench.processor()
    made = len(asyncio.run(_rest(bench, question.body, CLIENTS, 2 * seconds)).latencies)
    spent = {name: 1000 * (after - before.get(name, 0.0)) / made for name, after in bench.processor().items()}
    for name, each in sorted(spent.items(), key=lambda item: -item[1]):
        report.add(f"processor time a prediction, {question.slug} through REST: {name}", [each], "ms")


def asked(bench: Bench, slug: str, side: int) -> Asked:
    """A picture for the group, and the group's epochs as its first certificate shows them."""
    interface = bench.models[slug].interface
    content = {"content_type": PNG, "content": base64.b64encode(picture(side)).decode()}
    inputs: list[dict[str, Any]] = [{"name": interface.inputs[0].name, **content}]
    trust = Trust(groups=frozenset({bench.groups[slug]}))
    with Client(bench.market.url, bench.key) as client:
        certificate = client.predict(group=slug, inputs=inputs, trust=trust).certificate
    assert isinstance(certificate, AgreementCertificate), "a group answers in mode agreement"
    return Asked(slug, _body(slug, inputs), from_payload(interface, inputs), certificate.evidence.epochs)


# --- the two ways to ask ----------------------------------------------------------------------------------


async def _in_turns(
    bench: Bench, question: Asked, repeats: int, seconds: float
) -> tuple[list[Measured], list[Measured]]:
    by_rest, alone = [], []
    await _rest(bench, question.body, CLIENTS, WARM_UP)
    await _alone(bench, question, WARM_UP)
    for _ in range(repeats):
        by_rest.append(await _rest(bench, question.body, CLIENTS, seconds))
        alone.append(await _alone(bench, question, seconds))
    return by_rest, alone


async def _rest(bench: Bench, body: bytes, clients: int, seconds: float) -> Measured:
    headers = {
        "Host": f"127.0.0.1:{bench.market.port}",
        "Authorization": f"Bearer {bench.key}",
        "Content-Type": "application/json",
        "Prefer": f"wait={PATIENCE:.0f}",
    }
    asking = request("POST", "/api/v1/predictions", headers, body)
    connections = [await Connection.open("127.0.0.1", bench.market.port) for _ in range(clients)]

    def call_over(connection: Connection) -> Call:
        async def call() -> None:
            status, answer = await connection.ask(asking)
            if status != 201 or not (b'"status":"certified"' in answer or b'"status":"contested"' in answer):
                raise RuntimeError(f"{status} {answer[:500]!r}")

        return call

    try:
        return await closed_loop([call_over(connection) for connection in connections], seconds)
    finally:
        for connection in connections:
            await connection.close()


async def _alone(bench: Bench, question: Asked, seconds: float) -> Measured:
    identity = PrivateKey.load(bench.market.tree.key("dispatch"))
    members = question.epochs[-1].configuration.members
    now = {member.address: bench.nodes[member.owner] for member in members}  # not where they were when it began

    async def resolve(address: str) -> str:
        return now[address]

    client = GroupClient(question.epochs, identity, resolve=resolve)

    async def call() -> None:
        payload = Payload(bytes(32), question.inputs)
        await client.ask(uuid7().bytes, payload, rows=1, deadline=in_seconds(PATIENCE))

    try:
        await call()
        return await closed_loop([call] * CLIENTS, seconds)
    finally:
        await client.close()


def _body(slug: str, inputs: list[dict[str, Any]]) -> bytes:
    return json.dumps({"group": slug, "inputs": inputs, "verification": {"mode": "agreement"}}).encode()
