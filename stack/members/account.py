"""What must hold once all is over, whatever was done to the members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from assay.agreement.evidence import require_committed
from assay.digest import Tag
from assay.errors import AssayError
from consensus.judging import Group as Members
from consensus.messages import Record
from consensus.seals import Ed25519
from consensus.succession import Moves
from stack.members.group import Group
from stack.members.load import Asked, wrong
from stack.members.plan import key


async def settle(group: Group) -> None:
    """Mends everything, has all members go on together, and holds them to account for what was asked since it was
    last done. Raises AssertionError.
    """
    await group.heal()
    if group.load.running:
        await group.load.more(20)
    await group.load.stop()
    findings = account(group, await group.level())
    group.load.asked.clear()
    assert not findings, "\n".join(findings[:20])


def account(group: Group, logs: Sequence[Sequence[Record]]) -> list[str]:
    """What does not hold."""
    entries = {record.entry.number: record for log in logs for record in log}
    return [
        *answers(group.load.asked),
        *contradictions(logs),
        *once(entries.values()),
        *proofs(group, entries.values()),
        *kept(entries, group.load.asked),
    ]


def answers(asked: Sequence[Asked]) -> Iterator[str]:
    """Whoever had time has an answer; each proves itself, and is what the honest say."""
    for each in asked:
        if each.evidence is None:
            if not each.hasty:
                yield f"no answer to request {each.number}: {each.problem}"
            continue
        try:
            require_committed(each.evidence)
        except AssayError as error:
            yield f"the answer to request {each.number} proves nothing: {error}"
        if not each.hasty and (problem := wrong(each)):
            yield f"the answer to request {each.number}: {problem}"


def contradictions(logs: Sequence[Sequence[Record]]) -> Iterator[str]:
    """At each number there is one entry, which follows the one before; all logs end with the same."""
    first: dict[int, bytes] = {}
    for place, log in enumerate(logs):
        for record in log:
            if first.setdefault(record.entry.number, record.entry.digest) != record.entry.digest:
                yield f"member {place} has another entry {record.entry.number}"
        for before, record in pairwise(log):
            if (record.entry.number, record.entry.parent) != (before.entry.number + 1, before.entry.digest):
                yield f"member {place}: entry {record.entry.number} does not follow the one before"
    if len(ends := {log[-1].entry.number if log else 0 for log in logs}) != 1:
        yield f"logs end at {sorted(ends)}"


def once(records: Iterable[Record]) -> Iterator[str]:
    """No request is decided twice."""
    seen: dict[tuple[bytes, bytes], int] = {}
    for record in records:
        for asked in record.asked:
            before = seen.setdefault((asked.client, asked.id), record.entry.number)
            if before != record.entry.number:
                yield f"request {asked.id.hex()} is decided in entries {before} and {record.entry.number}"


def proofs(group: Group, records: Iterable[Record]) -> Iterator[str]:
    """A quorum has committed to each entry."""
    configuration = group.plan.epoch.configuration
    moves = Moves(Members(configuration.digest, configuration), Ed25519(key(0)))
    for record in records:
        if not moves.proves(Tag.AGREEMENT_COMMIT, record.head):
            yield f"entry {record.entry.number} is not committed to by a quorum"


def kept(entries: dict[int, Record], asked: Sequence[Asked]) -> Iterator[str]:
    """What a client was told is what the logs hold, as far as they hold it whole."""
    for each in asked:
        if each.evidence is None or (record := entries.get(each.evidence.entry.number)) is None:
            continue
        if record.entry.digest != each.evidence.entry.digest or each.evidence.ended not in record.ended:
            yield f"request {each.number} was told otherwise than it stands in entry {record.entry.number}"
