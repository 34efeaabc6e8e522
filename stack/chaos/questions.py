"""What the clients of a campaign ask: rows of the demo's held-out data, of every model of every owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from assay import oip
from assay.preprocessing import from_payload
from assay.tensor import Tensor
from demo import entries
from demo.entries import Entry
from node.home import Home
from stack.everything import Site

ROWS = (1, 1, 1, 2, 25)  # of the questions for one model


@dataclass(frozen=True)
class Question:
    """`provider` is the public key of the node that must answer, read from the owner's own folder."""

    model: str  # owner/name
    provider: bytes
    inputs: list[dict[str, Any]]  # as the API takes them
    tensors: tuple[Tensor, ...]

    @property
    def owner(self) -> str:
        return self.model.partition("/")[0]


def questions(site: Site) -> list[Question]:
    """Some for each of the demo's models."""
    keys = {owner: home(site, owner).load_key().public.raw for owner in entries.OWNERS}
    return [each for entry in entries.entries() for each in _of(entry, keys[entry.owner])]


def home(site: Site, owner: str) -> Home:
    """The folder of an owner's node."""
    return Home(site.market.tree.var / "nodes" / owner)


def _of(entry: Entry, provider: bytes) -> Sequence[Question]:
    labelled = msgspec.json.decode((entries.FOLDER / entry.labelled).read_bytes())
    tensors = from_payload(entry.interface, labelled["inputs"])
    found, start = [], 0
    for rows in ROWS:
        asked = tuple(Tensor.of(each.name, each.array()[start : start + rows]) for each in tensors)
        inputs = [oip.to_json(each) for each in asked]
        found.append(Question(f"{entry.owner}/{entry.slug}", provider, inputs, asked))
        start += rows
    return found
