"""The entries on which the group is voting: per number a proposal, what follows from it, and the votes."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.agreement.group import Signed
from consensus.judging import Judged
from consensus.messages import Propose, Vote

AHEAD = 64  # numbers beyond the last entry for which votes are kept


@dataclass
class Slot:
    """One number. Votes are of members, one of each kind, their signatures checked."""

    number: int
    propose: Propose | None = None
    judged: Judged | None = None
    refused: bool = False  # the proposal breaks a rule: nothing but the group's commitment helps
    began: int = 0  # when the proposal came, by this member's clock
    prepares: dict[int, Vote] = field(default_factory=dict)
    commits: dict[int, Vote] = field(default_factory=dict)

    def votes(self, kind: str) -> dict[int, Vote]:
        return self.prepares if kind == "prepare" else self.commits

    def has_prepared(self, quorum: int) -> bool:
        return self.agreeing("prepare") >= quorum

    def has_committed(self, quorum: int) -> bool:
        return self.agreeing("commit") >= quorum

    def agreeing(self, kind: str) -> int:
        """How many members have voted for what follows from the proposal."""
        return len(self._agreeing(kind))

    def signatures(self) -> tuple[Signed, ...]:
        """The commits, in the members' order."""
        return tuple(Signed(vote.member, vote.signature) for vote in self._agreeing("commit"))

    def _agreeing(self, kind: str) -> list[Vote]:
        if self.judged is None or self.propose is None:
            return []
        ballot = (self.propose.view, self.propose.installed, self.judged.standing.last)
        votes = self.votes(kind)
        every = (votes[member] for member in sorted(votes))
        return [vote for vote in every if (vote.view, vote.installed, vote.entry) == ballot]
