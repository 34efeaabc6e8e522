"""Signed words of a group's members, as somebody heard them: what an audit reads beside certificates.

Nothing in a transcript is believed but the signatures in it, so anybody may write one, leave things out of it, or
put several together.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from assay import cbor, jsonform
from assay.agreement.blame.evidence import Commitment, Phase, Struct
from assay.agreement.entry import Ballot
from assay.agreement.group import SIZES, Epochs
from assay.agreement.results import Results
from assay.agreement.views import SignedMove, View
from assay.errors import Refused
from assay.fields import Number, Signature, plain
from assay.model import Digest

FORMAT: Literal["assay-transcript/1"] = "assay-transcript/1"
MOST = 2**16  # of each kind of thing

Place = Annotated[int, msgspec.Meta(ge=0, lt=SIZES[-1])]  # a member's, in the configuration


class Vote(Struct, frozen=True):
    """One member's PREPARE or COMMIT."""

    phase: Phase
    member: Place
    view: Number
    installed: Digest
    number: Number
    entry: Digest
    signature: Signature

    def ballot(self, group: bytes, epoch: int) -> Ballot:
        return Ballot(group, epoch, self.view, self.installed, self.number, self.entry)


class Batch(Struct, frozen=True):
    """One member's results, all that are under one signature."""

    member: Place
    results: Results
    signature: Signature


class Beginning(Struct, frozen=True):
    """That a view begins, from its leader, with the moves on which it rests."""

    view: View
    moves: Annotated[tuple[SignedMove, ...], msgspec.Meta(max_length=SIZES[-1])]
    signature: Signature


class Transcript(Struct, frozen=True):
    """Of one group in one epoch."""

    format: Literal["assay-transcript/1"]
    epochs: Epochs  # genesis first
    votes: Annotated[tuple[Vote, ...], msgspec.Meta(max_length=MOST)]
    batches: Annotated[tuple[Batch, ...], msgspec.Meta(max_length=MOST)]
    commitments: Annotated[tuple[Commitment, ...], msgspec.Meta(max_length=MOST)]
    moves: Annotated[tuple[SignedMove, ...], msgspec.Meta(max_length=MOST)]
    beginnings: Annotated[tuple[Beginning, ...], msgspec.Meta(max_length=MOST)]

    def to_cbor(self) -> bytes:
        """The canonical bytes."""
        return cbor.encode(plain(self))


def parse(document: bytes) -> Transcript:
    """Reads CBOR. Raises Refused or TooLarge."""
    read = jsonform.convert(cbor.decode(document), Transcript)
    if read.to_cbor() != document:
        raise Refused("a field is missing", code="not-canonical", expected="every field present", got="fewer")
    return read
