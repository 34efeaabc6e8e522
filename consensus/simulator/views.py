"""What honest members may say when views change, and what no later view may pass over.

A commitment that may have made an entry the group's is never lost: once so many honest members have committed to
it in one view that liars could make it a quorum, every later view begins above it, or decides it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.agreement.entry import Ballot
from assay.agreement.group import Epoch
from assay.agreement.views import Move, Quorum, beginning
from assay.digest import Tag
from consensus.durable import Cast, Durable, Installed, Moved
from consensus.messages import NewView, Record, ViewChange, Vote
from consensus.simulator import recount
from consensus.simulator.founding import Founded
from consensus.simulator.world import Broken

Began = tuple[int, bytes]  # a view, and the digest of the NEW-VIEW that began it


@dataclass
class _Where:
    """One honest member. `given`: the newest COMMIT that it has given at each number."""

    began: Began
    view: int = 0  # it votes in none below
    given: dict[int, Vote] = field(default_factory=dict)


class Views:
    """Of one epoch. `records` and `executed` grow elsewhere: the one log, and how far each member has come in it.

    `steady`: there is no reason to change the view.
    """

    def __init__(
        self,
        founded: Founded,
        epoch: Epoch,
        honest: frozenset[int],
        records: Sequence[Record],
        executed: dict[int, int],
        *,
        steady: bool,
    ) -> None:
        self._founded = founded
        self._quorum = founded.configuration.quorum
        self._n = founded.configuration.n
        self._liars = self._n - len(honest)
        self._records = records
        self._executed = executed
        self._steady = steady
        self._epoch = epoch.configuration.epoch
        first = (0, epoch.configuration.digest if self._epoch else bytes(32))  # that began without a NEW-VIEW
        self._where = {place: _Where(first) for place in honest}
        self._committed: dict[tuple[Began, int, bytes], set[int]] = defaultdict(set)
        self._decided: list[tuple[int, int, bytes]] = []  # (view, number, entry) that may be the group's
        last = epoch.approvals[0].entry if self._epoch else founded.genesis
        self._estates: dict[Began, recount.Estate] = {first: recount.Estate(epoch.last, last, {})}

    @property
    def latest(self) -> int:
        """The last view to which an honest member has moved."""
        return max(each.view for each in self._where.values())

    def writes(self, place: int, what: Durable) -> None:
        match what:
            case Moved(change):
                self._moves(place, change)
            case Installed(new_view):
                self._begins(place, new_view)
            case Cast(vote):
                self._votes(place, vote)

    # --- moving -------------------------------------------------------------------------------------------

    def _moves(self, place: int, change: ViewChange) -> None:
        where, move = self._where[place], change.move
        if self._steady:
            raise Broken("no view change without a reason", f"member {place} moves to {move.view}")
        if move.member != place or move.view <= where.view:
            raise Broken("one move into a view", f"member {place} moves to {move.view} after {where.view}")
        self._require_signed(place, Tag.AGREEMENT_VIEW_CHANGE, move.digest, change.signature)
        self._require_head(place, move)
        self._require_locks(place, move, where)
        where.view = move.view

    def _require_head(self, place: int, move: Move) -> None:
        number = 0 if move.head is None else move.head.entry.number
        if number != self._executed[place]:
            raise Broken(
                "moves with its last entry", f"member {place} has {self._executed[place]}, names {number}"
            )
        if move.head is not None and move.head.entry != self._records[number - 1].entry:
            raise Broken("moves with its last entry", f"member {place} names {move.head.entry}")

    def _require_locks(self, place: int, move: Move, where: _Where) -> None:
        locks = {lock.entry.number: lock for lock in move.locks}
        for number, vote in where.given.items():
            if number <= self._executed[place]:
                continue
            lock = locks.get(number)
            if lock is None or (lock.view, lock.entry.digest) != (vote.view, vote.entry):
                raise Broken("moves with all its commitments", f"member {place} leaves out {vote} for {lock}")
        self._require_proved(move)

    def _require_proved(self, move: Move) -> None:
        claims = [(Tag.AGREEMENT_PREPARE, lock) for lock in move.locks]
        if move.head is not None:
            claims.append((Tag.AGREEMENT_COMMIT, move.head))
        for tag, quorum in claims:
            if problem := self._unproved(tag, quorum):
                raise Broken("what is taken over is proved", f"member {move.member}: {problem} in {quorum}")

    def _unproved(self, tag: Tag, quorum: Quorum) -> str:
        entry, signers = quorum.entry, [each.member for each in quorum.signatures]
        if len(set(signers)) < self._quorum or len(set(signers)) != len(signers):
            return f"{signers} are no quorum"
        ballot = Ballot(entry.group, entry.epoch, quorum.view, quorum.installed, entry.number, entry.digest)
        false = [
            each.member
            for each in quorum.signatures
            if not self._is_signed(each.member, tag, ballot.digest(tag), each.signature)
        ]
        return f"{false} have not signed" if false else ""

    # --- beginning ----------------------------------------------------------------------------------------

    def _begins(self, place: int, new_view: NewView) -> None:
        where, view = self._where[place], new_view.view
        if view < where.view or view <= where.began[0]:
            raise Broken("one beginning of a view", f"member {place} begins {view} after {where}")
        where.view, where.began = view, (view, self._require_beginning(place, new_view))
        if where.began not in self._estates:
            moves = [each.move for each in new_view.changes]
            self._estates[where.began] = recount.estate(self._founded.genesis, moves)
            for decided in self._decided:
                self._require_inherited(where.began, *decided)

    def _require_beginning(self, place: int, new_view: NewView) -> bytes:
        """The digest that its leader has signed."""
        members = [each.move.member for each in new_view.changes]
        digests = [each.move.digest for each in new_view.changes]
        group, epoch = self._founded.genesis, self._epoch
        if len(set(members)) < self._quorum or members != sorted(set(members)):
            raise Broken("a quorum has moved", f"member {place} begins {new_view.view} with {members}")
        for each in new_view.changes:
            if each.move.view != new_view.view:
                raise Broken("a quorum has moved", f"member {each.move.member} moved to {each.move.view}")
            self._require_signed(each.move.member, Tag.AGREEMENT_VIEW_CHANGE, each.move.digest, each.signature)
            self._require_proved(each.move)
        signed = beginning(group, epoch, new_view.view, digests)
        self._require_signed(new_view.view % self._n, Tag.AGREEMENT_NEW_VIEW, signed, new_view.signature)
        return signed

    # --- voting -------------------------------------------------------------------------------------------

    def _votes(self, place: int, vote: Vote) -> None:
        where, began = self._where[place], (vote.view, vote.installed)
        if began != where.began or vote.view < where.view:
            raise Broken("a vote in the present view", f"member {place} at {where} casts {vote}")
        estate = self._estates[began]
        if vote.number <= estate.number or estate.carried.get(vote.number, vote.entry) != vote.entry:
            raise Broken("a vote for what the view takes over", f"member {place} casts {vote}, not {estate}")
        if vote.kind == "commit":
            where.given[vote.number] = vote
            self._commits(place, began, vote)

    def _commits(self, place: int, began: Began, vote: Vote) -> None:
        committed = self._committed[began, vote.number, vote.entry]
        committed.add(place)
        if len(committed) != self._quorum - self._liars:
            return
        decided = (vote.view, vote.number, vote.entry)
        self._decided.append(decided)
        for other in self._estates:
            self._require_inherited(other, *decided)

    def _require_inherited(self, began: Began, view: int, number: int, entry: bytes) -> None:
        """A later view begins above what may have been decided, or takes it over."""
        if began[0] <= view:
            return
        estate = self._estates[began]
        if number > estate.number and estate.carried.get(number) != entry:
            what = f"{entry.hex()} at {number}, committed in view {view}"
            raise Broken("what may be decided is taken over", f"view {began[0]} begins with {estate}, not {what}")

    # --- signatures ---------------------------------------------------------------------------------------

    def _is_signed(self, member: int, tag: Tag, digest: bytes, signature: bytes) -> bool:
        signer = self._founded.members[member]
        return signer.seal.verifies(signer.key, tag, digest, signature)

    def _require_signed(self, member: int, tag: Tag, digest: bytes, signature: bytes) -> None:
        if not self._is_signed(member, tag, digest, signature):
            raise Broken("own signature", f"member {member} has not signed {tag.name} {digest.hex()}")
