"""The check of evidence: pure, offline, and sure. It names who is guilty, or raises.

What is checked of each kind is one promise that an honest member keeps by itself, across restarts, whatever others
send it. It needs no assumption on how many members lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from assay import merkle
from assay.agreement import results
from assay.agreement.blame.evidence import (
    TAGS,
    AnyEvidence,
    Commitment,
    ContradictingResults,
    DoubleVote,
    Rewrite,
    Told,
    WrongOutcome,
)
from assay.agreement.evidence import AgreementEvidence, require_committed, require_quorum
from assay.agreement.group import Configuration, require_genesis
from assay.agreement.results import Result
from assay.agreement.votes import encoded
from assay.digest import Tag
from assay.errors import AssayError, NotVerified
from assay.keys import PublicKey

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Guilty:
    """A member that has broken its word: its place in the configuration, its owner's name there, its key."""

    member: int
    owner: str
    key: PublicKey


def require_guilt(evidence: AnyEvidence, group: bytes) -> tuple[Guilty, ...]:
    """Who is guilty, if this is evidence and it is about the group whose genesis digest is `group` (32 bytes).

    Nobody is named by a rewrite over several views, which proves that more than f members have lied, not which.
    Raises NotVerified or Refused for anything that proves nothing.
    """
    if evidence.group != group:
        raise NotVerified(
            "about another group",
            code="not-pinned",
            pointer="/epochs/0",
            expected=group.hex(),
            got=evidence.group.hex(),
        )
    _under("/epochs/0", require_genesis, evidence.epochs[0])
    match evidence:
        case DoubleVote():
            members = _double_vote(evidence)
        case ContradictingResults():
            members = _contradicting_results(evidence)
        case Rewrite():
            members = _rewrite(evidence)
        case WrongOutcome():
            members = _wrong_outcome(evidence)
    return _named(evidence, members)


def _double_vote(evidence: DoubleVote) -> Sequence[int]:
    """An honest member votes once in each phase for each (view, number), with what it has written before it."""
    [accused] = members = _members(evidence)
    _require_rising("/votes", [(each.installed, each.entry) for each in evidence.votes])
    key, tag = PublicKey(evidence.configuration.members[accused].key), TAGS[evidence.phase]
    for i, each in enumerate(evidence.votes):
        signed = evidence.ballot(each).digest(tag)
        _under(f"/votes/{i}/signature", key.verify, tag, signed, each.signature)
    return members


def _contradicting_results(evidence: ContradictingResults) -> Sequence[int]:
    """An honest member says one thing of a request with a model, and keeps it in what it has written."""
    [accused] = members = _members(evidence)
    _require_rising("/results", [encoded(each.said).document for each in evidence.results])
    key = PublicKey(evidence.configuration.members[accused].key)
    for i, each in enumerate(evidence.results):
        signed = _under(f"/results/{i}/path", _signed, evidence, accused, each)
        _under(f"/results/{i}/signature", key.verify, Tag.AGREEMENT_EXEC, signed, each.signature)
    return members


def _signed(evidence: ContradictingResults, member: int, told: Told) -> bytes:
    leaf = Result(evidence.request, evidence.model, told.said).leaf
    root = merkle.root_from_path(leaf, told.index, told.count, told.path)
    return results.signed(evidence.group, evidence.configuration.epoch, member, told.count, root)


def _rewrite(evidence: Rewrite) -> Sequence[int]:
    """Two quorums share f + 1 members; in one view an honest one is in no more than one of them."""
    configuration = evidence.configuration
    one, other = evidence.commitments
    for i, each in enumerate(evidence.commitments):
        _under(f"/commitments/{i}", _require_commitment, configuration, evidence.group, each)
    if one.entry.number != other.entry.number:
        raise _nothing(
            "entries at different numbers contradict nothing",
            "/commitments/1/entry/number",
            str(one.entry.number),
            str(other.entry.number),
        )
    _require_rising("/commitments", [each.entry.digest for each in evidence.commitments])
    if one.view != other.view:
        return ()
    both = {each.member for each in one.commits} & {each.member for each in other.commits}
    return sorted(both)


def _require_commitment(configuration: Configuration, group: bytes, commitment: Commitment) -> None:
    _require_equal("/entry/group", group.hex(), commitment.entry.group.hex())
    _require_equal("/entry/epoch", configuration.epoch, commitment.entry.epoch)
    require_quorum(configuration, commitment.ballot, commitment.commits)


def _wrong_outcome(evidence: WrongOutcome) -> Sequence[int]:
    """An honest member commits only to what it has counted itself, so it never signs a miscount."""
    certified = evidence.certified
    require_committed(certified)
    if is_counted(certified):
        raise _nothing(
            "the outcome is what the words come to", "/ended/outcome", "another", certified.ended.outcome
        )
    return [each.member for each in evidence.committed.commits]


def is_counted(certified: AgreementEvidence) -> bool:
    """Whether an outcome that `require_committed` accepts is what the members' words come to."""
    try:
        return certified.tally.outcome == certified.ended.outcome
    except NotVerified:  # a word that is none
        return False


def _named(evidence: AnyEvidence, members: Iterable[int]) -> tuple[Guilty, ...]:
    configured = evidence.configuration.members
    guilty = tuple(Guilty(i, configured[i].owner, PublicKey(configured[i].key)) for i in members)
    _require_equal(
        "/accused", " ".join(str(each.key) for each in guilty), " ".join(map(_written, evidence.accused))
    )
    return guilty


def _members(evidence: DoubleVote | ContradictingResults) -> list[int]:
    """The place of the one that is accused."""
    if len(evidence.accused) != 1:
        raise _nothing("not one member is accused", "/accused", "one key", str(len(evidence.accused)))
    [key] = evidence.accused
    for i, member in enumerate(evidence.configuration.members):
        if member.key == key:
            return [i]
    raise NotVerified(
        "no member of the group has this key",
        code="unknown-key",
        pointer="/accused/0",
        expected=" | ".join(_written(member.key) for member in evidence.configuration.members),
        got=_written(key),
    )


def _written(key: bytes) -> str:
    return str(PublicKey(key))


def _require_rising(pointer: str, sides: Sequence[object]) -> None:
    one, other = sides
    if one == other:
        raise _nothing("the same thing twice is no contradiction", pointer, "two that differ", "one, twice")
    if list(sides) != sorted(sides):  # type: ignore[type-var]  # bytes, or pairs of them
        raise NotVerified(
            "not in their order", code="not-canonical", pointer=pointer, expected="the lesser first", got="last"
        )


def _require_equal(pointer: str, expected: object, got: object) -> None:
    if expected != got:
        raise NotVerified(
            "not what the rest of the evidence says",
            code="wrong-evidence",
            pointer=pointer,
            expected=str(expected),
            got=str(got),
        )


def _nothing(detail: str, pointer: str, expected: str, got: str) -> NotVerified:
    return NotVerified(detail, code="proves-nothing", pointer=pointer, expected=expected, got=got)


def _under(pointer: str, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return check(*args, **kwargs)
    except AssayError as error:
        raise error.under(pointer) from error
