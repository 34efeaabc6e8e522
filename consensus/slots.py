"""The entries on which the group is voting in the present view: what follows from each proposal, and the votes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from assay.agreement.group import Signed
from assay.agreement.views import MAX_LOCKS
from consensus.judging import Judged
from consensus.messages import Content, Vote

AHEAD = MAX_LOCKS  # numbers beyond the last entry for which votes are kept


@dataclass
class Slot:
    """One number. Votes are of members, one of each kind, their signatures checked, all of the present view.

    `entry`: what it has to be, where that is known before it is judged: because the view has taken it over, or
    because this member prepared it before it was restarted.
    """

    number: int
    entry: bytes | None = None
    content: Content | None = None  # as the leader has proposed it
    judged: Judged | None = None
    refused: bool = False  # the proposal breaks a rule: nothing but another leader helps
    began: int = 0  # when there was something to vote on, by this member's clock
    due: int = 0  # when to ask for it, once the group has decided it and this member cannot
    prepares: dict[int, Vote] = field(default_factory=dict)
    commits: dict[int, Vote] = field(default_factory=dict)
    astray: dict[str, dict[int, Vote]] = field(default_factory=dict)  # on another beginning of the view, by kind
    unread: dict[tuple[str, int], Vote] = field(default_factory=dict)  # came when there were enough, not checked

    def votes(self, kind: str) -> dict[int, Vote]:
        return self.prepares if kind == "prepare" else self.commits

    def strays(self, kind: str) -> dict[int, Vote]:
        """These count for nothing; one of each member is kept, to hold its other words against."""
        return self.astray.setdefault(kind, {})

    def said(self, kind: str, member: int) -> list[Vote]:
        """What a member has said so far, one thing unless it lies."""
        every = (votes.get(member) for votes in (self.votes(kind), self.astray.get(kind, {})))
        unread = self.unread.get((kind, member))
        return [vote for vote in (*every, unread) if vote is not None]

    def has_enough(self, vote: Vote, quorum: int) -> bool:
        """Whether nothing hangs on one more vote like this."""
        return (
            self.judged is not None
            and vote.entry == self.judged.standing.last
            and self.agreeing(vote.kind) >= quorum
        )

    @property
    def is_open(self) -> bool:
        """Whether the leader may still propose something."""
        return self.content is None and self.entry is None

    def has_prepared(self, quorum: int) -> bool:
        return self.agreeing("prepare") >= quorum

    def has_committed(self, quorum: int) -> bool:
        return self.agreeing("commit") >= quorum

    def is_decided(self, quorum: int) -> bool:
        """Whether a quorum has committed to one entry, which may be unknown here."""
        if len(self.commits) < quorum:
            return False
        return max(Counter(vote.entry for vote in self.commits.values()).values()) >= quorum

    def agreeing(self, kind: str) -> int:
        """How many members have voted for what follows from the proposal."""
        if self.judged is None:
            return 0
        entry = self.judged.standing.last
        return sum(vote.entry == entry for vote in self.votes(kind).values())

    def signatures(self, kind: str) -> tuple[Signed, ...]:
        """Of those, in the members' order."""
        if self.judged is None:
            return ()
        entry, votes = self.judged.standing.last, self.votes(kind)
        every = (votes[member] for member in sorted(votes))
        return tuple(Signed(vote.member, vote.signature) for vote in every if vote.entry == entry)
