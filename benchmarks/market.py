"""A marketplace of its own for a benchmark, on real parts in var/bench: owners with a node and a Triton each."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from assay.model import ModelReference
from benchmarks.figures import FOLDER
from benchmarks.networks.mobilenet import MOBILENET, mobilenet
from demo import entries, train
from demo.entries import Entry
from demo.groups import Member, Plan, gathered
from demo.market import Market
from demo.seed import Owner
from inference.repository import name_of
from stack import services
from stack.ports import free_ports
from stack.process import Service
from stack.testing import running
from stack.tree import ROOT, Tree

OWNER = "asha"
LABELS = tuple(f"class {i}" for i in range(1000))  # of the large network


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
    groups: dict[str, bytes]  # genesis digests, likewise
    nodes: dict[str, str]  # where they are now, host:port, by owner

    def triton_name(self, slug: str) -> str:
        return name_of(self.models[slug])

    def memory(self) -> dict[str, float]:
        """MiB of each service with its children, by name: proportional set size."""
        return _by_service(lambda process: process.memory_full_info().pss / 2**20)

    def processor(self) -> dict[str, float]:
        """Seconds of processor time that each service with its children has taken so far, by name."""
        return _by_service(lambda process: sum(process.cpu_times()[:2]))


@contextmanager
def market(owners: Sequence[str] = (OWNER,), name: str = "shop") -> Iterator[Bench]:
    """Up and seeded inside the block; gone after it, but for its database, which is used again.

    Several owners have the same models, and a group for each of them.
    """
    tree = Tree(FOLDER / name)
    web, redis, *ports = free_ports(2 + 2 * len(owners))
    stores, database, broker = services.stores(tree, redis)
    place = BenchMarket(tree, web, database, broker)
    every = [
        services.Owner(
            slug, tree.folder("nodes", slug, mode=0o700), port=ports[2 * i], triton_port=ports[2 * i + 1]
        )
        for i, slug in enumerate(owners)
    ]
    everything: list[Service] = [*stores, *place.services()]
    with running([*everything, *(each for owner in every for each in owner.services(place))], tree):
        labels = LABELS if len(owners) > 1 else ()  # a group votes for something
        models = [each for slug in owners for each in _models(slug, tree.folder("models"), labels=labels)]
        buyer, groups = _seed(place, tree, owners, models)
        references = {
            each.slug: ModelReference(digest=bytes.fromhex(each.digest), interface=each.interface)
            for each in models
        }
        nodes = {slug: f"127.0.0.1:{each.port}" for slug, each in zip(owners, every, strict=True)}
        yield Bench(place, f"127.0.0.1:{every[0].triton_port}", buyer, references, groups, nodes)


def _models(owner: str, folder: Path, *, labels: tuple[str, ...]) -> Iterator[Entry]:
    """The demo's digits model of this owner, and a large one with seeded weights and these labels."""
    if not entries.is_current():
        train.train()
    yield next(each for each in entries.entries() if (each.owner, each.slug) == (owner, "digits"))
    content, interface = mobilenet(), msgspec.structs.replace(MOBILENET, labels=labels)
    (folder / "mobilenet.onnx").write_bytes(content)
    yield Entry(
        owner=owner,
        slug="mobilenet",
        title="MobileNetV2-sized",
        summary="Seeded weights: for measuring, not for use",
        card="",
        licence="CC0-1.0",
        model=str(folder / "mobilenet.onnx"),
        digest=hashlib.sha256(content).hexdigest(),
        dataset="",
        labelled="",
        interface=interface,
        metrics={},
    )


def _seed(
    place: BenchMarket, tree: Tree, owners: Sequence[str], models: list[Entry]
) -> tuple[str, dict[str, bytes]]:
    """Has the owners offer the models, alone and together; the buyer's API key, and each group's genesis."""
    command = [sys.executable, "manage.py", "create_demo_users"]
    made = subprocess.run(command, cwd=ROOT, env=place.environment, check=True, stdout=subprocess.PIPE)
    users = {user["email"].partition("@")[0]: user for user in json.loads(made.stdout)}
    members = {}
    for slug in owners:
        shop, home = Market(place.url, users[slug]["api_key"]), tree.folder("nodes", slug)
        Unmeasured(shop, slug, home, entries.FOLDER).offer([each for each in models if each.owner == slug])
        members[slug] = Member(slug, shop, home)
    groups = {}
    for slug in {each.slug for each in models} if len(owners) > 1 else ():
        if standing := gathered(Plan(slug, owners[0], slug, slug, "plurality"), members):
            groups[slug] = standing.genesis
    for member in members.values():
        member.market.close()
    return str(users["bela"]["api_key"]), groups


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
