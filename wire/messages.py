"""Every message between a worker and a node, as one tagged union; decoded strictly, bounded in size.

A connection opens with the handshake (`wire.handshake`): Hello, Welcome, Proof, Ready. After that the side that
connected sends requests, each with an `id` of its own choosing; the answers come in any order and carry the same
`id`. Signed structures (a certificate) travel inside opaquely, as the bytes that were signed.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from assay.agreement.group import MAX_EPOCHS
from assay.fields import Key, Milliseconds, RequestId, Signature, Target
from assay.model import Digest, Interface
from assay.tensor import Tensor

VERSION = 1

MAX_FRAME = 80 * 1024 * 1024  # one message, bytes; a Submit with the largest tensor fits
MAX_HELLO = 4096  # one message before the peer is known, bytes
CHUNK = 1024 * 1024  # of a model in delivery, bytes
MAX_IN_FLIGHT = 4096  # unanswered requests on one connection
MAX_GROUPS = 256  # that a node speaks of

Id = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Nonce = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
SHORT, LONG = 256, 4096  # characters
Short = Annotated[str, msgspec.Meta(max_length=SHORT)]
Long = Annotated[str, msgspec.Meta(max_length=LONG)]
Document = Annotated[bytes, msgspec.Meta(max_length=8 * 1024 * 1024)]
LINE = r"\A[^\x00-\x1f\x7f-\x9f]*\Z"  # what may stand in a log or on a terminal as it is
ShortLine = Annotated[str, msgspec.Meta(max_length=SHORT, pattern=LINE)]
LongLine = Annotated[str, msgspec.Meta(max_length=LONG, pattern=LINE)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=str.lower):
    """Base of all messages; the tag is the class name in lower case."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one side is ready to receive; each side keeps to the smaller of both."""

    frame: Annotated[int, msgspec.Meta(ge=MAX_HELLO, le=MAX_FRAME)] = MAX_FRAME
    in_flight: Annotated[int, msgspec.Meta(ge=2, le=MAX_IN_FLIGHT)] = 1024  # one place is for the beat


# --- handshake --------------------------------------------------------------------------------------------


class Hello(Message, frozen=True):
    """The one who connects: version, identity, fresh randomness, limits."""

    version: int
    key: Key
    nonce: Nonce
    limits: Limits


class Welcome(Message, frozen=True):
    """The one connected to: the same, and its signature over the whole handshake so far."""

    version: int
    key: Key
    nonce: Nonce
    limits: Limits
    signature: Signature


class Proof(Message, frozen=True):
    """The connecting side's signature over the handshake."""

    signature: Signature


class Ready(Message, frozen=True):
    """The opener's key is allowed: requests may follow."""


# --- requests ---------------------------------------------------------------------------------------------


class Capabilities(Message, frozen=True):
    """Asks what a node is and serves; answered by `Capable`."""

    id: Id


class Health(Message, frozen=True):
    """Asks whether a node can serve now; answered by `Healthy`."""

    id: Id


class Load(Message, frozen=True):
    """Announces a model file that follows in `Chunk`s; answered by `Wanted`: where to go on, or by `Loaded`."""

    id: Id
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=1, le=2**33)]
    interface: Interface
    name: ShortLine


class Chunk(Message, frozen=True):
    """Bytes of an announced model, in order; answered by `Wanted` until whole, then by `Loaded` or `Failure`."""

    id: Id
    digest: Digest
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**33)]
    data: Annotated[bytes, msgspec.Meta(max_length=CHUNK)]


class Activate(Message, frozen=True):
    """Asks that a model which the node holds be served; answered by `Done`."""

    id: Id
    commitment: Digest


class Unload(Message, frozen=True):
    """Asks that a model no longer be served (and, if `forget`, be removed from the node's disk)."""

    id: Id
    commitment: Digest
    forget: bool = False


class Submit(Message, frozen=True):
    """One prediction to carry out; answered by `Result`. The same `request` is answered the same way again."""

    id: Id
    request: RequestId
    target: Target  # as it will stand in the statement
    commitment: Digest  # of the model to run
    inputs: Annotated[tuple[Tensor, ...], msgspec.Meta(min_length=1, max_length=16)]
    salt: Digest
    deadline: Milliseconds  # Unix time after which nobody waits for the answer


class Cancel(Message, frozen=True):
    """Withdraws a submitted request if it has not been answered; answered by `Done`."""

    id: Id
    request: RequestId


class Form(Message, frozen=True):
    """Tells a member in which epoch its group is; answered by `Done` once the member takes part in it.

    `epochs`: the group's, from the genesis on, each the canonical CBOR of an `assay.agreement.group.Epoch`. A node
    takes part in nothing that its own key has not consented to, believes an epoch for the members of the one
    before, and refuses what contradicts the epochs that it knows; of fewer than it knows it takes the addresses.
    `addresses`: where the members of the last of these epochs are now, in their order, if they have moved since;
    whoever is there must prove that it holds the member's key.
    """

    id: Id
    epochs: Annotated[tuple[Document, ...], msgspec.Meta(min_length=1, max_length=MAX_EPOCHS)]
    addresses: Annotated[tuple[ShortLine, ...], msgspec.Meta(max_length=16)] = ()


class Reform(Message, frozen=True):
    """Hands a member the configuration that is to follow in its group; answered by `Done` once it has handed that
    on, or is in that epoch already. `InGroup.epoch` says when the group has got there.

    `successor`: the canonical CBOR of a `consensus.messages.Successor`, signed by all of its members and by 2f + 1
    of the present ones: without their owners' word nothing is ordered, whoever hands it in.
    """

    id: Id
    group: Digest  # its genesis
    successor: Document


class Follow(Message, frozen=True):
    """Asks in which epochs a group has been, as this node knows it, from number `since` on; answered by `Epochs`.

    Nobody need believe the node for them: each is put into force by the members of the one before.
    """

    id: Id
    group: Digest  # its genesis
    since: Annotated[int, msgspec.Meta(ge=0, le=MAX_EPOCHS)] = 0


class Dissolve(Message, frozen=True):
    """Tells a member that its group was withdrawn; answered by `Done` once the member takes no more part in it.

    What it has signed it keeps, so that a `Form` brings it back as it was.
    """

    id: Id
    group: Digest  # its genesis


class Adopt(Message, frozen=True):
    """Asks a member to answer its group with another of its models; answered by `Done` once the group has ordered
    that. The model must be served by then, with the interface that the group asks for.
    """

    id: Id
    group: Digest  # its genesis
    commitment: Digest


class Disclose(Message, frozen=True):
    """Asks a member for evidence against others of its group that waits to be handed in, one piece at a time;
    answered by `Disclosed`. A node keeps what it has caught others in, and calls nobody: `Capable.caught` says of
    which groups.

    `settled`: the digest of a piece that need not be given again, with the reason if it was refused for good.
    """

    id: Id
    group: Digest  # its genesis
    settled: Digest | None = None
    verdict: ShortLine = ""


class Transcribe(Message, frozen=True):
    """Asks for some of what a group's log holds that an audit can check, beyond this entry and this view; answered
    by `Transcribed`. Obeyed from the node's own key alone.
    """

    id: Id
    group: Digest  # its genesis
    number: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    view: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0


class Attach(Message, frozen=True):
    """Turns this connection into a link of a group, from a member or from a client: once it is answered by `Done`,
    every frame in either direction is a message of `consensus.messages`, or a beat (`wire.link`), and nothing is
    answered any more. It has its connection to itself: nothing else may be unanswered, nothing may follow before
    the answer.
    """

    id: Id
    group: Digest


class Drain(Message, frozen=True):
    """Asks a node to finish what it has, take nothing new and stop; answered by `Done` once it has begun.

    Obeyed from the node's own key alone: it is how the owner's commands reach the running daemon.
    """

    id: Id


# --- answers ----------------------------------------------------------------------------------------------


class Served(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that a node holds."""

    commitment: Digest
    digest: Digest
    name: ShortLine
    state: Literal["held", "loading", "serving", "failed"]
    detail: LongLine = ""


class InGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group that a node takes part in, as the node sees it now."""

    group: Digest  # its genesis
    epoch: int
    number: int  # of the last entry that it has
    model: Digest  # the commitment that it answers with
    reached: int  # members that it hears, itself included


class Capable(Message, frozen=True):
    """What a node is: software, roles, the models it holds, the groups it is a member of.

    `caught`: groups, by their geneses, of which it has evidence that waits to be handed in.
    """

    id: Id
    software: ShortLine
    roles: Annotated[tuple[ShortLine, ...], msgspec.Meta(max_length=16)]
    models: Annotated[tuple[Served, ...], msgspec.Meta(max_length=4096)]
    draining: bool
    groups: Annotated[tuple[InGroup, ...], msgspec.Meta(max_length=MAX_GROUPS)] = ()
    caught: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=MAX_GROUPS)] = ()


class Healthy(Message, frozen=True):
    """Whether a node can serve, and if not, why."""

    id: Id
    serving: bool
    detail: LongLine
    in_flight: int
    answered: int


class Wanted(Message, frozen=True):
    """How many bytes of an announced model the node has on disk."""

    id: Id
    offset: int


class Loaded(Message, frozen=True):
    """A model has arrived whole, passed the node's own validation, and is on disk: the sender may delete it."""

    id: Id
    commitment: Digest


class Result(Message, frozen=True):
    """The answer to `Submit`: the certificate's canonical bytes."""

    id: Id
    certificate: bytes


class Epochs(Message, frozen=True):
    """What was asked with `Follow`, each the canonical CBOR of an `assay.agreement.group.Epoch`; none if no more
    have begun.
    """

    id: Id
    epochs: Annotated[tuple[Document, ...], msgspec.Meta(max_length=MAX_EPOCHS)]


class Disclosed(Message, frozen=True):
    """What was asked with `Disclose`: the canonical CBOR of a piece of evidence; empty if none waits."""

    id: Id
    document: Document


class Transcribed(Message, frozen=True):
    """A transcript of some entries and views, its canonical CBOR, and beyond which of them to go on; empty at the
    end.
    """

    id: Id
    document: Annotated[bytes, msgspec.Meta(max_length=MAX_FRAME)]
    number: int
    view: int


class Done(Message, frozen=True):
    """It has been done (or already was)."""

    id: Id


class Failure(Message, frozen=True):
    """The request could not be carried out: the fields of an AssayError, made printable by whoever reads them."""

    id: Id
    code: Short
    detail: Long
    pointer: Short = ""
    expected: Long = ""
    got: Long = ""
    hint: Long = ""
    retry: bool = False  # trying again, here or elsewhere, may help


Opening = Hello | Welcome | Proof | Ready
Request = (
    Capabilities
    | Health
    | Load
    | Chunk
    | Activate
    | Unload
    | Submit
    | Cancel
    | Form
    | Reform
    | Follow
    | Dissolve
    | Adopt
    | Disclose
    | Transcribe
    | Attach
    | Drain
)
Answer = Capable | Healthy | Wanted | Loaded | Result | Epochs | Disclosed | Transcribed | Done | Failure
