"""Evidence that members of a group have broken their word: their own signatures, checked by anyone, offline.

Every kind rests on something that an honest member never signs, whatever all others do, so that no set of liars
can bring it about against one. What needs trust in more than the accused's own signature is no kind of it here:
docs/agreement-blame.md says what cannot be blamed, and why.
"""

from __future__ import annotations

from typing import Annotated, Literal, cast

import msgspec

from assay import cbor, jsonform
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import SIZES, Configuration, Epochs, Signed
from assay.agreement.results import MAX_BATCH
from assay.agreement.sealing import Sealed
from assay.agreement.views import Locks, Move, Quorum, View
from assay.agreement.votes import Word
from assay.digest import Tag, sha256
from assay.errors import Refused, TooLarge
from assay.fields import Index, Key, Number, Signature, plain
from assay.model import Digest

FORMAT: Literal["assay-blame/1"] = "assay-blame/1"
MAX_BYTES = 16 * 1024 * 1024  # of a piece of evidence; a configuration with many labels is long

Phase = Literal["prepare", "commit"]
TAGS = {"prepare": Tag.AGREEMENT_PREPARE, "commit": Tag.AGREEMENT_COMMIT}


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what evidence is made of."""


class Evidence(Struct, frozen=True, tag_field="kind"):
    """What all kinds share. `accused`: the keys of those who are guilty, no more and no fewer, in their order."""

    format: Literal["assay-blame/1"]
    epochs: Epochs  # genesis first
    accused: Annotated[tuple[Key, ...], msgspec.Meta(max_length=SIZES[-1])]

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def about(self) -> str:
        """What was done where, the same for all evidence of one deed: a member is blamed for it once."""
        raise NotImplementedError

    @property
    def group(self) -> bytes:
        """The genesis digest: what a checker pins."""
        return self.epochs[0].configuration.digest

    @property
    def configuration(self) -> Configuration:
        """Of the epoch in which it happened."""
        return self.epochs[-1].configuration

    def to_cbor(self) -> bytes:
        """The canonical bytes."""
        return cbor.encode(plain(self))

    def to_json(self, *, indent: bool = True) -> str:
        return jsonform.to_json(self, indent=indent)

    @property
    def id(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_cbor())


# --- two votes --------------------------------------------------------------------------------------------


class Cast(Struct, frozen=True):
    """One of two votes: where they may differ, and the signature."""

    installed: Digest
    entry: Digest
    signature: Signature


class DoubleVote(Evidence, frozen=True, tag="double-vote"):
    """One member has prepared, or committed to, two things in one view at one number. One key is accused."""

    phase: Phase
    view: Number
    number: Number
    votes: Annotated[tuple[Cast, ...], msgspec.Meta(min_length=2, max_length=2)]  # rising by (installed, entry)

    @property
    def about(self) -> str:
        return f"{self.phase} {self.configuration.epoch}/{self.view}/{self.number}"


# --- two results ------------------------------------------------------------------------------------------


class Told(Struct, frozen=True):
    """One of two results: what was said, and its place in the batch that was signed."""

    said: Word | Sealed
    index: Index
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)]
    path: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=10)]  # nearest sibling first
    signature: Signature


class ContradictingResults(Evidence, frozen=True, tag="contradicting-results"):
    """One member has said two different things of one request with one model. One key is accused."""

    request: Digest
    model: Digest
    results: Annotated[tuple[Told, ...], msgspec.Meta(min_length=2, max_length=2)]  # rising by what was said

    @property
    def about(self) -> str:
        return f"result {self.configuration.epoch}/{self.request.hex()}/{self.model.hex()}"


# --- what a quorum has signed -----------------------------------------------------------------------------


class Commitment(Struct, frozen=True):
    """An entry, and the signatures with which 2f + 1 members or more have committed to it, by rising number."""

    entry: Entry
    view: Number
    installed: Digest
    commits: Annotated[tuple[Signed, ...], msgspec.Meta(min_length=3, max_length=SIZES[-1])]

    @property
    def ballot(self) -> Ballot:
        """What each of `commits` signs."""
        entry = self.entry
        return Ballot(entry.group, entry.epoch, self.view, self.installed, entry.number, entry.digest)


class Rewrite(Evidence, frozen=True, tag="rewrite"):
    """The group has committed to two entries at one number, so more than f of its members have lied.

    In one view all who have signed both are guilty, f + 1 at least. Where the views differ this names nobody.
    """

    commitments: Annotated[tuple[Commitment, ...], msgspec.Meta(min_length=2, max_length=2)]  # rising by entry

    @property
    def about(self) -> str:
        """In one view it consists of double votes."""
        one, other = self.commitments
        place = f"{one.entry.epoch}/{one.view}/{one.entry.number}"
        return f"commit {place}" if one.view == other.view else f"rewrite {one.entry.epoch}/{one.entry.number}"


class WrongOutcome(Evidence, frozen=True, tag="wrong-outcome"):
    """A quorum has committed to an outcome that is not what the words in it come to; all who signed are guilty."""

    asked: Asked
    ended: Ended
    index: Index
    path: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=31)]
    committed: Commitment

    @property
    def about(self) -> str:
        """All that is wrong in one entry is one deed."""
        entry = self.committed.entry
        return f"outcome {entry.epoch}/{self.committed.view}/{entry.number}"

    @property
    def certified(self) -> AgreementEvidence:
        """As it would stand in a certificate."""
        committed = self.committed
        return AgreementEvidence(
            epochs=self.epochs,
            asked=self.asked,
            ended=self.ended,
            index=self.index,
            path=self.path,
            entry=committed.entry,
            view=committed.view,
            installed=committed.installed,
            commits=committed.commits,
        )


# --- what is said when views change -----------------------------------------------------------------------


class Moved(Struct, frozen=True):
    """A member's move into a view, without what the evidence says of it anyhow."""

    head: Quorum | None
    locks: Locks
    signature: Signature


class TwoMoves(Evidence, frozen=True, tag="two-moves"):
    """One member has moved into a view twice, with different words on what it had done. One key is accused."""

    view: View
    moves: Annotated[tuple[Moved, ...], msgspec.Meta(min_length=2, max_length=2)]  # rising by their digests

    @property
    def about(self) -> str:
        return f"move {self.configuration.epoch}/{self.view}"


class Began(Struct, frozen=True):
    """One of two beginnings of a view: the digests of the moves that it rests on."""

    moves: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=SIZES[-1])]
    signature: Signature


class TwoBeginnings(Evidence, frozen=True, tag="two-beginnings"):
    """One member has begun a view in two ways. One key is accused."""

    view: View
    beginnings: Annotated[tuple[Began, ...], msgspec.Meta(min_length=2, max_length=2)]  # rising by `moves`

    @property
    def about(self) -> str:
        return f"beginning {self.configuration.epoch}/{self.view}"


class ForgottenCommitment(Evidence, frozen=True, tag="forgotten-commitment"):
    """One member has committed to an entry, and moved to a later view without a word on it. One key is accused."""

    view: Number  # of the commitment
    number: Number
    committed: Cast
    later: View
    move: Moved

    @property
    def about(self) -> str:
        return f"forgotten {self.configuration.epoch}/{self.view}/{self.number}"


class AgainstTheView(Evidence, frozen=True, tag="against-the-view"):
    """One member has voted in a view for another entry than the view began with. One key is accused."""

    phase: Phase
    view: View
    number: Number
    entry: Digest
    signature: Signature
    moves: Annotated[tuple[Move, ...], msgspec.Meta(min_length=1, max_length=SIZES[-1])]

    @property
    def about(self) -> str:
        return f"against {self.phase} {self.configuration.epoch}/{self.view}/{self.number}"


OfOne = DoubleVote | ContradictingResults | TwoMoves | TwoBeginnings | ForgottenCommitment | AgainstTheView
AnyEvidence = OfOne | Rewrite | WrongOutcome


_ANY = cast("type[AnyEvidence]", AnyEvidence)  # of which msgspec makes as much as of a class


def parse(document: bytes) -> AnyEvidence:
    """Reads CBOR, or JSON where the first byte that is not white space is `{`. Parsed is not proven.

    Raises Refused or TooLarge.
    """
    if len(document) > MAX_BYTES:
        raise TooLarge("no evidence is so large", expected=f"at most {MAX_BYTES} bytes", got=str(len(document)))
    if document.lstrip()[:1] == b"{":
        return jsonform.from_json(document, _ANY)
    read = jsonform.convert(cbor.decode(document), _ANY)
    if read.to_cbor() != document:
        raise Refused("a field is missing", code="not-canonical", expected="every field present", got="fewer")
    return read
