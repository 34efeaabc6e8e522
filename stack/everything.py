"""A whole marketplace with its demo: which services there are, on which ports. For `make up` and for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demo.entries import OWNERS
from stack import ports, services
from stack.process import Service
from stack.services import Marketplace, Owner
from stack.tree import Tree


@dataclass(frozen=True)
class Site:
    """Everything to run. `users` is the file with the demo's people, once the services are ready."""

    market: Marketplace
    services: list[Service]
    users: Path

    @classmethod
    def plan(cls, tree: Tree, port: int) -> Site:
        """The site of `tree`, served on `port`; the other ports are chosen, or remembered from the time before."""
        names = ["redis", *(f"{kind}-{owner}" for owner in OWNERS for kind in ("triton", "node"))]
        chosen = ports.remembered(tree.folder("run") / "ports.json", names, taken=frozenset({port}))
        stores, database, broker = services.stores(tree, chosen["redis"])
        market = Marketplace(tree, port, database, broker)
        owners = [
            Owner(
                slug,
                tree.folder("nodes", slug, mode=0o700),
                port=chosen[f"node-{slug}"],
                triton_port=chosen[f"triton-{slug}"],
            )
            for slug in OWNERS
        ]
        running = [*stores, *market.services(), *(each for owner in owners for each in owner.services(market))]
        users = tree.var / "secrets" / "demo.json"  # where `create_demo_users` keeps them
        return cls(market, [*running, *_demo(market, users, [service.name for service in running])], users)


def _demo(market: Marketplace, users: Path, running: list[str]) -> list[Service]:
    """People and trained models; then, once everything is `running`, what the owners do with them."""
    nodes = market.tree.var / "nodes"
    seed = ("-m", "demo.seed", "--url", market.url, "--users", str(users), "--nodes", str(nodes))
    return [
        market.step("demo-models", "-m", "demo.train"),
        market.quiet_step("demo-users", "manage.py", "create_demo_users", depends_on=("privileges",)),
        market.step("demo", *seed, depends_on=("demo-models", "demo-users", *running)),
    ]
