"""Messages and entries made up for storage, host and client: well-formed, some of them truly signed."""

from __future__ import annotations

import msgspec

from assay import merkle
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.group import Epoch, Signed
from assay.agreement.views import Move, Quorum
from assay.agreement.votes import Absent, Answered
from assay.digest import Tag, sha256
from assay.keys import PrivateKey
from consensus import judging
from consensus.durable import Executed, Standing
from consensus.messages import Body, Content, Exec, NewView, Record, Result, ViewChange, Vote
from tests.sdk import groups

KEYS = groups.keys()
EPOCH = groups.genesis(KEYS)
GENESIS = EPOCH.configuration
GROUP = GENESIS.digest
SERVING = judging.beginning(judging.Group(GROUP, GENESIS)).serving
SIGNATURE = bytes(64)


def asked(i: int, deadline: int = 2_000_000, client: PrivateKey = groups.CLIENT) -> Asked:
    return Asked(GROUP, client.public.raw, i.to_bytes(16, "big"), b"\x09" * 32, 1, deadline, 0)


def result(i: int, model: int = 0, vote: int = 1, deadline: int = 2_000_000) -> Result:
    commitment = groups.model(model).commitment
    return Result(asked(i, deadline).digest, commitment, Answered(commitment, (vote,)))


def batch(*results: Result, member: int = 0) -> Exec:
    return Exec(member, results, SIGNATURE)


def vote(number: int, kind: str = "prepare", view: int = 0, entry: bytes = bytes(32)) -> Vote:
    return Vote(kind, 0, view, bytes(32), number, entry, SIGNATURE)


def body(number: int, entry: bytes = bytes(32), results: tuple[Exec, ...] = ()) -> Body:
    return Body(number, entry, Content((), (), ()), (), results)


def lock(number: int, view: int = 0) -> Quorum:
    return record(number).head if view == 0 else msgspec.structs.replace(record(number).head, view=view)


def moved(view: int, head: Quorum | None = None) -> ViewChange:
    return ViewChange(Move(GROUP, 0, 0, view, head, ()), SIGNATURE)


def new_view(view: int, *changes: ViewChange) -> NewView:
    return NewView(view, changes, SIGNATURE)


def ended(each: Asked, voted: int = 1) -> Ended:
    """Chidi was silent."""
    said = tuple(
        Absent() if i == 2 else Answered(member.model.commitment, (voted,))
        for i, member in enumerate(GENESIS.members)
    )
    return Ended(each.digest, "certified", said)


def record(
    number: int,
    requests: tuple[Asked, ...] = (),
    time: int = 1_999_000,
    *,
    models=(),
    committing: tuple[int, ...] = (0, 1, 3),
    keys: list[PrivateKey] = KEYS,
    epoch: Epoch = EPOCH,
    voted: int = 1,
    outcomes: tuple[Ended, ...] | None = None,
) -> Record:
    """An entry with everybody's outcome for each request, committed to by those members."""
    if outcomes is None:
        outcomes = tuple(ended(each, voted) for each in requests)
    root = merkle.root([each.leaf for each in outcomes]) if outcomes else judging.NOTHING_YET
    group = epoch.configuration.digest
    entry = Entry(group, 0, number, sha256(b"%d" % (number - 1)), time, b"\x06" * 32, len(outcomes), root)
    ballot = Ballot(group, 0, 0, bytes(32), number, entry.digest).digest(Tag.AGREEMENT_COMMIT)
    commits = tuple(Signed(i, keys[i].sign(Tag.AGREEMENT_COMMIT, ballot)) for i in committing)
    return Record(entry, 0, bytes(32), commits, (), (), requests, outcomes, models)


def executed(*arguments, **options) -> Executed:
    made = record(*arguments, **options)
    return Executed(made, Standing(made.entry.number, made.entry.digest, made.entry.time, SERVING))
