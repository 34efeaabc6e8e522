"""Groups of any size with all their keys, and what their members may sign: honestly or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from assay import merkle
from assay.agreement import results
from assay.agreement.blame.evidence import TAGS, Commitment
from assay.agreement.blame.transcript import Batch, Beginning, Vote
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Configuration, Epoch, Member, Signed
from assay.agreement.results import Result
from assay.agreement.views import Move, Quorum, SignedMove, beginning
from assay.agreement.votes import Answered
from assay.digest import Tag, sha256
from assay.keys import PrivateKey
from tests.sdk import groups


@dataclass(frozen=True)
class Group:
    """N = 3f + 1 members; those of another `slug` have the same keys."""

    n: int = 4
    slug: str = "digits"

    @cached_property
    def keys(self) -> list[PrivateKey]:
        return [PrivateKey(sha256(b"blamed %d" % i)) for i in range(self.n)]

    @cached_property
    def configuration(self) -> Configuration:
        members = tuple(
            Member(f"owner{i}", key.public.raw, f"owner{i}.example:7000", groups.model(i))
            for i, key in enumerate(self.keys)
        )
        return groups.configuration(groups.keys(), members=members, slug=self.slug)

    @cached_property
    def epochs(self) -> tuple[Epoch, ...]:
        digest = self.configuration.digest
        return (Epoch(self.configuration, tuple(key.sign(Tag.GROUP, digest) for key in self.keys), ()),)

    @cached_property
    def digest(self) -> bytes:
        return self.configuration.digest

    # --- what is signed -----------------------------------------------------------------------------------

    def vote(self, member, phase="commit", view=0, number=7, entry=b"a", installed=b"", epoch=0) -> Vote:
        """`entry` and `installed` by any name for them, or by their digests; no name for a view 0."""
        digest, began = named(entry), named(installed) if installed else bytes(32)
        ballot = Ballot(self.digest, epoch, view, began, number, digest)
        signature = self.keys[member].sign(TAGS[phase], ballot.digest(TAGS[phase]))
        return Vote(phase, member, view, began, number, digest, signature)

    def batch(self, member, *said, epoch=0) -> Batch:
        """`said`: (request, model, word), by names."""
        made = tuple(Result(named(request), named(model), word) for request, model, word in said)
        root = merkle.root([each.leaf for each in made])
        signed = results.signed(self.digest, epoch, member, len(made), root)
        return Batch(member, made, self.keys[member].sign(Tag.AGREEMENT_EXEC, signed))

    def entry(self, number=7, content=b"a", root=bytes(32), count=0, time=groups.TIME, epoch=0) -> Entry:
        return Entry(self.digest, epoch, number, named(b"parent"), time, named(content), count, root)

    def commitment(self, members, entry=None, view=0, installed=b"") -> Commitment:
        entry = entry or self.entry()
        place = ("commit", view, entry.number, entry.digest, installed, entry.epoch)
        votes = [self.vote(i, *place) for i in members]
        return Commitment(entry, view, votes[0].installed, tuple(Signed(v.member, v.signature) for v in votes))

    def quorum(self, members, entry=None, phase="prepare", view=0, installed=b"") -> Quorum:
        entry = entry or self.entry()
        place = (phase, view, entry.number, entry.digest, installed, entry.epoch)
        votes = [self.vote(i, *place) for i in members]
        return Quorum(entry, view, votes[0].installed, tuple(Signed(v.member, v.signature) for v in votes))

    def move(self, member, view=1, head=None, locks=(), epoch=0) -> SignedMove:
        move = Move(self.digest, epoch, member, view, head, tuple(locks))
        return SignedMove(move, self.keys[member].sign(Tag.AGREEMENT_VIEW_CHANGE, move.digest))

    def begin(self, view, *moves, by=None, epoch=0) -> Beginning:
        digest = beginning(self.digest, epoch, view, [each.move.digest for each in moves])
        key = self.keys[view % self.n if by is None else by]
        return Beginning(view, moves, key.sign(Tag.AGREEMENT_NEW_VIEW, digest))

    def certified(
        self, members, outcome="certified", votes=None, deadline=groups.TIME + 1000, words=None, **place
    ):
        """An outcome committed to by `members`, whatever is said in it; the right one is `certified`."""
        asked = Asked(self.digest, groups.CLIENT.public.raw, bytes(16), named(b"input"), 1, deadline, 0)
        said = tuple(
            Answered(member.model.commitment, ((1,) * self.n if votes is None else votes)[i : i + 1])
            for i, member in enumerate(self.configuration.members)
        )
        said = said if words is None else (*said, said[0])[:words]
        leaves = [Ended(asked.digest, outcome, said).leaf, named(b"another")]
        entry = self.entry(root=merkle.root(leaves), count=2, **place)
        committed = self.commitment(members, entry)
        return AgreementEvidence(
            epochs=self.epochs,
            asked=asked,
            ended=Ended(asked.digest, outcome, said),
            index=0,
            path=merkle.path(leaves, 0),
            entry=entry,
            view=committed.view,
            installed=committed.installed,
            commits=committed.commits,
        )


def named(name: bytes) -> bytes:
    """32 bytes: a digest as it is, or that of a shorter name."""
    return name if len(name) == 32 else sha256(name)
