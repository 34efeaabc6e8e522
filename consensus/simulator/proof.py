"""What a client makes of what it is told: an outcome that it can prove to anybody, or nothing."""

from __future__ import annotations

from assay import merkle
from assay.agreement.entry import Asked, Ballot, Ended
from assay.agreement.evidence import AgreementEvidence, require_committed
from assay.agreement.votes import Answered
from assay.digest import Tag
from assay.errors import AssayError
from consensus.messages import Decided
from consensus.simulator.founding import Founded


class Prover:
    """With a keyed hash it checks by itself; where signatures are real, the check that buyers use must agree."""

    def __init__(self, founded: Founded) -> None:
        self._founded = founded

    def problem(self, decided: Decided, index: int, ended: Ended, asked: Asked) -> str:
        """Why this proves nothing about the request; empty where it does."""
        entry = decided.entry
        if (entry.group, ended.request) != (self._founded.genesis, asked.digest):
            return "of another group or request"
        leaves = list(decided.leaves)
        if len(leaves) != entry.count or merkle.root(leaves) != entry.root:
            return "the outcomes are not those of the entry"
        if not 0 <= index < len(leaves) or leaves[index] != ended.leaf:
            return "the outcome is not in the entry"
        if entry.epoch >= len(self._founded.epochs) or not self._is_committed(decided):
            return "no quorum has committed to the entry"
        members = self._founded.epochs[entry.epoch].configuration.members
        known = {each.model.commitment for each in members} | {each.commitment for each in decided.models}
        if not {each.model for each in ended.said if isinstance(each, Answered)} <= known:
            return "a model answered that it does not tell of"
        return self._real_problem(decided, index, ended, asked) if self._founded.real else ""

    def _is_committed(self, decided: Decided) -> bool:
        entry, members = decided.entry, [each.member for each in decided.commits]
        if len(members) < self._founded.configuration.quorum or members != sorted(set(members)):
            return False
        ballot = Ballot(entry.group, entry.epoch, decided.view, decided.installed, entry.number, entry.digest)
        digest = ballot.digest(Tag.AGREEMENT_COMMIT)
        signers = [(self._founded.members[each.member], each.signature) for each in decided.commits]
        return all(
            signer.seal.verifies(signer.key, Tag.AGREEMENT_COMMIT, digest, signature)
            for signer, signature in signers
        )

    def _real_problem(self, decided: Decided, index: int, ended: Ended, asked: Asked) -> str:
        evidence = AgreementEvidence(
            epochs=tuple(self._founded.epochs[: decided.entry.epoch + 1]),
            asked=asked,
            ended=ended,
            index=index,
            path=merkle.path(decided.leaves, index),
            entry=decided.entry,
            view=decided.view,
            installed=decided.installed,
            commits=decided.commits,
        )
        try:
            require_committed(evidence)
            counted = evidence.tally.outcome
        except AssayError as error:
            return str(error)
        return "" if counted == ended.outcome else f"counted as {counted}"
