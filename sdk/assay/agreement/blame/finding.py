"""All evidence that there is in what was signed, whoever collected it.

What is put in is checked one by one: what no member has signed is left out, and counted as proving nothing.
Each member is named once for each thing that it did, however often it is seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay import merkle
from assay.agreement import results
from assay.agreement.blame import making
from assay.agreement.blame.evidence import TAGS, AnyEvidence, Commitment, DoubleVote, Rewrite, WrongOutcome
from assay.agreement.blame.transcript import Batch, Transcript, Vote
from assay.agreement.entry import Entry
from assay.agreement.evidence import AgreementEvidence, require_committed
from assay.agreement.group import Configuration, Epoch, Signed, require_genesis
from assay.digest import Tag
from assay.errors import AssayError
from assay.keys import PublicKey

Place = tuple[int, int]  # view, number
Choice = tuple[bytes, bytes]  # what a vote is for: installed, entry
About = tuple[int, bytes, bytes]  # what a result is: member, request, model


class Audit:
    """Of one group in one epoch. Raises NotVerified, Refused where that is no group."""

    def __init__(self, epochs: tuple[Epoch, ...]) -> None:
        require_genesis(epochs[0])
        self._epochs = epochs
        self._group = epochs[0].configuration.digest
        self._votes: dict[tuple[str, Place], dict[Choice, dict[int, Vote]]] = {}
        self._entries: dict[bytes, Entry] = {}
        self._results: dict[About, tuple[Batch, int]] = {}  # the first
        self._contradictions: dict[About, AnyEvidence] = {}
        self._miscounts: dict[bytes, AgreementEvidence] = {}  # by entry
        self.unproven = 0  # things that prove nothing, for what they say was not signed

    @property
    def _configuration(self) -> Configuration:
        return self._epochs[-1].configuration

    # --- what is put in -----------------------------------------------------------------------------------

    def hear(self, transcript: Transcript) -> None:
        """Of this group and epoch."""
        for vote in transcript.votes:
            self.vote(vote)
        for batch in transcript.batches:
            self.results(batch)
        for commitment in transcript.commitments:
            self.committed(commitment)

    def vote(self, vote: Vote) -> None:
        ballot = vote.ballot(self._group, self._configuration.epoch)
        tag = TAGS[vote.phase]
        if self._signed(vote.member, tag, ballot.digest(tag), vote.signature):
            choices = self._votes.setdefault((vote.phase, (vote.view, vote.number)), {})
            choices.setdefault((vote.installed, vote.entry), {}).setdefault(vote.member, vote)

    def results(self, batch: Batch) -> None:
        root = merkle.root([each.leaf for each in batch.results])
        signed = results.signed(self._group, self._configuration.epoch, batch.member, len(batch.results), root)
        if not self._signed(batch.member, Tag.AGREEMENT_EXEC, signed, batch.signature):
            return
        for i, each in enumerate(batch.results):
            name = batch.member, each.request, each.model
            before = self._results.setdefault(name, (batch, i))
            if found := making.contradiction(self._epochs, before, (batch, i)):
                self._contradictions.setdefault(name, found)

    def committed(self, commitment: Commitment) -> None:
        """What is signed in it counts even where it is no quorum."""
        entry = commitment.entry
        if (entry.group, entry.epoch) != (self._group, self._configuration.epoch):
            self.unproven += 1
            return
        self._entries[entry.digest] = entry
        for each in commitment.commits:
            self.vote(
                Vote(
                    phase="commit",
                    member=each.member,
                    view=commitment.view,
                    installed=commitment.installed,
                    number=entry.number,
                    entry=entry.digest,
                    signature=each.signature,
                )
            )

    def certified(self, certified: AgreementEvidence) -> None:
        """What stands in a certificate of this group and epoch."""
        self.committed(making.commitment(certified))
        try:
            require_committed(certified)
        except AssayError:
            self.unproven += 1
            return
        if making.wrong_outcome(certified) is not None:
            self._miscounts.setdefault(certified.entry.digest, certified)

    def _signed(self, member: int, tag: Tag, digest: bytes, signature: bytes) -> bool:
        try:
            if member >= self._configuration.n:
                raise AssayError("no such member")
            PublicKey(self._configuration.members[member].key).verify(tag, digest, signature)
        except AssayError:
            self.unproven += 1
            return False
        return True

    # --- what comes out -----------------------------------------------------------------------------------

    def evidence(self) -> list[AnyEvidence]:
        """Everything found; rewrites of the log first. Whom these name is not named for the same votes again."""
        rewrites = list(self._rewrites())
        named = {
            (key, each.commitments[0].view, each.commitments[0].entry.number)
            for each in rewrites
            for key in each.accused
        }
        votes = (
            each
            for each in self._double_votes()
            if each.phase == "prepare" or (*each.accused, each.view, each.number) not in named
        )
        return [*rewrites, *self._wrong_outcomes(), *votes, *self._contradictions.values()]

    def _rewrites(self) -> Iterator[Rewrite]:
        """Each entry to which a quorum has committed, against the first one at its number."""
        first: dict[int, Commitment] = {}
        in_view: dict[Place, Commitment] = {}
        for each in self._commitments():
            number = each.entry.number
            before = in_view.setdefault((each.view, number), each)
            if before.entry == each.entry:
                before = first.setdefault(number, each)
            if found := making.rewrite(self._epochs, before, each):
                yield found

    def _commitments(self) -> Iterator[Commitment]:
        """What a quorum has committed to, as far as the entry is known; with all signatures that there are."""
        for (phase, (view, _)), choices in sorted(self._votes.items(), key=lambda each: each[0]):
            for (installed, digest), votes in sorted(choices.items(), key=lambda each: each[0]):
                if phase == "commit" and len(votes) >= self._configuration.quorum and digest in self._entries:
                    commits = tuple(Signed(member, votes[member].signature) for member in sorted(votes))
                    yield Commitment(self._entries[digest], view, installed, commits)

    def _double_votes(self) -> Iterator[DoubleVote]:
        """One for each member, phase, view and number."""
        for choices in self._votes.values():
            by_member: dict[int, list[Vote]] = {}
            for votes in choices.values():
                for member, vote in votes.items():
                    by_member.setdefault(member, []).append(vote)
            for cast in by_member.values():
                if len(cast) > 1 and (found := making.double_vote(self._epochs, cast[0], cast[1])):
                    yield found

    def _wrong_outcomes(self) -> Iterator[WrongOutcome]:
        return filter(None, map(making.wrong_outcome, self._miscounts.values()))
