"""Everything that members of a group and their clients say to each other over a link, as one tagged union.

Decoded strictly, bounded in size. What is signed is signed as canonical CBOR under a tag of its own
(`assay.digest.Tag`), whatever the form it travels in; a sender is believed for its signatures alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, lru_cache
from typing import Annotated, Literal

import msgspec

from assay import cbor, merkle
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.group import Approved, Configuration, Epoch, Signed
from assay.agreement.results import Result as Result  # noqa: PLC0414  (it belongs to the messages as well)
from assay.agreement.results import Results
from assay.agreement.sealing import Fixed, Opened, Sealed
from assay.agreement.views import MAX_LOCKS, Move, Quorum, View
from assay.agreement.votes import Answered, Word
from assay.digest import SIZE, Tag, digest, sha256
from assay.fields import Index, Key, Milliseconds, Signature, plain
from assay.model import Digest, ModelReference
from assay.tensor import Tensor
from consensus.serving import Serving

MAX_BATCH = 1024  # requests under one signature, results under one, requests of one report
MAX_HELD = 4096  # batches of results that one report names
MAX_VOTES = 2**16  # in one batch of results, unless it has a single one
LARGEST = 40 * 1024 * 1024  # bytes of any message but `Requests`: what members say is small, or made of many parts
MAX_REPORTS = 256  # that one entry rests on
MAX_MEMBERS = 16
MAX_RECORDS = 16  # in one message

Place = Annotated[int, msgspec.Meta(ge=0, lt=MAX_MEMBERS)]  # a member's, in the configuration
Number = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Models = Annotated[tuple[ModelReference, ...], msgspec.Meta(max_length=256)]  # that answered; not the genesis's
Digests = Annotated[tuple[Digest, ...], msgspec.Meta(max_length=MAX_BATCH)]


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what messages are made of."""


class Message(Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of all messages; the tag is the class name in lower case."""


# --- requests ---------------------------------------------------------------------------------------------


class Payload(Struct, frozen=True):
    """What a request's salted digest is of."""

    salt: Digest
    inputs: Annotated[tuple[Tensor, ...], msgspec.Meta(min_length=1, max_length=16)]


class Batch(Struct, frozen=True):
    """Requests of one client under one signature over (count, Merkle root)."""

    client: Key
    asked: Annotated[tuple[Asked, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
    signature: Signature

    @staticmethod
    def signed(asked: Sequence[bytes]) -> bytes:
        """The digest that the client signs under Tag.AGREEMENT_BATCH; `asked` are the requests' digests."""
        content: dict[str, cbor.Value] = {"count": len(asked), "root": merkle.root(asked)}
        return digest(Tag.AGREEMENT_BATCH, cbor.encode(content))


class Requests(Message, frozen=True):
    """From a client to every member, and from a member to one that lacks some: a batch, with what payloads the
    sender has (None in place of others).
    """

    batch: Batch
    payloads: Annotated[tuple[Payload | None, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


# --- results ----------------------------------------------------------------------------------------------


def shown(result: Result) -> Word | None:
    """What a member says, where it can be read."""
    said = result.said.said if isinstance(result.said, Opened) else result.said
    return None if isinstance(said, Sealed) else said


def votes_in(result: Result) -> int:
    if isinstance(result.said, Answered):  # the rule
        return len(result.said.votes)
    said = shown(result)
    return len(said.votes) if isinstance(said, Answered) else 0


class Exec(Message, frozen=True, dict=True):
    """A member's results for some requests, under one signature: the unit in which they travel and are named."""

    member: Place
    results: Results
    signature: Signature

    @cached_property
    def root(self) -> bytes:
        return merkle.root([each.leaf for each in self.results])

    @cached_property
    def votes(self) -> int:
        """In all results together: about what it takes of memory and links."""
        return sum(votes_in(each) for each in self.results)

    @staticmethod
    def signed(group: bytes, epoch: int, member: int, count: int, root: bytes) -> bytes:
        """The digest that the member signs under Tag.AGREEMENT_EXEC."""
        content: dict[str, cbor.Value] = {
            "group": group,
            "epoch": epoch,
            "member": member,
            "count": count,
            "root": root,
        }
        return digest(Tag.AGREEMENT_EXEC, cbor.encode(content))


# --- reports ----------------------------------------------------------------------------------------------


class Held(Struct, frozen=True):
    """The name of an `Exec`."""

    member: Place
    root: Digest


class Readied(Struct, frozen=True):
    """A request that may be decided now, as far as a member is concerned, and all results that it holds for it.

    In a copy-resistant group it is first about sealed results, which may be fixed now; then about those that have
    been opened since.
    """

    request: Digest
    held: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, lt=MAX_HELD)], ...], msgspec.Meta(max_length=64)]
    fixed: Number = 0  # the entry that has fixed the words on it; 0: none has


class Report(Struct, frozen=True, dict=True):
    """The requests that have become ready for a member; each names its results by their places in `held`."""

    group: Digest
    epoch: Index
    member: Place
    clock: Milliseconds
    ready: Annotated[tuple[Readied, ...], msgspec.Meta(max_length=MAX_BATCH)]
    held: Annotated[tuple[Held, ...], msgspec.Meta(max_length=MAX_HELD)]

    @cached_property
    def digest(self) -> bytes:
        """Put together from prepared parts, and remembered: a report is long, and judged more than once."""
        ready = [_READIED % (_places(each.held), cbor.integer(each.fixed), each.request) for each in self.ready]
        held = [_HELD % (each.root, cbor.integer(each.member)) for each in self.held]
        clock, epoch, member = (cbor.integer(each) for each in (self.clock, self.epoch, self.member))
        return sha256(_HAVE % (cbor.array(held), clock, epoch, self.group, cbor.array(ready), member))


_READIED = cbor.template(held=None, fixed=None, request=SIZE)
_HELD = cbor.template(root=SIZE, member=None)
_HAVE = Tag.AGREEMENT_HAVE.prefix + cbor.template(
    held=None, clock=None, epoch=None, group=SIZE, ready=None, member=None
)
_places = lru_cache(maxsize=1024)(cbor.encode)


class Have(Message, frozen=True):
    """A signed report, to the leader."""

    report: Report
    signature: Signature


# --- updates ----------------------------------------------------------------------------------------------


class Change(Struct, frozen=True):
    """From the entry after the one that holds this, the member answers with that model."""

    group: Digest
    epoch: Index
    member: Place
    serial: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]  # rises with each change by one member
    model: ModelReference

    @property
    def digest(self) -> bytes:
        return digest(Tag.AGREEMENT_UPDATE, cbor.encode(plain(self)))


class Update(Message, frozen=True):
    """A change, signed by the member whose model it is."""

    change: Change
    signature: Signature


# --- epochs -----------------------------------------------------------------------------------------------


class Successor(Struct, frozen=True):
    """The configuration that is to follow, signed by all of its own members and by 2f + 1 of the present ones."""

    configuration: Configuration
    consents: Annotated[tuple[Signature, ...], msgspec.Meta(max_length=MAX_MEMBERS)]  # of its members, in order
    words: Annotated[tuple[Signed, ...], msgspec.Meta(max_length=MAX_MEMBERS)]  # of present ones, by their places

    @property
    def digest(self) -> bytes:
        """Of the configuration."""
        return self.configuration.digest


class Reconfigure(Message, frozen=True):
    """A successor, to be ordered: the entry that holds it is its epoch's last."""

    successor: Successor


class Farewell(Message, frozen=True):
    """That the epoch has ended where it has: 2f + 1 of these prove it to whoever trusts the epoch's keys."""

    approved: Approved


class Succeeded(Message, frozen=True):
    """The epoch that has followed, to a member that has not heard."""

    epoch: Epoch


# --- ordering ---------------------------------------------------------------------------------------------


class Content(Struct, frozen=True, dict=True):
    """What an entry rests on; all else in it follows (`consensus.judging`)."""

    haves: Annotated[tuple[Have, ...], msgspec.Meta(max_length=MAX_REPORTS)]
    decided: Digests
    updates: Annotated[tuple[Update, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    successor: Successor | None = None  # then there is nothing else in it, and nothing after it
    fixed: Digests = ()  # requests on which no other words count from now on than members have committed to

    @property
    def orders(self) -> Digests:
        """The requests that it is about."""
        return self.decided + self.fixed

    @property
    def reports(self) -> tuple[bytes, ...]:
        return tuple(each.report.digest for each in self.haves)

    @cached_property
    def named(self) -> Mapping[Held, AbstractSet[bytes]]:
        """The batches that reports name for what is ordered, each with the requests that it is named for."""
        wanted: dict[Held, set[bytes]] = {}
        orders = set(self.orders)
        for each in self.haves:
            held, together = each.report.held, dict[tuple[int, ...], list[bytes]]()
            for readied in each.report.ready:
                if readied.request in orders:
                    together.setdefault(readied.held, []).append(readied.request)
            for places, requests in together.items():
                for place in places:
                    if place < len(held):  # a report that names what it does not list is refused as a whole
                        wanted.setdefault(held[place], set()).update(requests)
        return wanted


def leaves_of(ended: Sequence[Ended], fixed: Sequence[Fixed]) -> tuple[bytes, ...]:
    """Of an entry's tree: first what it decides, then what it fixes."""
    return tuple([each.leaf for each in ended] + [each.leaf for each in fixed])


class Propose(Message, frozen=True):
    """The leader's next entry, over its own link. It leaves unsigned and at once, and nobody is held to it: what a
    leader stands by is its PREPARE, which follows once that is on its disk.
    """

    view: Number
    installed: Digest
    number: Number
    content: Content


class Vote(Message, frozen=True):
    """A member's signature over a ballot: that it has prepared an entry, or commits to it."""

    kind: Literal["prepare", "commit"]
    member: Place
    view: Number
    installed: Digest
    number: Number
    entry: Digest
    signature: Signature

    def ballot(self, group: bytes, epoch: int) -> Ballot:
        return Ballot(group, epoch, self.view, self.installed, self.number, self.entry)

    @property
    def tag(self) -> Tag:
        return Tag.AGREEMENT_PREPARE if self.kind == "prepare" else Tag.AGREEMENT_COMMIT


class Body(Message, frozen=True):
    """An entry that has been prepared, with all that it takes to judge it anew: in a later view, or elsewhere."""

    number: Number
    entry: Digest
    content: Content
    batches: Annotated[tuple[Batch, ...], msgspec.Meta(max_length=MAX_BATCH)]
    results: Annotated[tuple[Exec, ...], msgspec.Meta(max_length=MAX_HELD)]


# --- views ------------------------------------------------------------------------------------------------


class ViewChange(Message, frozen=True):
    """A signed move."""

    move: Move
    signature: Signature


class NewView(Message, frozen=True):
    """The moves of 2f + 1 members into a view, from its leader: what the view begins with follows from them."""

    view: View
    changes: Annotated[tuple[ViewChange, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    signature: Signature


class Record(Struct, frozen=True):
    """An entry that the group has committed to, with all that follows from it; proved by its signatures."""

    entry: Entry
    view: Number
    installed: Digest
    commits: Annotated[tuple[Signed, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    reports: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=MAX_REPORTS)]
    updates: Annotated[tuple[Update, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    asked: Annotated[tuple[Asked, ...], msgspec.Meta(max_length=MAX_BATCH)]
    ended: Annotated[tuple[Ended, ...], msgspec.Meta(max_length=MAX_BATCH)]
    models: Models
    successor: Successor | None = None
    fixed: Annotated[tuple[Fixed, ...], msgspec.Meta(max_length=MAX_BATCH)] = ()

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """Of the entry's tree: first what it decides."""
        return leaves_of(self.ended, self.fixed)

    @property
    def head(self) -> Quorum:
        """The entry with what proves it."""
        return Quorum(self.entry, self.view, self.installed, self.commits)


class Records(Message, frozen=True):
    """Committed entries in their order, for a member that is behind."""

    records: Annotated[tuple[Record, ...], msgspec.Meta(min_length=1, max_length=MAX_RECORDS)]


# --- what one lacks ---------------------------------------------------------------------------------------


class Want(Message, frozen=True):
    """Asks a member for bodies that it has named; answered by `Requests`, `Exec`s and `Body`s, as far as it has
    them.
    """

    requests: Digests = ()
    results: Annotated[tuple[Held, ...], msgspec.Meta(max_length=MAX_HELD)] = ()
    entries: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=MAX_LOCKS)] = ()  # that it has prepared


class Jump(Message, frozen=True):
    """To a member that is so far behind that what comes next in its log is not kept any more: the last entry, and
    what members answer with after it.
    """

    record: Record
    serving: Annotated[tuple[Serving, ...], msgspec.Meta(max_length=MAX_MEMBERS)]


class Older(Message, frozen=True):
    """Asks for the `Records` before that number."""

    before: Number


class Heard(Message, frozen=True):
    """The sender knows these requests: whoever does not may ask for them."""

    requests: Digests


class Status(Message, frozen=True):
    """How many entries the sender has, the epoch of the last, the view in which it votes or last did, and the
    epoch in which it takes part. Whoever has more entries sends `Records`; whoever is in a later view or epoch,
    what began it.
    """

    entries: Number
    view: Number
    epoch: Index = 0
    part: Index = 0


# --- to clients -------------------------------------------------------------------------------------------


class Decided(Message, frozen=True):
    """To a client: an entry with outcomes of its requests, each by its place among the entry's leaves."""

    entry: Entry
    view: Number
    installed: Digest
    commits: Annotated[tuple[Signed, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    leaves: Annotated[tuple[Digest, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
    ended: Annotated[tuple[tuple[Index, Ended], ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
    models: Models


class Refusal(Message, frozen=True):
    """To a client: this member will not take these requests, ever."""

    requests: Digests
    code: Annotated[str, msgspec.Meta(max_length=64)]
    detail: Annotated[str, msgspec.Meta(max_length=1024)]


Spoken = (
    Requests
    | Exec
    | Have
    | Update
    | Reconfigure
    | Farewell
    | Succeeded
    | Propose
    | Vote
    | Body
    | ViewChange
    | NewView
    | Records
    | Jump
    | Older
    | Want
    | Heard
    | Status
    | Decided
    | Refusal
)

encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Spoken)
REQUESTS = b"\x83" + msgspec.msgpack.encode("type") + msgspec.msgpack.encode("requests")  # how those begin


def decode(frame: bytes) -> Spoken:
    """Raises msgspec.DecodeError for what is none of these messages."""
    if len(frame) > LARGEST and not frame.startswith(REQUESTS):
        raise msgspec.DecodeError(f"{len(frame)} bytes: only requests may have more than {LARGEST}")
    try:
        message: Spoken = _decoder.decode(frame)
    except UnicodeDecodeError as error:  # of text in it, which msgspec lets through
        raise msgspec.DecodeError(str(error)) from error
    return message
