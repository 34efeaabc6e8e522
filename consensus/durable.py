"""What a member must not forget: what it has signed, and what the group has decided.

A replica hands these out before anything that rests on them leaves; a storage keeps all of one call or none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from assay.fields import Key, Milliseconds, RequestId
from assay.model import Digest, ModelReference
from consensus.messages import Body, Exec, NewView, Number, Quorum, Record, ViewChange, Vote


class Retired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model whose results count for a while after the member has changed to another."""

    commitment: Digest
    model: ModelReference
    until: Milliseconds  # entry time


class Serving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one member answers with. Commitments stand beside their models because they cost time to calculate."""

    commitment: Digest
    model: ModelReference
    serial: int  # of its last change; 0: none
    retired: tuple[Retired, ...]


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the log stands after an entry; `entries` 0 before the first."""

    entries: Number
    last: Digest  # of the last entry; the genesis digest before the first
    time: Milliseconds
    serving: tuple[Serving, ...]  # by member


@dataclass(frozen=True)
class Spoke:
    """This member's results; it will never say otherwise about these requests with these models."""

    signed: Exec


@dataclass(frozen=True)
class Accepted:
    """What this member has prepared, whole: after a restart it can still be carried out, and shown to others,
    though nobody else may have it any more.
    """

    body: Body


@dataclass(frozen=True)
class Cast:
    """This member's vote; it will never vote otherwise in this view on this number.

    `lock`: with a COMMIT, the prepares on which it rests. No later view may pass them over.
    """

    vote: Vote
    lock: Quorum | None = None


@dataclass(frozen=True)
class Moved:
    """This member votes in no earlier view any more."""

    change: ViewChange


@dataclass(frozen=True)
class Installed:
    """A view has begun, and this member votes in it."""

    new_view: NewView


@dataclass(frozen=True)
class Executed:
    """The group's next entry, and where the log stands with it. Each request in it is decided for ever."""

    record: Record
    standing: Standing


Durable = Spoke | Accepted | Cast | Moved | Installed | Executed


class Past(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that was decided: where, and until what entry time nobody may decide on that id again."""

    request: Digest
    client: Key
    id: RequestId
    number: Number
    index: int
    lapse: Milliseconds


@dataclass
class Restored:
    """What a storage gives back after a restart: nothing at all for a member that begins."""

    standing: Standing | None = None
    past: list[Past] = field(default_factory=list)  # whose lapse is not before the standing's time
    spoken: list[Exec] = field(default_factory=list)  # with a request that has not been decided
    bodies: list[Body] = field(default_factory=list)  # of entries beyond the standing
    votes: list[Cast] = field(default_factory=list)  # likewise, those of earlier views first
    head: Quorum | None = None  # the last entry executed, with its commits
    moved: ViewChange | None = None  # the last
    installed: NewView | None = None  # the last


class Storage(Protocol):
    """Blocking; one writer."""

    def write(self, what: list[Durable]) -> None:
        """All of it, safely on the disk, or none. Raises Unavailable where the disk does not take it."""

    def restore(self) -> Restored: ...

    def records(self, first: int, most: int) -> list[Record]:
        """Up to `most` entries from number `first` on, in order; fewer where there are not so many."""
