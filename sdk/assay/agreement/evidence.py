"""What proves an outcome: the entry that holds it, and 2f + 1 members' signatures with which they commit to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, ParamSpec, TypeVar

import msgspec

from assay import merkle
from assay.agreement.chain import require_chain
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.group import SIZES, Configuration, Epochs, Signed
from assay.agreement.votes import Tally, count
from assay.digest import Tag
from assay.errors import AssayError, NotVerified
from assay.fields import Index, Number
from assay.keys import PublicKey
from assay.model import Digest

P = ParamSpec("P")
T = TypeVar("T")


class AgreementEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From request to genesis: what was asked, what each member said, where it stands, who has signed."""

    epochs: Epochs  # genesis first, up to the one in which the entry stands
    asked: Asked
    ended: Ended
    index: Index  # of the outcome in the entry
    path: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=31)]
    entry: Entry
    view: Number
    installed: Digest
    commits: Annotated[tuple[Signed, ...], msgspec.Meta(min_length=3, max_length=SIZES[-1])]

    @property
    def group(self) -> bytes:
        """The genesis digest: what a verifier pins."""
        return self.epochs[0].configuration.digest

    @property
    def configuration(self) -> Configuration:
        """Of the epoch in which the entry stands."""
        return self.epochs[-1].configuration

    @property
    def tally(self) -> Tally:
        """What the members' words come to; past the request's deadline it has failed, whatever was said.

        Raises NotVerified where a word is none that this group has.
        """
        asked = self.asked
        counted = _under("/ended", count, self.configuration, self.ended.said, asked.rows, asked.least)
        return counted if self.entry.time <= asked.deadline else Tally("failed", ())

    @property
    def ballot(self) -> Ballot:
        """What each of `commits` signs."""
        entry = self.entry
        return Ballot(entry.group, entry.epoch, self.view, self.installed, entry.number, entry.digest)


def require_committed(evidence: AgreementEvidence) -> None:
    """Returns if the group has committed to this outcome of this request, and every member has a word in it.

    Raises NotVerified, Refused.
    """
    require_signed(evidence)
    _require("/ended/said", evidence.configuration.n, len(evidence.ended.said))


def require_signed(evidence: AgreementEvidence) -> None:
    """Returns if a quorum has signed this for an outcome of this request. Raises NotVerified, Refused."""
    configuration, group = _under("/epochs", require_chain, evidence.epochs), evidence.group
    entry, asked = evidence.entry, evidence.asked
    _require("/entry/group", group, entry.group)
    _require("/entry/epoch", configuration.epoch, entry.epoch)
    _require_after(evidence.epochs[-1].last, configuration.epoch, entry.number)
    _require("/asked/group", group, asked.group)
    _require("/ended/request", asked.digest, evidence.ended.request)
    root = _under("/path", merkle.root_from_path, evidence.ended.leaf, evidence.index, entry.count, evidence.path)
    _require("/entry/root", entry.root, root)
    require_quorum(configuration, evidence.ballot, evidence.commits)


def _require_after(last: int, epoch: int, number: int) -> None:
    """An entry of a later epoch comes after the last one of the epoch before."""
    if epoch and number <= last:
        raise NotVerified(
            "the epoch before had not ended",
            code="wrong-evidence",
            pointer="/entry/number",
            expected=f"above {last}",
            got=str(number),
        )


def require_quorum(configuration: Configuration, ballot: Ballot, commits: Sequence[Signed]) -> None:
    """2f + 1 different members, in their order, each with a signature that verifies. Raises NotVerified."""
    members = [each.member for each in commits]
    if members != sorted(set(members)) or not set(members) <= set(range(configuration.n)):
        raise NotVerified(
            "not distinct members of the group, in their order",
            code="wrong-quorum",
            pointer="/commits",
            expected=f"rising numbers from 0 to {configuration.n - 1}",
            got=str(members),
        )
    if len(members) < configuration.quorum:
        raise NotVerified(
            "too few members have committed",
            code="wrong-quorum",
            pointer="/commits",
            expected=f"at least {configuration.quorum}",
            got=str(len(members)),
        )
    signed = ballot.digest(Tag.AGREEMENT_COMMIT)
    for i, each in enumerate(commits):
        key = PublicKey(configuration.members[each.member].key)
        _under(f"/commits/{i}/signature", key.verify, Tag.AGREEMENT_COMMIT, signed, each.signature)


def _require(pointer: str, expected: object, got: object) -> None:
    if expected != got:
        raise NotVerified(
            "not what the rest of the evidence says",
            code="wrong-evidence",
            pointer=pointer,
            expected=_text(expected),
            got=_text(got),
        )


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _under(pointer: str, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return check(*args, **kwargs)
    except AssayError as error:
        raise error.under(pointer) from error
