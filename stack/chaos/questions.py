"""What the clients of a campaign ask: rows of the demo's held-out data, of every model and every group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from assay import cbor, jsonform, oip
from assay.agreement.group import Configuration, Epoch, require_genesis
from assay.preprocessing import from_payload
from assay.tensor import Tensor
from assay.verify import Trust
from demo import entries
from demo.entries import Entry
from demo.groups import PLANS
from node.epochs import EPOCH
from node.home import Home
from stack.everything import Site

ROWS = (1, 1, 1, 2, 25)  # of the questions for one model or group
MODES = {"model": "direct", "group": "agreement"}  # in which each is asked


@dataclass(frozen=True)
class Question:
    """To a `model`, named owner/name, or to a `group`.

    `anchor` must stand behind the answer: the public key of the owner's node or the group's genesis digest, read
    from the owners' own folders.
    """

    kind: str  # model | group
    name: str
    anchor: bytes
    inputs: list[dict[str, Any]]  # as the API takes them
    tensors: tuple[Tensor, ...]

    @property
    def owner(self) -> str:
        """Of a model."""
        return self.name.partition("/")[0]

    @property
    def asked(self) -> dict[str, Any]:
        """What a request says about it."""
        return {self.kind: self.name, "inputs": self.inputs, "verification": {"mode": MODES[self.kind]}}

    @property
    def trust(self) -> Trust:
        anchors = frozenset({self.anchor})
        return Trust(providers=anchors) if self.kind == "model" else Trust(groups=anchors)

    def is_of(self, target: str) -> bool:
        """Whether a statement about `target` answers it."""
        return target.partition("@")[0] == f"{self.kind}:{self.name}"


def questions(site: Site) -> list[Question]:
    """Some for each of the demo's models and groups."""
    keys = {owner: home(site, owner).load_key().public.raw for owner in entries.OWNERS}
    every = entries.entries()
    found = [each for entry in every for each in _of(entry, f"{entry.owner}/{entry.slug}", keys[entry.owner])]
    sets = {entry.slug: entry for entry in every}
    for group in geneses(site):
        found += _of(sets[group.slug], group.slug, group.digest)
    return found


def home(site: Site, owner: str) -> Home:
    """The folder of an owner's node."""
    return Home(site.market.tree.var / "nodes" / owner)


def geneses(site: Site) -> list[Configuration]:
    """Of each of the demo's groups, by name, as its members' nodes hold it."""
    found = {}
    for owner in entries.OWNERS:
        for path in home(site, owner).groups.glob(f"*/{EPOCH}"):
            configuration = require_genesis(jsonform.convert(cbor.decode(path.read_bytes()), Epoch))
            found[configuration.slug] = configuration
    return [found[plan.slug] for plan in PLANS]


def _of(entry: Entry, name: str, anchor: bytes) -> Sequence[Question]:
    labelled = msgspec.json.decode((entries.FOLDER / entry.labelled).read_bytes())
    tensors = from_payload(entry.interface, labelled["inputs"])
    kind = "model" if "/" in name else "group"
    found, start = [], 0
    for rows in ROWS:
        asked = tuple(Tensor.of(each.name, each.array()[start : start + rows]) for each in tensors)
        found.append(Question(kind, name, anchor, [oip.to_json(each) for each in asked], asked))
        start += rows
    return found
