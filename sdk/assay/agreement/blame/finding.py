"""All evidence that there is in what was signed, whoever collected it.

What is put in is checked one by one: what no member has signed is left out, and counted as proving nothing.
Each member is named once for each thing that it did, however often it is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from assay import merkle
from assay.agreement import results
from assay.agreement.blame import making
from assay.agreement.blame.evidence import (
    TAGS,
    AnyEvidence,
    Commitment,
    DoubleVote,
    Phase,
    Rewrite,
    WrongOutcome,
)
from assay.agreement.blame.transcript import Batch, Beginning, Transcript, Vote
from assay.agreement.chain import require_chain
from assay.agreement.entry import Entry
from assay.agreement.evidence import AgreementEvidence, require_signed
from assay.agreement.group import Configuration, Epoch, Signed
from assay.agreement.sealing import Opened
from assay.agreement.views import Move, Quorum, SignedMove, beginning
from assay.digest import Tag
from assay.errors import AssayError
from assay.keys import PublicKey

Place = tuple[int, int]  # view, number
Choice = tuple[bytes, bytes]  # what a vote is for: installed, entry
About = tuple[int, bytes, bytes]  # what a result is: member, request, model


class Audit:
    """Of one group in one epoch. Raises NotVerified, Refused where that is no group."""

    def __init__(self, epochs: tuple[Epoch, ...]) -> None:
        require_chain(epochs)
        self._epochs = epochs
        self._group = epochs[0].configuration.digest
        self._votes: dict[tuple[str, Place], dict[Choice, dict[int, Vote]]] = {}
        self._entries: dict[bytes, Entry] = {}
        self._results: dict[About, tuple[Batch, int]] = {}  # the first
        self._contradictions: dict[About, AnyEvidence] = {}
        self._miscounts: dict[bytes, AgreementEvidence] = {}  # by entry
        self._moves: dict[tuple[int, int], dict[bytes, SignedMove]] = {}  # by member and view, then digest
        self._beginnings: dict[int, dict[bytes, Beginning]] = {}  # by view, then digest
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
        for move in transcript.moves:
            self.moved(move)
        for began in transcript.beginnings:
            self.began(began)

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
            if isinstance(each.said, Opened):
                continue  # it contradicts nothing
            name = batch.member, each.request, each.model
            before = self._results.setdefault(name, (batch, i))
            if found := making.contradiction(self._epochs, before, (batch, i)):
                self._contradictions.setdefault(name, found)

    def committed(self, commitment: Commitment) -> None:
        """What is signed in it counts even where it is no quorum."""
        signatures = commitment.commits
        self._proved("commit", Quorum(commitment.entry, commitment.view, commitment.installed, signatures))

    def _proved(self, phase: Phase, by: Quorum) -> None:
        entry = by.entry
        if not self._is_ours(entry):
            return
        digest = entry.digest
        self._entries[digest] = entry
        for each in by.signatures:
            self.vote(Vote(phase, each.member, by.view, by.installed, entry.number, digest, each.signature))

    def _is_ours(self, thing: Entry | Move) -> bool:
        ours = (thing.group, thing.epoch) == (self._group, self._configuration.epoch)
        self.unproven += not ours
        return ours

    def moved(self, signed: SignedMove) -> None:
        """What is signed in it counts too: commits under its head, prepares under its locks."""
        move = signed.move
        if not self._is_ours(move) or not self._signed(
            move.member, Tag.AGREEMENT_VIEW_CHANGE, move.digest, signed.signature
        ):
            return
        self._moves.setdefault((move.member, move.view), {})[move.digest] = signed
        if move.head is not None:
            self._proved("commit", move.head)
        for lock in move.locks:
            self._proved("prepare", lock)

    def began(self, began: Beginning) -> None:
        digest = beginning(
            self._group, self._configuration.epoch, began.view, [each.move.digest for each in began.moves]
        )
        leader = making.leader(self._epochs, began.view)
        for each in began.moves:
            self.moved(each)
        if self._signed(leader, Tag.AGREEMENT_NEW_VIEW, digest, began.signature):
            self._beginnings.setdefault(began.view, {})[digest] = began

    def certified(self, certified: AgreementEvidence) -> None:
        """What stands in a certificate of this group and epoch."""
        self.committed(making.commitment(certified))
        try:
            require_signed(certified)
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
        return [
            *rewrites,
            *self._wrong_outcomes(),
            *votes,
            *self._contradictions.values(),
            *self._of_views(),
            *self._against_views(),
        ]

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

    def _of_views(self) -> Iterator[AnyEvidence]:
        """Two moves, two beginnings, and the moves that pass over a commitment: one for each commitment."""
        for moves in map(list, map(dict.values, self._moves.values())):
            if len(moves) > 1 and (found := making.two_moves(self._epochs, moves[0], moves[1])):
                yield found
        for begun in map(list, map(dict.values, self._beginnings.values())):
            if len(begun) > 1 and (again := making.two_beginnings(self._epochs, begun[0], begun[1])):
                yield again
        by_member: dict[int, list[SignedMove]] = {}
        for (member, _), moves_into in self._moves.items():
            by_member.setdefault(member, []).extend(moves_into.values())
        for vote in self._every_vote():
            moved = by_member.get(vote.member, ())
            passed_over = (making.forgotten_commitment(self._epochs, vote, move) for move in moved)
            yield from islice(filter(None, passed_over), 1)

    def _against_views(self) -> Iterator[AnyEvidence]:
        for vote in self._every_vote():
            began = self._beginnings.get(vote.view, {}).get(vote.installed)
            if began is not None and (found := making.against_the_view(self._epochs, vote, began)):
                yield found

    def _every_vote(self) -> Iterator[Vote]:
        for choices in self._votes.values():
            for votes in choices.values():
                yield from votes.values()

    def _wrong_outcomes(self) -> Iterator[WrongOutcome]:
        return filter(None, map(making.wrong_outcome, self._miscounts.values()))
