"""A marketplace of its own for a benchmark, on real parts in var/bench: one owner with a node and a Triton."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from assay.model import ModelReference
from benchmarks.figures import FOLDER
from benchmarks.mobilenet import MOBILENET, mobilenet
from demo import entries, train
from demo.entries import Entry
from demo.market import Market
from demo.seed import Owner
from inference.repository import name_of
from stack import services
from stack.ports import free_ports
from stack.process import Service
from stack.testing import running
from stack.tree import ROOT, Tree

OWNER = "asha"


@dataclass(frozen=True)
class BenchMarket(services.Marketplace):
    """Without a limit of requests per minute."""

    @property
    def settings(self) -> dict[str, str]:
        return {**super().settings, "ASSAY_RATE_LIMIT": "10000000"}


@dataclass(frozen=True)
class Bench:
    """What runs, and what a client needs to know."""

    market: BenchMarket
    triton: str  # host:port
    key: str  # the buyer's
    models: dict[str, ModelReference]  # by slug

    def triton_name(self, slug: str) -> str:
        return name_of(self.models[slug])

    def memory(self) -> dict[str, float]:
        """MiB of each service with its children, by name: proportional set size."""
        return _by_service(lambda process: process.memory_full_info().pss / 2**20)

    def processor(self) -> dict[str, float]:
        """Seconds of processor time that each service with its children has taken so far, by name."""
        return _by_service(lambda process: sum(process.cpu_times()[:2]))


@contextmanager
def market() -> Iterator[Bench]:
    """Up and seeded inside the block; gone after it, but for its database, which is used again."""
    tree = Tree(FOLDER / "shop")
    web, redis, node, triton = free_ports(4)
    stores, database, broker = services.stores(tree, redis)
    place = BenchMarket(tree, web, database, broker)
    owner = services.Owner(OWNER, tree.folder("nodes", OWNER, mode=0o700), port=node, triton_port=triton)
    everything: list[Service] = [*stores, *place.services(), *owner.services(place)]
    with running(everything, tree):
        models = list(_models(tree.folder("models")))
        buyer = _seed(place, tree, models)
        references = {
            each.slug: ModelReference(digest=bytes.fromhex(each.digest), interface=each.interface)
            for each in models
        }
        yield Bench(place, f"127.0.0.1:{triton}", buyer, references)


def _models(folder: Path) -> Iterator[Entry]:
    """The demo's digits model, and a large one with seeded weights."""
    if not entries.is_current():
        train.train()
    yield next(each for each in entries.entries() if (each.owner, each.slug) == (OWNER, "digits"))
    content = mobilenet()
    (folder / "mobilenet.onnx").write_bytes(content)
    yield Entry(
        owner=OWNER,
        slug="mobilenet",
        title="MobileNetV2-sized",
        summary="Seeded weights: for measuring, not for use",
        card="",
        licence="CC0-1.0",
        model=str(folder / "mobilenet.onnx"),
        digest=hashlib.sha256(content).hexdigest(),
        dataset="",
        labelled="",
        interface=MOBILENET,
        metrics={},
    )


def _seed(place: BenchMarket, tree: Tree, models: list[Entry]) -> str:
    """Has the owner offer the models; the buyer's API key."""
    command = [sys.executable, "manage.py", "create_demo_users"]
    made = subprocess.run(command, cwd=ROOT, env=place.environment, check=True, stdout=subprocess.PIPE)
    users = {user["email"].partition("@")[0]: user for user in json.loads(made.stdout)}
    with Market(place.url, users[OWNER]["api_key"]) as shop:
        seller = Unmeasured(shop, OWNER, tree.folder("nodes", OWNER), entries.FOLDER)
        seller.offer(models)
    return str(users["bela"]["api_key"])


class Unmeasured(Owner):
    """Offers models without having their accuracy measured."""

    def _measure(self, entry: Entry, path: str) -> None:
        return


def _by_service(figure: Callable[[psutil.Process], float]) -> dict[str, float]:
    groups: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            value, name = figure(process), _service_of(process)
        except psutil.Error:
            continue
        groups[name] = groups.get(name, 0.0) + value
    return groups


def _service_of(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    for mark, name in (
        ("tritonserver", "triton"),
        ("triton_python_backend_stub", "triton"),
        ("assay-node", "node"),
        ("uvicorn", "web"),
        ("--queues dispatch", "worker dispatch"),
        ("--queues outbox", "worker outbox"),
        (" beat", "beat"),
        ("postgres", "postgres"),
        ("redis", "redis"),
    ):
        if mark in line:
            return name
    return "other"
