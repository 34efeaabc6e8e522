"""A group that sells its votes, what is asked of it, and evidence that it lied."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from msgspec import structs

from assay import merkle
from assay.agreement.blame import making
from assay.agreement.entry import Ballot
from assay.agreement.group import Signed
from assay.agreement.votes import Answered
from assay.digest import Tag
from marketplace.billing import pricing
from marketplace.billing.pricing import Asking
from marketplace.certificates.actions import prepare
from marketplace.groups.models import Group
from marketplace.groups.standing import standing
from marketplace.predictions import actions, questions
from marketplace.predictions.carrying_out import SystemClock
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.groups import founded
from tests.marketplace.groups.deciding import FakeGroup
from tests.marketplace.groups.founded import Owner
from tests.marketplace.people import Person
from verification.agreement import Agreement, AgreementParams
from verification.mode import Job

PRICE = 1_000  # micro-units that every member asks for a vote


def selling(owners: list[Owner], free_rows: Mapping[int, int] = {}, **rules: Any) -> Group:
    """A group that serves; `free_rows` by place."""
    group = founded.complete(founded.found(owners[0], **rules), owners)
    for i, each in enumerate(owners):
        asking = Asking("0.001", free_rows.get(i, 0))
        pricing.set_for_member(each.actor, each.seat(group), "agreement", asking)
    return founded.formed(founded.signed(group, owners))


def ask(person: Person, rows: int = 1, votes: int = 0, **more: Any) -> Prediction:
    """Row i shows the digit i % 10, which is what honest members answer."""
    pixels = np.repeat(np.arange(rows) % 10, 64).astype(float).tolist()
    image = answering.a_three() | {"shape": [rows, 64], "data": pixels}
    verification = {"mode": "agreement", "votes": votes}
    body = Body(group=founded.SLUG, inputs=[image], verification=verification, deadline=20, **more)
    return actions.create(person.actor, questions.read(person.actor, body))


class Ports:
    """All that the mode needs of the outside, where a group decides."""

    def __init__(self, groups: FakeGroup) -> None:
        self.groups, self.clock = groups, SystemClock()

    def cancelled(self) -> bool:
        return False


def decide(owners: list[Owner], prediction: Prediction, says: Mapping[int, Any] = {}) -> Any:
    """Ends a prediction with what the group commits to, as the mode and a worker do; how it ended."""
    target = standing(prediction.group_id)
    job = Job(
        request=prediction.pk.bytes,
        target=target,
        params=AgreementParams(**prediction.params),
        inputs=answering.stored_inputs(prediction),
        salt=bytes(prediction.salt),
        deadline=int(prediction.deadline.timestamp() * 1000),
    )
    end = asyncio.run(Agreement().run(job, Ports(FakeGroup([each.key for each in owners], dict(says)))))
    status, kept = Status(end.ending.status), prepare(end.certificate) if end.certificate else None
    error = getattr(end, "error", None)
    last = Change(prediction.pk, status, certificate=kept, error=error, ending=end.ending)
    actions.apply([Change(prediction.pk, Status.DISPATCHED), last])
    prediction.refresh_from_db()
    return end


def miscounted(owners: list[Owner], *certified: Any) -> Iterator[Any]:
    """Evidence, one piece for each of these, that all of them have another outcome in one and the same entry."""
    ended = [structs.replace(given.ended, outcome="failed") for given in certified]
    leaves = [each.leaf for each in ended]
    first = certified[0]
    entry = structs.replace(first.entry, count=len(ended), root=merkle.root(leaves))
    ballot = Ballot(entry.group, entry.epoch, first.view, first.installed, entry.number, entry.digest)
    signing = ballot.digest(Tag.AGREEMENT_COMMIT)
    commits = tuple(
        Signed(each.member, owners[each.member].key.sign(Tag.AGREEMENT_COMMIT, signing)) for each in first.commits
    )
    for i, given in enumerate(certified):
        place = {"index": i, "path": merkle.path(leaves, i), "entry": entry, "commits": commits}
        made = making.wrong_outcome(structs.replace(given, ended=ended[i], **place))
        assert made is not None
        yield made


def votes(owner: Owner, *labels: int) -> Answered:
    """What a member says, row by row."""
    return Answered(bytes(owner.deployment.version.commitment), labels)
