"""What a replica is told, and what it asks of whoever runs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from assay.agreement.group import Epoch
from assay.model import ModelReference
from consensus.durable import Durable, Executed
from consensus.messages import Payload, Requests, Result, Spoken, Successor

# --- in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Received:
    """A message over a link, from a member (its place) or a client (its key). The link has proved who it is."""

    sender: int | bytes
    message: Spoken


@dataclass(frozen=True)
class Ran:
    """Inference has ended: what this member's models say, to be signed."""

    results: tuple[Result, ...]


@dataclass(frozen=True)
class Adopting:
    """The owner wants this model, which is being served, to answer from now on."""

    model: ModelReference


@dataclass(frozen=True)
class Reconfiguring:
    """The marketplace, or an owner, hands in a configuration that all who must have signed."""

    successor: Successor


@dataclass(frozen=True)
class Linked:
    """A member can be reached (again): what it may have missed is sent once more."""

    member: int


@dataclass(frozen=True)
class Lost:
    """A member can no longer be reached."""

    member: int


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


Event = Received | Ran | Adopting | Reconfiguring | Linked | Lost | Tick

# --- out --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """An input to run through a model; `Ran` must follow, whatever becomes of it."""

    request: bytes
    commitment: bytes  # the model's
    model: ModelReference
    payload: Payload
    rows: int
    deadline: int  # Unix ms after which the result is worth nothing


@dataclass(frozen=True)
class Supply:
    """A member is to be sent so many entries from a number on."""

    member: int
    first: int
    most: int
    jump: bool  # or the last one, where those are not kept any more or are very many
    far: bool = False  # the last one in any case: it is in an earlier epoch


@dataclass(frozen=True)
class Contradiction:
    """Two signed words of a member, of which an honest one says only one."""

    member: int
    one: Spoken
    other: Spoken


@dataclass
class Ready:
    """What is to be done now, in this order: clients are told what a quorum has signed, members what nobody has;
    then what is durable is written, and no word that this member has signed leaves before it is.
    """

    announce: list[tuple[int, Spoken]] = field(default_factory=list)  # to members, at once
    reply: list[tuple[bytes, Spoken]] = field(default_factory=list)  # to clients, by key
    persist: list[Durable] = field(default_factory=list)
    send: list[tuple[int, Spoken]] = field(default_factory=list)  # to members; lost if they cannot be reached
    run: list[Run] = field(default_factory=list)
    recall: list[tuple[bytes, int, int]] = field(default_factory=list)  # (client, number, index): tell it again
    supply: list[Supply] = field(default_factory=list)
    caught: list[Contradiction] = field(default_factory=list)
    succeeded: Epoch | None = None  # the next epoch is in force: this replica has done its work
    adopted: list[bytes] = field(default_factory=list)  # commitments with which this member answers from now on

    @property
    def may_wait(self) -> bool:
        """Whether nothing rests on what is to be written: entries that a quorum has signed can be had again."""
        return self.succeeded is None and all(
            isinstance(each, Executed) and each.record.successor is None  # who has seen an epoch end signs that
            for each in self.persist
        )

    wake: int | None = None  # Unix ms by which a `Tick` is due; None: not before something else happens


class Machine(Protocol):
    """A replica, as its host and the simulator see it."""

    def step(self, now: int, events: Iterable[Event]) -> Ready:
        """Takes what has happened by `now` (Unix ms, this machine's clock), all together; what is to be done.

        Called once with no events after a start. What the outside says is never a reason to raise.
        """

    @property
    def waiting(self) -> list[Requests]:
        """What has been asked and not decided: for the replica that takes its place in the next epoch."""
