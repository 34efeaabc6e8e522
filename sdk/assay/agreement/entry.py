"""What a group signs: entries of its log, each the outcomes of many requests under one digest.

The digest of an entry covers (group, epoch, number, parent, time, content, outcomes) and not the view in which it
was proposed: an entry that a new leader takes over stays the same entry. Members sign (epoch, view, number,
entry), once to prepare it and once to commit it, each under a tag of its own.
"""

from __future__ import annotations

from typing import Annotated, get_args

import msgspec

from assay import cbor
from assay.agreement.votes import Outcome, Said, encoded_all
from assay.digest import SIZE, Tag, digest, sha256
from assay.fields import Index, Key, Milliseconds, Number, RequestId
from assay.model import Digest

Rows = Annotated[int, msgspec.Meta(ge=1, le=1000)]

# what is hashed of each request, without building it up each time
_ASKED = Tag.AGREEMENT_REQUEST.prefix + cbor.template(
    id=16, rows=None, group=SIZE, input=SIZE, least=None, client=SIZE, deadline=None
)
_ENDED = Tag.AGREEMENT_OUTCOME.prefix + cbor.template(said=None, outcome=None, request=SIZE)
_ENTRY = Tag.AGREEMENT_ENTRY.prefix + cbor.template(
    root=SIZE, time=None, count=None, epoch=None, group=SIZE, number=None, parent=SIZE, content=SIZE
)
_BALLOT = cbor.template(view=None, entry=SIZE, epoch=None, group=SIZE, number=None, installed=SIZE)
_OUTCOMES = {outcome: cbor.encode(outcome) for outcome in get_args(Outcome)}


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A request as the group orders it; the input itself goes to the members alone."""

    group: Digest  # its genesis
    client: Key  # who answers for the request: a buyer, or the marketplace's worker for one
    id: RequestId
    input: Digest  # salted
    rows: Rows
    deadline: Milliseconds
    least: Annotated[int, msgspec.Meta(ge=0, le=16)]  # votes that the buyer asks for; 0: as many as are needed

    @property
    def digest(self) -> bytes:
        return sha256(
            _ASKED
            % (
                self.id,
                cbor.integer(self.rows),
                self.group,
                self.input,
                cbor.integer(self.least),
                self.client,
                cbor.integer(self.deadline),
            )
        )


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What became of one request; a leaf of the entry's tree. Its outputs follow from it."""

    request: Digest
    outcome: Outcome
    said: Annotated[tuple[Said, ...], msgspec.Meta(min_length=4, max_length=16)]  # by member, in their order

    @property
    def leaf(self) -> bytes:
        return sha256(_ENDED % (encoded_all(self.said), _OUTCOMES[self.outcome], self.request))


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The head of an entry: all that its digest covers."""

    group: Digest
    epoch: Index
    number: Number
    parent: Digest
    time: Milliseconds  # the median of the clocks of those who reported, never below the parent's
    content: Digest  # of the reports that it rests on, the answers that they name, and the model updates
    count: Index
    root: Digest  # of the tree of `Ended`s; of nothing when there are none

    @property
    def digest(self) -> bytes:
        return sha256(
            _ENTRY
            % (
                self.root,
                cbor.integer(self.time),
                cbor.integer(self.count),
                cbor.integer(self.epoch),
                self.group,
                cbor.integer(self.number),
                self.parent,
                self.content,
            )
        )


class Ballot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What a member signs to prepare an entry (Tag.AGREEMENT_PREPARE) or to commit it (Tag.AGREEMENT_COMMIT)."""

    group: Digest
    epoch: Index
    view: Number
    installed: Digest  # of the NEW-VIEW that began the view; zeros in view 0
    number: Number
    entry: Digest

    def digest(self, tag: Tag) -> bytes:
        return digest(
            tag,
            _BALLOT
            % (
                cbor.integer(self.view),
                self.entry,
                cbor.integer(self.epoch),
                self.group,
                cbor.integer(self.number),
                self.installed,
            ),
        )
