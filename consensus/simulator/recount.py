"""What an entry must say, worked out from its reports by other code than the replica's, for comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay import cbor
from assay.agreement.entry import Asked
from assay.agreement.group import Configuration, Labels
from assay.agreement.sealing import Author, Opened, Sealed
from assay.agreement.views import Move
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Outcome, Said, Withheld
from assay.digest import Tag, digest
from assay.fields import plain
from consensus.messages import Exec, Held, Report, Result, Update
from consensus.serving import MAX_RETIRED


@dataclass
class Serving:
    """The models with which one member may have answered: the active one, others until an entry time."""

    active: bytes
    retired: dict[bytes, int] = field(default_factory=dict)

    def models(self, time: int) -> list[bytes]:
        """The active one first, then those retired, the newest first."""
        return [self.active, *(model for model, until in reversed(self.retired.items()) if until >= time)]

    def change(self, model: bytes, time: int, horizon: int) -> None:
        """The one that was active counts for a horizon more; of those retired only the newest do."""
        retired = {old: until for old, until in self.retired.items() if until >= time}
        retired.pop(self.active, None)
        retired[self.active] = time + horizon
        retired.pop(model, None)
        self.retired = dict(list(retired.items())[-MAX_RETIRED:])
        self.active = model


def median(reports: Sequence[Report]) -> int:
    """The lower one of the members' newest clocks."""
    newest: dict[int, int] = {}
    for report in sorted(reports, key=lambda each: each.clock):
        newest[report.member] = report.clock
    return sorted(newest.values())[(len(newest) - 1) // 2]


def readiness(reports: Sequence[Report], request: bytes, fixed: int = 0) -> set[int]:
    """The members that have declared a request ready, its words being fixed by that entry, or by none."""
    stage = (request, fixed)
    return {each.member for each in reports if any((ready.request, ready.fixed) == stage for ready in each.ready)}


def named(reports: Sequence[Report], request: bytes) -> dict[Held, None]:
    """The batches that any of the reports names for a request."""
    return {
        report.held[place]: None
        for report in reports
        for ready in report.ready
        if ready.request == request
        for place in ready.held
    }


def results(batches: Sequence[Exec], request: bytes) -> dict[int, list[Result]]:
    """By member."""
    found: dict[int, list[Result]] = {}
    for batch in batches:
        for result in batch.results:
            if result.request == request:
                found.setdefault(batch.member, []).append(result)
    return found


def word(configuration: Configuration, models: list[bytes], spoken: list[Result], rows: int) -> Said:
    """What one member's results come to, if these are its models."""
    for model in models:
        if len({each for each in spoken if each.model == model}) > 1:
            return Absent()
    for model in models:
        for each in spoken:
            if each.model == model:
                return _sound(configuration, each.model, each.said, rows)
    return Absent()


def _sound(configuration: Configuration, model: bytes, said: object, rows: int) -> Said:
    answer = configuration.answer
    if isinstance(said, Abstained | Erred):
        return said
    if not isinstance(said, Answered):
        return Absent()
    in_range = not isinstance(answer, Labels) or set(said.votes) <= set(range(len(answer.labels)))
    return said if said.model == model and len(said.votes) == rows and in_range else Absent()


# --- copy-resistant groups --------------------------------------------------------------------------------


def commitment(models: list[bytes], spoken: list[Result]) -> Sealed | Absent:
    """What one member has committed to, if these are its models."""
    signed = [each for each in spoken if not isinstance(each.said, Opened)]
    for model in models:
        if len({each for each in signed if each.model == model}) > 1:
            return Absent()
    for model in models:
        for each in signed:
            if each.model == model:
                right = isinstance(each.said, Sealed) and each.said.model == model
                return each.said if right and isinstance(each.said, Sealed) else Absent()
    return Absent()


def shown(
    configuration: Configuration, author: Author, committed: Sealed, spoken: list[Result], rows: int
) -> Said:
    """What one member has opened of that."""
    for each in spoken:
        if isinstance(each.said, Opened) and each.model == committed.model:
            covered = {
                **author._asdict(),
                "request": each.request,
                "model": each.model,
                "said": plain(each.said.said),
                "salt": each.said.salt,
            }
            if digest(Tag.AGREEMENT_SEAL, cbor.encode(covered)) == committed.seal:
                return _sound(configuration, each.model, each.said.said, rows)
    return Withheld()


def outcome(configuration: Configuration, asked: Asked, said: Sequence[Said], time: int) -> Outcome:
    """Failed past the deadline or with fewer than 2f + 1 answers; certified where every row has an answer."""
    answers = [each.votes for each in said if isinstance(each, Answered)]
    if asked.deadline < time or len(answers) < configuration.quorum:
        return "failed"
    rows = zip(*answers, strict=True)
    return "certified" if all(_decided(configuration, row, asked.least) for row in rows) else "contested"


def _decided(configuration: Configuration, votes: Sequence[int], least: int) -> bool:
    if configuration.aggregator != "plurality":
        return len(votes) >= least
    counts = sorted(Counter(votes).values(), reverse=True)
    return counts[0] >= max(least, configuration.f + 1) and counts[:2].count(counts[0]) == 1


def changed(serving: list[Serving], updates: Sequence[Update], time: int, horizon: int) -> None:
    for update in updates:
        serving[update.change.member].change(update.change.model.commitment, time, horizon)


@dataclass(frozen=True)
class Estate:
    """What a view begins with: the number of the entry on which it builds, and what it must decide again."""

    number: int
    last: bytes
    carried: dict[int, bytes]


def estate(genesis: bytes, moves: Sequence[Move]) -> Estate:
    """Of the moves into one view."""
    heads = {move.head.entry.number: move.head.entry.digest for move in moves if move.head is not None}
    number = max(heads, default=0)
    last = parent = heads.get(number, genesis)
    locks = sorted((lock for move in moves for lock in move.locks), key=lambda lock: lock.view)
    newest = {lock.entry.number: lock.entry for lock in locks}
    carried: dict[int, bytes] = {}
    for above in sorted(newest):
        if above == number + len(carried) + 1 and newest[above].parent == parent:
            carried[above] = parent = newest[above].digest
    return Estate(number, last, carried)
