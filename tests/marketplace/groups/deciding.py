"""A group that decides, without a network: every member's vote is the first pixel unless it is told otherwise.

What it commits to is signed with the members' own keys, so everything behind it is checked as it is in earnest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from msgspec import structs

from assay import merkle
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Approved, Epoch, Labels, Signed
from assay.agreement.issue import issue
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Said, Withheld, count
from assay.digest import Tag
from assay.errors import AssayError
from assay.keys import PrivateKey
from assay.model import input_digest
from marketplace.certificates.actions import Prepared, prepare
from marketplace.groups.standing import standing
from marketplace.predictions import stored
from marketplace.predictions.models import Prediction
from verification.mode import Decision, Job, Target

CLIENT = PrivateKey(b"\x0c" * 32)
SILENT, ABSTAINS, ERRS, WITHHOLDS = Absent(), Abstained(), Erred(), Withheld()


@dataclass
class FakeGroup:
    """Members by their place: `says` a vote, or that there is none. What is `refusing` is raised instead."""

    keys: list[PrivateKey]
    says: dict[int, int | Said] = field(default_factory=dict)
    refusing: AssayError | None = None
    asked: list[Job[Any]] = field(default_factory=list)

    async def decide(self, job: Job[Any], least: int) -> Decision:
        self.asked.append(job)
        if self.refusing is not None:
            raise self.refusing
        return Decision(evidence(self.keys, job, least, self.says), tuple(p.model for p in job.target.providers))

    def follow(self, target: Target) -> None:
        pass

    async def close(self) -> None:
        pass


def evidence(keys: list[PrivateKey], job: Job[Any], least: int, says: dict[int, int | Said]) -> AgreementEvidence:
    """An outcome that the first 2f + 1 members have committed to."""
    epochs = job.target.epochs
    configuration, now = epochs[-1].configuration, time.time_ns() // 1_000_000
    group, rows = epochs[0].configuration.digest, job.inputs[0].shape[0]
    pixels = job.inputs[0].array()[:, 0]
    scale = 1 if isinstance(configuration.answer, Labels) else configuration.answer.scale
    said: list[Said] = []
    for i, provider in enumerate(job.target.providers):
        word = says.get(i, ())
        votes = np.full(rows, word) if isinstance(word, int) else (pixels * scale).astype(np.int64)
        honest = Answered(provider.model.commitment, tuple(int(vote) for vote in votes))
        said.append(honest if isinstance(word, int | tuple) else word)
    asked = Asked(
        group, CLIENT.public.raw, job.request, input_digest(job.salt, job.inputs), rows, job.deadline, least
    )
    ended = Ended(asked.digest, count(configuration, said, rows, least).outcome, tuple(said))
    entry = Entry(group, configuration.epoch, 7, b"\x05" * 32, now, b"\x06" * 32, 1, merkle.root([ended.leaf]))
    ballot = Ballot(group, configuration.epoch, 0, bytes(32), 7, entry.digest).digest(Tag.AGREEMENT_COMMIT)
    return AgreementEvidence(
        epochs=epochs,
        asked=asked,
        ended=ended,
        index=0,
        path=(),
        entry=entry,
        view=0,
        installed=bytes(32),
        commits=tuple(Signed(i, keys[i].sign(Tag.AGREEMENT_COMMIT, ballot)) for i in range(configuration.quorum)),
    )


def later(target: Target, keys: list[PrivateKey]) -> Target:
    """The group in its next epoch, in which the members have changed places: the last is the first."""
    before = target.epochs[-1].configuration
    members = before.members[::-1]
    configuration = structs.replace(before, epoch=before.epoch + 1, previous=before.digest, members=members)
    consents = tuple(key.sign(Tag.GROUP, configuration.digest) for key in keys[::-1])
    said = Approved.signed(target.epochs[0].configuration.digest, configuration.digest, 3, bytes(32))
    signatures = (key.sign(Tag.GROUP_APPROVAL, said) for key in keys)
    approvals = tuple(Approved(i, 3, bytes(32), signature) for i, signature in enumerate(signatures))
    epochs = (*target.epochs, Epoch(configuration, consents, approvals))
    return replace(target, providers=target.providers[::-1], epochs=epochs)


def certificate(
    keys: list[PrivateKey],
    prediction: Prediction,
    says: dict[int, int | Said],
    least: int = 0,
    *,
    turned: bool = False,
) -> Prepared:
    """What the group's word on a prediction, as it is stored, would be; `turned`: in an epoch after the first."""
    target = standing(prediction.group_id)
    assert target is not None
    if turned:
        target, keys = later(target, keys), keys[::-1]
    job: Job[Any] = Job(
        request=prediction.pk.bytes,
        target=target,
        params=None,
        inputs=stored.tensors(bytes(prediction.inputs)),
        salt=bytes(prediction.salt),
        deadline=int(prediction.deadline.timestamp() * 1000),
    )
    models = tuple(each.model for each in target.providers)
    return prepare(issue(evidence(keys, job, least, says), models))
