"""Fills the marketplace as its owners would, through the public REST API and nothing else.

    python -m demo.seed --url URL --users FILE --nodes DIR [--models DIR]

FILE is what `manage.py create_demo_users` prints, DIR holds the owners' nodes, one folder each. Every owner
registers the node, uploads each model, deploys it, has it measured on held-out data, publishes it, and says what
it costs (demo/prices.py); then they gather in groups (demo/groups.py); then a buyer asks models and groups in
every mode they offer, and checks the certificates. What is already so is left alone: interrupted anywhere and run
again, it goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from assay import joining
from assay.client import Client
from assay.errors import AssayError, PaymentRequired
from assay.keys import PrivateKey
from assay.verify import Trust
from demo import entries, groups, prices
from demo.entries import Entry
from demo.market import Market, RefusedError, say, until

QUESTIONS = 3  # to a model that nobody has asked yet
AGAIN = 3  # times that a deployment which failed is asked for anew


class User(msgspec.Struct, frozen=True):
    """One of FILE's people."""

    role: str
    name: str
    email: str
    password: str
    api_key: str
    organisation: str


class Owner:
    """One owner at work: a node, and what is to be offered from it."""

    def __init__(self, market: Market, slug: str, home: Path, folder: Path) -> None:
        self._market = market
        self._slug = slug
        self._home = home
        self._folder = folder

    def offer(self, models: Sequence[Entry]) -> None:
        node = self._node()
        for entry in models:
            self._model(entry)
            path = self._version(entry)
            self._deploy(entry, path, node)
            self._measure(entry, path)
            self._publish(entry, path)

    def _node(self) -> int:
        """The node's id, registered at its present address."""
        self._hand_in_rotations()
        key = PrivateKey.load(self._home / "key")
        address = until(lambda: _text(self._home / "address"), f"the address of {self._slug}'s node")
        node = self._market.post(
            "/nodes",
            {
                "name": f"{self._slug}-1",
                "key": str(key.public),
                "address": address,
                "proof": joining.prove(key, self._slug),
            },
        )
        self._say("node", f"{key.public} at {address}")
        return int(node["id"])

    def _hand_in_rotations(self) -> None:
        """Tells of keys that were replaced, in order; what was told before, or is of no node yet, is refused."""
        kept = [json.loads(path.read_bytes()) for path in (self._home / "retired").glob("*.rotation.json")]
        for statement in sorted(kept, key=itemgetter("time")):
            with contextlib.suppress(RefusedError):
                self._market.post("/nodes/rotations", statement)

    def _model(self, entry: Entry) -> None:
        words = {"title": entry.title, "summary": entry.summary, "card": entry.card, "licence": entry.licence}
        known = self._market.find(f"/models/{self._slug}/{entry.slug}")
        if known is None:
            self._market.post("/models", {"name": entry.slug, "task": entry.interface.task, **words})
        elif any(known[name] != word.strip() for name, word in words.items()):
            self._market.patch(f"/models/{self._slug}/{entry.slug}", words)

    def _version(self, entry: Entry) -> str:
        """The address of a version with the entry's file that passed its check; made and uploaded if need be."""
        versions = f"/models/{self._slug}/{entry.slug}/versions"
        wanted = msgspec.json.decode(msgspec.json.encode(entry.interface))
        file = self._folder / entry.model
        number = None
        for each in self._market.every(versions):
            same = each["sha256"] == entry.digest and each["interface"] == wanted
            if same and each["state"] in ("ready", "published"):
                return f"{versions}/{each['number']}"
            if each["state"] in ("uploading", "validating") and each["size"] == file.stat().st_size:
                number = each["number"]
        if number is None:
            announced = {"weights": "delivered", "size": file.stat().st_size, "sha256": entry.digest}
            number = self._market.post(versions, {**announced, "interface": wanted})["number"]
        path = f"{versions}/{number}"
        self._market.upload(
            path, file, lambda sent, size: self._say(entry.slug, f"uploaded {sent} of {size} bytes")
        )
        until(lambda: self._checked(path), f"the check of {entry.model}")
        self._say(entry.slug, "passed its check")
        return path

    def _checked(self, path: str) -> bool | None:
        version = self._market.get(path)
        if version["state"] == "rejected":
            raise SystemExit(f"{path} was rejected: {version['own']['report']['findings']}")
        return version["state"] in ("ready", "published") or None

    def _deploy(self, entry: Entry, path: str, node: int) -> None:
        """Until it serves; one that failed (its node was restarted meanwhile, say) is asked for again."""
        deployment = self._market.post(f"{path}/deployments", {"node": node})
        failures: list[str] = []

        def serving() -> bool | None:
            seen = self._market.get(f"/deployments/{deployment['id']}")
            if seen["state"] == "failed":
                failures.append(seen["detail"])
                if len(failures) > AGAIN:
                    raise SystemExit(f"{path} could not be deployed: {'; '.join(failures)}")
                self._market.post(f"{path}/deployments", {"node": node})
            ready = seen["state"] == "serving" and self._market.get(f"/nodes/{node}")["serving"]
            return ready or None

        until(serving, f"{entry.slug} on {self._slug}'s node")
        self._say(entry.slug, "serving")

    def _measure(self, entry: Entry, path: str) -> None:
        def figures() -> list[dict[str, Any]]:
            metrics = self._market.get(path)["metrics"]
            return [metric for metric in metrics if metric["dataset"] == entry.dataset]

        if not figures():
            under_way = any(each["state"] in ("waiting", "running") for each in self._evaluations(path))
            if not under_way:
                content = (self._folder / entry.labelled).read_bytes()
                self._market.post(f"{path}/evaluations", content, dataset=entry.dataset, shown="10")

            def measured() -> bool | None:
                newest = self._evaluations(path)[0]
                if newest["state"] == "failed":
                    raise SystemExit(f"{path} could not be measured: {newest['detail']}")
                return newest["state"] == "measured" or None

            until(measured, f"measuring {entry.slug}")
        self._say(entry.slug, ", ".join(f"{metric['name']} {metric['value']:.4g}" for metric in figures()))

    def _evaluations(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._market.get(f"{path}/evaluations")
        return found

    def _publish(self, entry: Entry, path: str) -> None:
        model = self._market.get(f"/models/{self._slug}/{entry.slug}")
        published = model["visibility"] == "public" and path.endswith(f"/{model['version']['number']}")
        if not published:
            self._market.post(f"{path}/publish")
            self._say(entry.slug, "published")

    def _say(self, about: str, text: str) -> None:
        say(self._slug, about, text)


def first_predictions(url: str, buyer: User, every: Sequence[Entry]) -> None:
    """Asks in every mode offered, one row at a time; the client checks the certificates.

    The first model a question each time; each of them a few once, so that its card tells how long that takes.
    """
    with Client(url, buyer.api_key) as client:
        for i, entry in enumerate(every):
            name = f"{entry.owner}/{entry.slug}"
            model = client.model(name)
            trust = Trust.of(providers=[provider["key"] for provider in model["providers"]])
            told = {latency["mode"] for latency in model["latency"]}
            for mode in (each["name"] for each in model["modes"]):
                for example in model["examples"][: (i == 0) if mode in told else QUESTIONS]:
                    answer = client.predict(name, inputs=example["inputs"], verify=mode, trust=trust)
                    answer.report.require(pinned=True)
                    said = f"{name} says {answer.answers[0].text} (labelled {example['title']})"
                    say("buyer", mode, f"{said}, certificate verified")


def seed(url: str, users: list[User], nodes: Path, folder: Path) -> None:
    """All owners at the same time, then all groups, then the buyer."""
    every = entries.entries(folder)
    if not every:
        raise SystemExit(f"no models in {folder}; `python -m demo.train` makes them")
    with ExitStack() as stack, ThreadPoolExecutor(len(entries.OWNERS)) as threads:
        members = {}
        for slug in entries.OWNERS:
            owner = next(user for user in users if user.role == "owner" and user.organisation == slug)
            market = stack.enter_context(Market(url, owner.api_key))
            members[slug] = groups.Member(slug, market, nodes / slug)

        def offer(member: groups.Member) -> None:
            mine = [entry for entry in every if entry.owner == member.slug]
            Owner(member.market, member.slug, member.home, folder).offer(mine)
            for entry in mine:
                prices.of_model(member.market, member.slug, entry.slug)

        list(threads.map(offer, members.values()))
        plans = _plans(every)
        for plan in reversed(plans):
            groups.founded(plan, members)
        standing = list(threads.map(lambda plan: groups.gathered(plan, members), plans))
        for serving in filter(None, standing):
            for each in members.values():
                prices.of_vote(each.market, each.slug, serving.slug)
    ask(url, next(user for user in users if user.role == "buyer"), every, [each for each in standing if each])


def ask(url: str, buyer: User, every: Sequence[Entry], standing: Sequence[groups.Standing]) -> None:
    """Models, then groups. Whoever uses the demo may have spent the buyer's credit, or set a cap: that stands."""
    try:
        first_predictions(url, buyer, every)
        with Client(url, buyer.api_key) as client:
            for group in standing:
                groups.ask(client, group)
    except PaymentRequired as refusal:
        say("buyer", "asks no more", refusal.detail)


def _plans(every: Sequence[Entry]) -> list[groups.Plan]:
    """The groups for which every owner has a model."""
    offered = {(entry.owner, entry.slug) for entry in every}
    return [plan for plan in groups.PLANS if all((owner, plan.slug) in offered for owner in entries.OWNERS)]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m demo.seed", description="Fill a marketplace as its owners would."
    )
    parser.add_argument("--url", required=True, help="address of the marketplace")
    parser.add_argument("--users", required=True, type=Path, help="what `manage.py create_demo_users` printed")
    parser.add_argument("--nodes", required=True, type=Path, help="the owners' nodes, one folder each")
    parser.add_argument("--models", default=entries.FOLDER, type=Path, help="what demo.train made")
    given = parser.parse_args()
    users = msgspec.json.decode(given.users.read_bytes(), type=list[User])
    try:
        seed(given.url.rstrip("/"), users, given.nodes, given.models)
    except (RefusedError, AssayError, TimeoutError, OSError) as error:
        sys.exit(f"seeding stopped: {error}")


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip() or None
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    main()
