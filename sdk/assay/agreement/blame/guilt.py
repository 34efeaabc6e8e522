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
    AgainstTheView,
    AnyEvidence,
    Cast,
    Commitment,
    ContradictingResults,
    DoubleVote,
    ForgottenCommitment,
    Moved,
    OfOne,
    Phase,
    Rewrite,
    Told,
    TwoBeginnings,
    TwoMoves,
    WrongOutcome,
)
from assay.agreement.chain import require_chain
from assay.agreement.entry import Ballot
from assay.agreement.evidence import AgreementEvidence, require_quorum, require_signed
from assay.agreement.group import Configuration
from assay.agreement.results import Result
from assay.agreement.views import Move, beginning, carried
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
    _under("/epochs", require_chain, evidence.epochs)
    match evidence:
        case Rewrite():
            return _named(evidence, _rewrite(evidence))
        case WrongOutcome():
            return _named(evidence, _wrong_outcome(evidence))
    accused = _accused(evidence)
    match evidence:
        case DoubleVote():
            _double_vote(evidence, accused)
        case ContradictingResults():
            _contradicting_results(evidence, accused)
        case TwoMoves():
            _two_moves(evidence, accused)
        case TwoBeginnings():
            _two_beginnings(evidence, accused)
        case ForgottenCommitment():
            _forgotten_commitment(evidence, accused)
        case AgainstTheView():
            _against_the_view(evidence, accused)
    return (accused,)


def _double_vote(evidence: DoubleVote, accused: Guilty) -> None:
    """An honest member votes once in each phase for each (view, number), with what it has written before it."""
    _require_rising("/votes", [(each.installed, each.entry) for each in evidence.votes])
    for i, each in enumerate(evidence.votes):
        _under(f"/votes/{i}", _require_vote, evidence, accused, evidence.phase, each)


def _require_vote(
    evidence: DoubleVote | ForgottenCommitment | AgainstTheView, accused: Guilty, phase: Phase, cast: Cast
) -> None:
    epoch, tag = evidence.configuration.epoch, TAGS[phase]
    ballot = Ballot(evidence.group, epoch, evidence.view, cast.installed, evidence.number, cast.entry)
    _under("/signature", accused.key.verify, tag, ballot.digest(tag), cast.signature)


def _contradicting_results(evidence: ContradictingResults, accused: Guilty) -> None:
    """An honest member says one thing of a request with a model, and keeps it in what it has written."""
    _require_rising("/results", [encoded(each.said).document for each in evidence.results])
    for i, each in enumerate(evidence.results):
        signed = _under(f"/results/{i}/path", _signed, evidence, accused.member, each)
        _under(f"/results/{i}/signature", accused.key.verify, Tag.AGREEMENT_EXEC, signed, each.signature)


def _signed(evidence: ContradictingResults, member: int, told: Told) -> bytes:
    leaf = Result(evidence.request, evidence.model, told.said).leaf
    root = merkle.root_from_path(leaf, told.index, told.count, told.path)
    return results.signed(evidence.group, evidence.configuration.epoch, member, told.count, root)


def _two_moves(evidence: TwoMoves, accused: Guilty) -> None:
    """An honest member moves into a view once, with what it has written before it."""
    moves = [_require_move(evidence, accused, evidence.view, each, "/moves") for each in evidence.moves]
    _require_rising("/moves", [each.digest for each in moves])


def _require_move(evidence: OfOne, accused: Guilty, view: int, moved: Moved, pointer: str) -> Move:
    epoch = evidence.configuration.epoch
    move = Move(evidence.group, epoch, accused.member, view, moved.head, moved.locks)
    _under(pointer, accused.key.verify, Tag.AGREEMENT_VIEW_CHANGE, move.digest, moved.signature)
    return move


def _two_beginnings(evidence: TwoBeginnings, accused: Guilty) -> None:
    """An honest member begins a view that it leads once, and no other."""
    _require_rising("/beginnings", [each.moves for each in evidence.beginnings])
    for i, each in enumerate(evidence.beginnings):
        signed = beginning(evidence.group, evidence.configuration.epoch, evidence.view, each.moves)
        pointer = f"/beginnings/{i}/signature"
        _under(pointer, accused.key.verify, Tag.AGREEMENT_NEW_VIEW, signed, each.signature)


def _forgotten_commitment(evidence: ForgottenCommitment, accused: Guilty) -> None:
    """An honest member's move holds, for each number to which it has committed, an entry executed there or beyond,
    or prepares that are no older; and once it has moved it votes in no earlier view.
    """
    _under("/committed", _require_vote, evidence, accused, "commit", evidence.committed)
    move = _require_move(evidence, accused, evidence.later, evidence.move, "/move/signature")
    if evidence.later <= evidence.view:
        raise _nothing("moved before it committed", "/later", f"a view above {evidence.view}", str(evidence.later))
    if move.answers_for(evidence.number, evidence.view):
        raise _nothing("the move answers for the commitment", "/move", "no word on it", "one")


def _against_the_view(evidence: AgainstTheView, accused: Guilty) -> None:
    """An honest member votes for what the view takes over, which follows from the moves that its ballots name."""
    moves = [each.digest for each in evidence.moves]
    installed = beginning(evidence.group, evidence.configuration.epoch, evidence.view, moves)
    cast = Cast(installed, evidence.entry, evidence.signature)
    _require_vote(evidence, accused, evidence.phase, cast)
    due = carried(evidence.group, evidence.moves).get(evidence.number)
    if due is None or due == evidence.entry:
        raise _nothing(
            "the view did not ask for another entry", "/entry", "another than what it takes over", "none"
        )


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
    require_signed(certified)
    if is_counted(certified):
        raise _nothing(
            "the outcome is what the words come to", "/ended/outcome", "another", certified.ended.outcome
        )
    return [each.member for each in evidence.committed.commits]


def is_counted(certified: AgreementEvidence) -> bool:
    """Whether an outcome that `require_signed` accepts is what the members' words come to, one of each.

    In a later epoch it may be where they are of another number: an owner may have signed two drafts of one epoch,
    and a quorum of liars approve both. Who has followed the other one has counted rightly for one of that size.
    """
    configuration = certified.configuration
    if len(certified.ended.said) != configuration.n:
        return configuration.epoch > 0
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


def _accused(evidence: OfOne) -> Guilty:
    """The only one."""
    if len(evidence.accused) != 1:
        raise _nothing("not one member is accused", "/accused", "one key", str(len(evidence.accused)))
    [key] = evidence.accused
    for i, member in enumerate(evidence.configuration.members):
        if member.key == key:
            return Guilty(i, member.owner, PublicKey(key))
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
