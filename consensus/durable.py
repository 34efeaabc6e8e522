"""What a member must not forget: what it has signed, and what the group has decided.

A replica hands these out before anything that rests on them leaves; a storage keeps all of one call or none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from assay.agreement.sealing import Fixed
from assay.agreement.views import Quorum
from assay.fields import Index, Key, Milliseconds, RequestId
from assay.model import Digest
from consensus.messages import Body, Exec, NewView, Number, Record, Result, Successor, ViewChange, Vote
from consensus.serving import Serving


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the log stands after an entry; `entries` 0 before the first.

    `epoch`: of the last entry. `over`: the digest of the configuration that follows, where that entry ends it.
    """

    entries: Number
    last: Digest  # of the last entry; the genesis digest before the first
    time: Milliseconds
    serving: tuple[Serving, ...]  # by member
    epoch: Index = 0
    over: Digest | None = None


@dataclass(frozen=True)
class Spoke:
    """This member's results; it will never say otherwise about these requests with these models.

    `secrets`: what is under the seals in it, to be shown once they are fixed.
    """

    signed: Exec
    secrets: tuple[Result, ...] = ()


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
class Jumped:
    """The log goes on from an entry that others have executed; this member has not seen all of those before it.
    `records` are as many as it takes to know every id that may not be decided again.
    """

    records: tuple[Record, ...]  # in their order; the last is the one that the standing is of
    standing: Standing


@dataclass(frozen=True)
class Executed:
    """The group's next entry, and where the log stands with it. Each request in it is decided for ever."""

    record: Record
    standing: Standing


Durable = Spoke | Accepted | Cast | Moved | Installed | Executed | Jumped


class Past(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that was decided: where, and until what entry time nobody may decide on that id again."""

    request: Digest
    client: Key
    id: RequestId
    number: Number
    index: int
    lapse: Milliseconds


class Fixing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry has fixed of one request: until what entry time it may be decided on these words."""

    number: Number  # the entry's
    lapse: Milliseconds
    words: Fixed


@dataclass
class Restored:
    """What a storage gives back after a restart: nothing at all for a member that begins."""

    standing: Standing | None = None
    past: list[Past] = field(default_factory=list)  # whose lapse is not before the standing's time
    spoken: list[Exec] = field(default_factory=list)  # with a request that has not been decided
    bodies: list[Body] = field(default_factory=list)  # of entries beyond the standing
    votes: list[Cast] = field(default_factory=list)  # likewise, those of earlier views first
    head: Quorum | None = None  # the last entry executed, with its commits
    ending: Successor | None = None  # what it holds, where it ends its epoch
    moved: ViewChange | None = None  # the last
    installed: NewView | None = None  # the last
    secrets: list[Result] = field(default_factory=list)  # under the seals in `spoken`
    fixed: list[Fixing] = field(default_factory=list)  # of requests that have not been decided


class Storage(Protocol):
    """Blocking; one writer."""

    def write(self, what: list[Durable]) -> None:
        """All of it, safely on the disk, or none. Raises Unavailable where the disk does not take it."""

    def restore(self) -> Restored: ...

    def records(self, first: int, most: int) -> list[Record]:
        """Up to `most` entries from number `first` on, in order; fewer where there are not so many. What is long
        past is kept as heads only, and not given here.
        """

    def last(self) -> tuple[Record, Standing] | None:
        """The last entry, and where the log stands with it; None before the first."""
