# ruff: noqa: INP001  # a script beside its output, not a package
"""The groups' certificates that are right, made from fixed seeds; and any other that a group might sign.

A `Case` is what a group has committed to, right or not: its members sign whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from assay import merkle
from assay.agreement.entry import Asked, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import (
    FORMAT,
    NO_PREVIOUS,
    Approved,
    Configuration,
    Epoch,
    Labels,
    Member,
    Signed,
    Values,
)
from assay.agreement.issue import issue
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Outcome, Said, Withheld, count
from assay.certificate import AgreementCertificate
from assay.digest import Tag, sha256
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, input_digest
from assay.receipt import Receipt
from assay.tensor import Tensor
from docs.vectors.sample import DIGIT, ROW, SALT, TENSORS, TIME, Question

OWNERS = ("asha", "bruno", "chidi", "dana", "emeka", "farah", "goran")
CLIENT = PrivateKey(sha256(b"client"))
HORIZON = 600_000  # ms

Vote = int | Sequence[int] | Said  # a number is a vote on one row, several are one on each


@dataclass(frozen=True)
class Group:
    """Owners, their keys and their models, which take what `question` asks; in an epoch that follows `before`."""

    slug: str
    question: Question
    answer: Labels | Values
    aggregator: str
    n: int = 4
    seed: str = "member"
    changes: dict[str, Any] = field(default_factory=dict)  # of the configuration
    owners: tuple[str, ...] = ()  # none: the first n
    rekeyed: tuple[str, ...] = ()  # owners with another key than at first
    before: Group | None = None
    last: int = 0  # number of the entry with which the epoch before ended
    approving: tuple[int, ...] | None = None  # members of the epoch before; None: the first 2f + 1

    @cached_property
    def keys(self) -> list[PrivateKey]:
        return [self._key(owner) for owner in self.named]

    def _key(self, owner: str) -> PrivateKey:
        renewed = " anew" if owner in self.rekeyed else ""
        return PrivateKey(sha256(f"{self.seed} {owner}{renewed}".encode()))

    @property
    def named(self) -> tuple[str, ...]:
        """Its owners, in their order."""
        return self.owners or OWNERS[: self.n]

    @cached_property
    def configuration(self) -> Configuration:
        members = tuple(
            Member(owner, key.public.raw, f"{owner}.example:7300", self.model(owner))
            for owner, key in zip(self.named, self.keys, strict=True)
        )
        previous = self.before and self.before.configuration
        fields = {
            "format": FORMAT,
            "slug": self.slug,
            "epoch": previous.epoch + 1 if previous else 0,
            "previous": previous.digest if previous else NO_PREVIOUS,
            "members": members,
            "inputs": self.question.interface.inputs,
            "answer": self.answer,
            "aggregator": self.aggregator,
            "grace": 250,
            "horizon": HORIZON,
            "copy_resistant": False,
        }
        return Configuration(**fields | self.changes)

    @property
    def name(self) -> bytes:
        """The digest of its genesis."""
        return self.genesis.configuration.digest

    @property
    def digest(self) -> str:
        """The same in hexadecimal: what a reader pins."""
        return self.name.hex()

    @cached_property
    def epoch(self) -> Epoch:
        """As all of its members have signed it, and those before that approve."""
        digest = self.configuration.digest
        consents = tuple(key.sign(Tag.GROUP, digest) for key in self.keys)
        return Epoch(self.configuration, consents, self._approvals() if self.before else ())

    @cached_property
    def epochs(self) -> tuple[Epoch, ...]:
        return (*(self.before.epochs if self.before else ()), self.epoch)

    @property
    def genesis(self) -> Epoch:
        return self.epochs[0]

    def _approvals(self) -> tuple[Approved, ...]:
        assert self.before
        first = range(self.before.configuration.quorum)
        return self.approved(first if self.approving is None else self.approving, self.before.keys)

    def approved(
        self, members: Sequence[int], keys: Sequence[PrivateKey], tag: Tag = Tag.GROUP_APPROVAL, **changes: Any
    ) -> tuple[Approved, ...]:
        """By these members of the epoch before, with these keys; `changes` of what they sign."""
        assert self.before
        fields = {
            "group": self.before.name,
            "configuration": self.configuration.digest,
            "last": self.last,
            "entry": last_entry(self.last),
        } | changes
        signed, last, entry = Approved.signed(**fields), fields["last"], fields["entry"]
        return tuple(Approved(i, last, entry, keys[i].sign(tag, signed)) for i in members)

    def model(self, owner: str, version: int = 1, **changes: Any) -> ModelReference:
        """An owner's own file, with the interface that all of the group have but for `changes`."""
        interface: Interface = msgspec.structs.replace(self.question.interface, **changes)
        return ModelReference(sha256(f"{self.slug} {owner} {version}".encode()), interface)


def followed(before: Group, last: int, **changes: Any) -> Group:
    """The next epoch of a group, whose entry number `last` was the last one before."""
    return replace(before, **{"before": before, "last": last, "approving": None} | changes)


def last_entry(number: int) -> bytes:
    """The digest of an entry that nothing else is known of."""
    return sha256(f"entry {number}".encode())


@dataclass(frozen=True)
class Case:
    """A request of a group, what its members said, and the entry with which they committed to it."""

    group: Group
    votes: tuple[Vote, ...]
    rows: int = 1
    least: int = 0
    outcome: Outcome | None = None  # None: the right one
    committing: tuple[int, ...] | None = None  # None: the first 2f + 1
    at: int = 1
    batch: int = 3
    time: int = TIME
    deadline: int = TIME + HORIZON
    models: dict[int, ModelReference] = field(default_factory=dict)  # of members that have changed theirs
    ended: dict[str, Any] = field(default_factory=dict)  # changes of these structures, all signed
    entry: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    suffix: str = ".json"
    salt: bytes = SALT

    @property
    def content(self) -> bytes:
        return self.group.question.content

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.group.question.inputs

    @property
    def certificate(self) -> AgreementCertificate:
        return issue(self.evidence, self.models.values())

    @property
    def receipt(self) -> Receipt:
        return Receipt.of(self.certificate, self.salt)

    @property
    def said(self) -> tuple[Said, ...]:
        return tuple(self._said(i, vote) for i, vote in enumerate(self.votes))

    @cached_property
    def evidence(self) -> AgreementEvidence:
        """As the group signs it, whether it is right or not."""
        outcomes = [self._asked(number) for number in range(self.batch)]
        ended = [self._ended(asked) for asked in outcomes]
        leaves = [each.leaf for each in ended]
        fields = {
            "group": self.group.name,
            "epoch": self.group.configuration.epoch,
            "number": 7,
            "parent": sha256(b"parent"),
            "time": self.time,
            "content": sha256(b"content"),
            "count": self.batch,
            "root": merkle.root(leaves),
        }
        evidence = AgreementEvidence(
            epochs=self.group.epochs,
            asked=outcomes[self.at],
            ended=ended[self.at],
            index=self.at,
            path=merkle.path(leaves, self.at),
            entry=Entry(**fields | self.entry),
            view=2,
            installed=sha256(b"new view"),
            commits=(),
        )
        first = range(self.group.configuration.quorum)
        return signed(evidence, self.group.keys, first if self.committing is None else self.committing)

    def _asked(self, number: int) -> Asked:
        fields = {
            "group": self.group.name,
            "client": CLIENT.public.raw,
            "id": UUID(int=TIME << 80 | 7 << 76 | 2 << 62 | number).bytes,
            "input": input_digest(self.salt, self.inputs),
            "rows": self.rows,
            "deadline": self.deadline,
            "least": self.least,
        }
        return Asked(**fields | self.asked)

    def _ended(self, asked: Asked) -> Ended:
        outcome = self.outcome
        if outcome is None and asked.deadline < self.time:
            outcome = "failed"
        if outcome is None:
            outcome = count(self.group.configuration, self.said, self.rows, self.least).outcome
        return Ended(**{"request": asked.digest, "outcome": outcome, "said": self.said} | self.ended)

    def _said(self, member: int, vote: Vote) -> Said:
        if not isinstance(vote, int | Sequence):
            return vote
        model = self.models.get(member, self.group.configuration.members[member].model)
        return Answered(model.commitment, (vote,) if isinstance(vote, int) else tuple(vote))


def signed(
    evidence: AgreementEvidence,
    keys: Sequence[PrivateKey],
    members: Sequence[int],
    tag: Tag = Tag.AGREEMENT_COMMIT,
) -> AgreementEvidence:
    """The same, committed to by these members."""
    digest = evidence.ballot.digest(tag)
    commits = tuple(Signed(i, keys[i].sign(tag, digest)) for i in members)
    return msgspec.structs.replace(evidence, commits=commits)


DIGITS = Group("digits", DIGIT, Labels(DIGIT.interface.labels), "plurality")
MEDIAN = Group("progression", ROW, Values(1000), "median")
TRIMMED = Group("progression-of-seven", ROW, Values(1000), "trimmed-mean", n=7)
RESISTANT = replace(DIGITS, slug="digits-sealed", changes={"copy_resistant": True})
TOWERS = Group(
    "towers",
    replace(
        TENSORS, interface=msgspec.structs.replace(TENSORS.interface, task="classification", labels=("no", "yes"))
    ),
    Labels(("no", "yes")),
    "plurality",
)

CERTIFIED = Case(DIGITS, (1, 1, 2, Absent()), suffix=".png")
WITHHELD = replace(CERTIFIED, group=RESISTANT, votes=(1, 1, 2, Withheld()))
GOOD = {
    "group-certified": CERTIFIED,
    "group-certified-firmly": replace(CERTIFIED, votes=(1, 1, 1, Absent()), least=3),
    "group-certified-by-all": replace(CERTIFIED, votes=(0, 0, 0, 0), committing=(0, 1, 2, 3)),
    "group-contested": replace(CERTIFIED, votes=(0, 1, 2, Abstained()), committing=(1, 2, 3)),
    "group-contested-for-more-votes": replace(CERTIFIED, votes=(1, 1, 2, 1), least=4),
    "group-failed": replace(CERTIFIED, votes=(1, Erred(), Absent(), 1)),
    "group-failed-unheard": replace(CERTIFIED, votes=(Absent(), Erred(), Abstained(), Absent())),
    "group-failed-late": replace(CERTIFIED, votes=(1, 1, 1, 1), deadline=TIME - 1),
    "group-in-time": replace(CERTIFIED, deadline=TIME),
    "group-rows": Case(TOWERS, ((0, 1), (0, 0), (1, 0), (0, 1)), rows=2, committing=(0, 2, 3)),
    "group-median": Case(MEDIAN, (151_250, 9_000_000_000, 152_500, 149_000), suffix=".csv", at=0, batch=1),
    "group-trimmed-mean": Case(
        TRIMMED,
        (151_250, -(2**53 - 1), 152_500, 149_000, 150_001, Absent(), 2**53 - 1),
        suffix=".csv",
        at=5,
        batch=6,
    ),
    "group-updated-model": replace(CERTIFIED, models={1: DIGITS.model("bruno", 2)}),
    "group-first-leaf": replace(CERTIFIED, at=0, batch=5),
    "group-last-leaf": replace(CERTIFIED, at=4, batch=5),
    "group-resistant-certified-by-all": replace(WITHHELD, votes=(1, 1, 1, 1), committing=(0, 1, 2, 3)),
    "group-resistant-one-withheld": WITHHELD,
    "group-resistant-one-withheld-firmly": replace(WITHHELD, votes=(1, Withheld(), 1, 1), least=3),
    "group-resistant-two-withheld": replace(WITHHELD, votes=(1, Withheld(), 1, Withheld())),
    "group-resistant-every-word": replace(WITHHELD, votes=(Withheld(), Absent(), Erred(), Abstained())),
}
STRANGERS = replace(CERTIFIED, group=replace(DIGITS, seed="stranger"))
