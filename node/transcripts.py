"""A group's log as an audit reads it (`assay.agreement.blame.transcript`): so that owners who suspect that it was
rewritten can hold theirs against each other.

In pages, each a transcript of its own of one epoch: however long the log is, little of it is in memory at a time.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import takewhile

from assay.agreement.blame.evidence import Commitment
from assay.agreement.blame.transcript import FORMAT, Transcript
from assay.agreement.views import Quorum
from consensus import proofs
from consensus.blaming import began
from node.epochs import Chain

ENTRIES, VIEWS = 256, 4  # of one page; a view may begin with many locks


@dataclass(frozen=True)
class Page:
    """`document` is empty at the end. `number` and `view`: up to which entry and view it goes."""

    document: bytes
    number: int
    view: int


def page(chain: Chain, file: sqlite3.Connection, number: int, view: int) -> Page:
    """What follows after that entry and that view in the log of a group that is, or was, in these epochs."""
    entries, epoch = proofs.entries(file, number, ENTRIES), proofs.epoch(file)
    here = entries[0].entry.epoch if entries else epoch
    together = list(takewhile(lambda each: each.entry.epoch == here, entries))
    views = proofs.beginnings(file, view, VIEWS) if here == epoch else []
    if not together and not views:
        return Page(b"", number, view)
    transcript = Transcript(
        format=FORMAT,
        epochs=chain[: here + 1],
        votes=(),
        batches=(),
        commitments=tuple(map(_commitment, together)),
        moves=(),
        beginnings=tuple(map(began, views)),
    )
    last = together[-1].entry.number if together else number
    return Page(transcript.to_cbor(), last, views[-1].view if views else view)


def _commitment(proved: Quorum) -> Commitment:
    return Commitment(proved.entry, proved.view, proved.installed, proved.signatures)
