"""When a proposal is right: its entry, outcomes and next standing follow from what it rests on, or it is refused.

Pure: no clock, no signature, nothing but its arguments, so that all honest members judge alike. Signatures of what
is passed in have been checked by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NoReturn, Protocol

import msgspec

from assay import merkle
from assay.agreement.entry import Asked, Ended, Entry
from assay.agreement.group import MAX_EPOCHS, Configuration, Epoch
from assay.agreement.sealing import Fixed
from assay.agreement.votes import Outcome, Said, count
from assay.errors import Refused
from assay.model import ModelReference
from consensus.covering import content_digest, following
from consensus.durable import Fixing, Standing
from consensus.fixing import Sealing
from consensus.messages import MAX_BATCH, Content, Exec, Have, Held, Result, Update, leaves_of
from consensus.serving import MAX_RETIRED, Retired, Serving
from consensus.words import ABSENT, said

LINGER = 10_000  # ms of entry time after its deadline for which a request may still be decided, as failed
SLACK = 30_000  # ms that an entry's time may be behind the clock of who let a request in

MOST_VOTES = 2**22  # in the batches that one entry rests on: more than any members may name for one request

NOTHING_YET = bytes(32)  # root of an entry without outcomes


@dataclass(frozen=True)
class Group:
    """A group in one epoch, and the name it keeps for ever.

    `later`: what has put each epoch but the first in force; that one has the configuration `first`.
    """

    genesis: bytes
    configuration: Configuration
    first: Configuration | None = None
    later: tuple[Epoch, ...] = ()

    @property
    def before(self) -> Configuration | None:
        """Of the epoch before this one."""
        return self.later[-2].configuration if len(self.later) > 1 else self.first

    def followed(self, epoch: Epoch) -> Group:
        """The same group in its next epoch."""
        return Group(self.genesis, epoch.configuration, self.first or self.configuration, (*self.later, epoch))

    def counting(self, epoch: int) -> int:
        """ms of entry time for which an id that was decided up to that epoch may count: LINGER after its deadline.

        Each epoch has a horizon of its own.
        """
        every = (self.first or self.configuration, *(each.configuration for each in self.later[:epoch]))
        return max(each.horizon for each in every) + SLACK + LINGER

    @property
    def begun(self) -> Epoch | None:
        """What has put this epoch in force."""
        return self.later[-1] if self.later else None

    @cached_property
    def n(self) -> int:
        return self.configuration.n

    @cached_property
    def quorum(self) -> int:
        return self.configuration.quorum

    @property
    def base(self) -> bytes | None:
        """The entry, by its digest, that was the last of the epoch before."""
        return None if self.begun is None else self.begun.approvals[0].entry

    def leader(self, view: int) -> int:
        return view % self.n


class TooEarly(Refused):
    """Before its deadline a request fails only where every member has spoken: another answer may still come."""

    def __init__(self, requests: list[bytes]) -> None:
        super().__init__(
            "a request would fail before its deadline although a member has not spoken",
            code="wrong-proposal",
            pointer="/decided",
            got=f"{len(requests)} requests",
        )
        self.requests = requests


class Known(Protocol):
    """What a member must know to judge a proposal: every request decided in it, every batch named for one."""

    def asked(self, request: bytes) -> Asked: ...

    def named(self, held: Held) -> Exec: ...

    def taken(self, asked: Asked) -> bool:
        """Whether this id of this client has been decided before, or fixed for another request."""

    def fixed(self, request: bytes) -> Fixing | None:
        """What has been fixed of a request, before the entry that is judged."""

    def unsettled(self, time: int) -> bool:
        """Whether anything has been fixed that may still be decided then."""


@dataclass(frozen=True)
class Judged:
    """What follows from a right proposal."""

    entry: Entry
    reports: tuple[bytes, ...]  # digests
    asked: tuple[Asked, ...]
    ended: tuple[Ended, ...]
    fixed: tuple[Fixed, ...]
    leaves: tuple[bytes, ...]
    standing: Standing


def entered(group: Group, standing: Standing) -> Standing:
    """The same where it is of this epoch; where it ends the one before, what this one begins with."""
    if group.before is None or standing.over != group.configuration.digest:
        return standing
    return succeeded(standing, group.before, group.configuration)


def beginning(group: Group) -> Standing:
    """Before the first entry. Whoever comes into a later epoch knows nothing of what its members answer with."""
    models = [member.model for member in group.configuration.members]
    serving = tuple(Serving(model.commitment, model, 0, ()) for model in models)
    return Standing(0, group.genesis, 0, serving)


def time_of(parent: Standing, haves: Sequence[Have]) -> int:
    """The lower median of the members' latest clocks, hence between two honest ones; never below the parent's."""
    clocks: dict[int, int] = {}
    for each in haves:
        report = each.report
        clocks[report.member] = max(report.clock, clocks.get(report.member, 0))
    ranked = sorted(clocks.values())
    return max(parent.time, ranked[(len(ranked) - 1) // 2]) if ranked else parent.time


def fixings_of(number: int, fixed: Iterable[Fixed]) -> list[Fixing]:
    """What the entry with that number fixes, with when each lapses."""
    return [Fixing(number, each.deadline + LINGER, each) for each in fixed]


def timely(asked: Asked, configuration: Configuration, time: int) -> bool:
    """Whether a request may be decided at that entry time at all: not for ever after, nor long before."""
    return time <= asked.deadline + LINGER and asked.deadline <= time + configuration.horizon + SLACK


def judge(group: Group, parent: Standing, content: Content, known: Known) -> Judged:
    """The entry that follows the parent's with this content.

    Raises Refused where the content breaks a rule of the protocol (docs/agreement-protocol.md).
    """
    configuration, reports = group.configuration, content.reports
    _require_going_on(group, parent, content)
    reporting = {each.report.member for each in content.haves}
    if len(reporting) < group.quorum:
        _refuse("too few members have reported", "/haves", f"{group.quorum}", str(len(reporting)))
    time = time_of(parent, content.haves)
    if content.successor is not None and known.unsettled(time):
        _refuse("answers have been shown and not counted", "/successor", "nothing that is fixed", "some")
    asked = {digest: known.asked(digest) for digest in content.orders}
    _require_decidable(group, content, asked, known, time)
    _require_light(content, known)
    results = _results(content, known)
    decided = {digest: asked[digest] for digest in content.decided}
    fixed: tuple[Fixed, ...] = ()
    if configuration.copy_resistant:
        sealing = Sealing(group.genesis, configuration, parent.serving, results, time)
        fixed, ended = _sealed_outcomes(content, asked, known, sealing)
    else:
        ended = _outcomes(configuration, parent, decided, results, time)
    leaves = leaves_of(ended, fixed)
    serving, after = served_after(configuration, parent, content.updates, time), following(content.successor)
    entry = Entry(
        group=group.genesis,
        epoch=configuration.epoch,
        number=parent.entries + 1,
        parent=parent.last,
        time=time,
        content=content_digest(reports, content.updates, serving, after),
        count=len(leaves),
        root=root_of(leaves),
    )
    standing = Standing(entry.number, entry.digest, time, serving, entry.epoch, after)
    return Judged(entry, reports, tuple(decided.values()), ended, fixed, leaves, standing)


def succeeded(standing: Standing, before: Configuration, after: Configuration) -> Standing:
    """Where the log stands when the epoch has changed: who stays answers as before, others as they begin."""
    served = {member.owner: each for member, each in zip(before.members, standing.serving, strict=True)}
    serving = tuple(
        served.get(member.owner) or Serving(member.model.commitment, member.model, 0, ())
        for member in after.members
    )
    return msgspec.structs.replace(standing, serving=serving, epoch=after.epoch, over=None)


def require_successor(group: Group, standing: Standing, after: Configuration) -> None:
    """What may follow an epoch: the same group, with few enough of its members gone, all others answering as now.

    Raises Refused.
    """
    before = group.configuration
    if (after.epoch, after.previous) != (before.epoch + 1, before.digest):
        _refuse("not of the next epoch", "/successor/epoch", str(before.epoch + 1), str(after.epoch))
    if after.epoch >= MAX_EPOCHS:
        _refuse(
            "more epochs than a certificate can name", "/successor/epoch", f"under {MAX_EPOCHS}", str(after.epoch)
        )
    after.checked("/successor")
    for name in ("slug", "inputs", "answer", "aggregator", "copy_resistant"):
        if getattr(before, name) != getattr(after, name):
            _refuse("another group", f"/successor/{name}", str(getattr(before, name)), str(getattr(after, name)))
    models = {member.owner: member.model for member in after.members}
    if before.interface.preprocessing != after.interface.preprocessing:
        _refuse("another group", "/successor/members/0/model", "the same preprocessing", "another")
    stay = [i for i, member in enumerate(before.members) if member.owner in models]
    if len(stay) < before.quorum:
        _refuse("too many members leave at a time", "/successor/members", f"at most {before.f}", "more")
    if any(models[before.members[i].owner] != standing.serving[i].model for i in stay):
        _refuse("not the model of a member that stays", "/successor/members", "what it answers with", "another")


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Of an entry's outcomes; of nothing where it only changes models."""
    return merkle.root(leaves) if leaves else NOTHING_YET


def served_after(
    configuration: Configuration, parent: Standing, updates: Sequence[Update], time: int
) -> tuple[Serving, ...]:
    """What each member answers with from the next entry on. Raises Refused for a change that may not be made."""
    serving = list(parent.serving)
    for i, update in enumerate(updates):
        change = update.change
        before = serving[change.member]
        if change.serial <= before.serial or not fits(configuration, change.member, change.model):
            _refuse("not a change that this member can make", f"/updates/{i}", f"serial over {before.serial}", "")
        commitment = change.model.commitment
        retiring = (Retired(before.commitment, before.model, time + configuration.horizon), *before.retired)
        left = tuple(old for old in retiring if old.commitment != commitment and old.until >= time)
        serving[change.member] = Serving(commitment, change.model, change.serial, left[:MAX_RETIRED])
    return tuple(serving)


def fits(configuration: Configuration, member: int, model: ModelReference) -> bool:
    """Whether the group could have begun with this member's model."""
    changed = list(configuration.members)
    changed[member] = msgspec.structs.replace(changed[member], model=model)
    try:
        msgspec.structs.replace(configuration, members=tuple(changed)).checked()
    except Refused:
        return False
    return True


def _require_decidable(
    group: Group, content: Content, asked: Mapping[bytes, Asked], known: Known, time: int
) -> None:
    by_member: dict[int, set[tuple[bytes, int]]] = {}
    for each in content.haves:
        ready = [(readied.request, readied.fixed) for readied in each.report.ready]
        by_member.setdefault(each.report.member, set()).update(ready)
    members = Counter(chain.from_iterable(by_member.values()))  # that call it so
    quorum, ids = group.quorum, {(request.client, request.id) for request in asked.values()}
    if content.fixed and not group.configuration.copy_resistant:
        _refuse("fixes words that nobody has sealed", "/fixed", "nothing", f"{len(content.fixed)} requests")
    if not len(ids) == len(asked) == len(content.orders) <= MAX_BATCH:
        _refuse("orders an id twice", "/decided", "distinct ids", f"{len(ids)} of {len(content.orders)}")
    for i, (digest, request) in enumerate(asked.items()):
        fixed = known.fixed(digest)
        count = members[digest, 0 if fixed is None else fixed.number]
        if count < quorum:
            _refuse("not ready", f"/decided/{i}", f"{quorum} members", str(count))
        if known.taken(request):
            _refuse("decided before", f"/decided/{i}", "an id that has not been decided", request.id.hex())
        if not timely(request, group.configuration, time):
            _refuse("not a time to decide this", f"/decided/{i}", str(request.deadline), str(time))


def _require_going_on(group: Group, parent: Standing, content: Content) -> None:
    """Nothing follows the end of an epoch; what ends it stands alone."""
    if parent.over is not None or parent.epoch > group.configuration.epoch:
        _refuse("the epoch has ended", "", "nothing more in it", "an entry")
    if content.successor is not None:
        if content.orders or content.updates:
            _refuse("what ends an epoch stands alone", "/successor", "no requests, no changes", "some")
        require_successor(group, parent, content.successor.configuration)


def _require_light(content: Content, known: Known) -> None:
    """Whoever takes an entry over must be able to send and to hold all that it rests on."""
    votes = sum(known.named(held).votes for held in content.named)
    if votes > MOST_VOTES:
        _refuse("rests on too much", "/haves", f"at most {MOST_VOTES} votes", str(votes))


def _results(content: Content, known: Known) -> dict[int, dict[bytes, list[Result]]]:
    """By member and request, of the batches that any of the reports names for it."""
    found: dict[int, dict[bytes, list[Result]]] = {}
    for held, requests in content.named.items():
        theirs = found.setdefault(held.member, {})
        for result in known.named(held).results:
            if result.request in requests:
                theirs.setdefault(result.request, []).append(result)
    return found


def _outcomes(
    configuration: Configuration,
    parent: Standing,
    requests: Mapping[bytes, Asked],
    results: Mapping[int, Mapping[bytes, Sequence[Result]]],
    time: int,
) -> tuple[Ended, ...]:
    ended, early = [], []
    counted: dict[tuple[tuple[Said, ...], int, int], Outcome] = {}  # many predictions end alike
    speaking = [(serving, results.get(member, {})) for member, serving in enumerate(parent.serving)]
    for digest, asked in requests.items():
        words = tuple(
            [
                said(configuration, serving, theirs[digest], asked.rows, time) or ABSENT
                if digest in theirs
                else ABSENT
                for serving, theirs in speaking
            ]
        )
        outcome: Outcome = "failed"  # past its deadline, whatever was said
        if time <= asked.deadline:
            votes = (words, asked.rows, asked.least)
            if votes not in counted:
                counted[votes] = count(configuration, *votes).outcome
            outcome = counted[votes]
            if outcome == "failed" and not all(digest in theirs for _, theirs in speaking):
                early.append(digest)
        ended.append(Ended(digest, outcome, words))
    if early:
        raise TooEarly(early)
    return tuple(ended)


def _sealed_outcomes(
    content: Content, asked: Mapping[bytes, Asked], known: Known, sealing: Sealing
) -> tuple[tuple[Fixed, ...], tuple[Ended, ...]]:
    """What a copy-resistant group fixes, and what it decides on what it has fixed before."""
    before = {digest: fixing.words for digest in asked if (fixing := known.fixed(digest)) is not None}
    for i, digest in enumerate(content.fixed):
        if digest in before or sealing.time > asked[digest].deadline:
            _refuse("not to be fixed any more", f"/fixed/{i}", "nothing fixed, in time", digest.hex())
    fixed, few = sealing.fix({digest: asked[digest] for digest in content.fixed})
    ended, early = sealing.outcomes({digest: asked[digest] for digest in content.decided}, before)
    if few or early:
        raise TooEarly(few + early)
    return fixed, ended


def _refuse(detail: str, pointer: str, expected: str, got: str) -> NoReturn:
    raise Refused(detail, code="wrong-proposal", pointer=pointer, expected=expected, got=got)
