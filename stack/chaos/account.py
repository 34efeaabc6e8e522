"""The account of a campaign: what must hold whatever was killed, each thing a function that tells what does not.

What clients were told is held against what is stored, what is stored against what the nodes signed, alone or as
members of a group, and every certificate is checked as its buyer would check it: pinned to the provider or to the
group's genesis, and to the input that was sent.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.certificate import AgreementCertificate, parse
from assay.verify import verify
from stack.chaos import money
from stack.chaos.asking import ANSWERS, ENDS, Asked
from stack.chaos.ledgers import Ledgers
from stack.chaos.records import Records, Stored, Witness

MARGIN = 4.0  # seconds after its deadline by which a prediction has ended: grace 1, sweep 1, and a busy machine


@dataclass(frozen=True)
class Outage:
    """A time in which nobody could write anything down, because PostgreSQL was killed or frozen."""

    begun: dt.datetime
    over: dt.datetime


@dataclass(frozen=True)
class Pair:
    """A question as its client knows it and as it is stored."""

    asked: Asked
    stored: Stored

    def __str__(self) -> str:
        return f"{self.stored.id} ({self.stored.status}, key {self.asked.key})"


@dataclass(frozen=True)
class Account:
    """What was counted, by name, and what does not hold, in words."""

    counts: Mapping[str, float]
    findings: Sequence[str]


def settle(
    asked: Sequence[Asked],
    stored: Mapping[str, Stored],
    witness: Witness,
    ledgers: Ledgers,
    outages: Sequence[Outage],
) -> Account:
    """The account of a load that has ended."""
    pairs = [Pair(each, stored[each.key]) for each in asked if each.key in stored]
    findings = [f"key {each.key} was asked and is not stored" for each in asked if each.key not in stored]
    findings += [f"{each.key}: {problem}" for each in asked for problem in each.problems]
    findings += [*witness.broken, *ledgers.broken]
    checks: tuple[Callable[[Pair], Iterator[str]], ...] = (
        _told_one_thing,
        _ended_once,
        lambda pair: _ended_in_time(pair, outages),
        _certified_rightly,
        lambda pair: money.wrong(pair.stored.charge, pair.stored.status, pair.stored.document),
        lambda pair: (
            _signed_once(pair, witness) if pair.asked.question.kind == "model" else _decided(pair, ledgers)
        ),
    )
    for check in checks:
        findings += [f"{pair}: {finding}" for pair in pairs for finding in check(pair)]
    return Account(_counts(pairs, witness, outages), findings)


def _told_one_thing(pair: Pair) -> Iterator[str]:
    """However often it was sent: one prediction, which ended one way, and nobody was told otherwise."""
    sha256 = pair.stored.sha256.hex() if pair.stored.sha256 else ""
    if pair.asked.ids != {str(pair.stored.id)}:
        yield f"its client was given {sorted(pair.asked.ids)}"
    if pair.asked.ends != {(pair.stored.status, sha256)}:
        yield f"its client saw it end as {sorted(pair.asked.ends)}"


def _ended_once(pair: Pair) -> Iterator[str]:
    """It has ended, with the last of its events and with no other; their numbers have no gap."""
    stages, numbers = pair.stored.stages, pair.stored.numbers
    if [stage for stage in stages if stage in ENDS] != [pair.stored.status] or stages[-1] != pair.stored.status:
        yield f"events {list(stages)}"
    if list(numbers) != list(range(1, pair.stored.seq + 1)):
        yield f"events are numbered {list(numbers)}, the last is {pair.stored.seq}"
    if pair.stored.completed is None:
        yield "has no time of completion"


def _ended_in_time(pair: Pair, outages: Sequence[Outage]) -> Iterator[str]:
    late = lateness(pair.stored, outages)
    if late > MARGIN:
        yield f"ended {late:.2f} s after its deadline"


def lateness(stored: Stored, outages: Sequence[Outage]) -> float:
    """Seconds after its deadline, or after an outage in which that fell; negative if before."""
    due = stored.deadline
    for outage in outages:
        if outage.begun <= due + dt.timedelta(seconds=MARGIN) and due < outage.over:
            due = outage.over
    return (stored.completed - due).total_seconds() if stored.completed else float("inf")


def _certified_rightly(pair: Pair) -> Iterator[str]:
    """A certificate if answered; valid, by whom it must be, about this request, this input and this outcome.

    Without an answer there is none, but for a group that has certified that it failed.
    """
    question, stored = pair.asked.question, pair.stored
    if stored.document is None:
        if stored.status in ANSWERS:
            yield "is answered without a certificate"
        return
    if stored.status not in ANSWERS and (question.kind, stored.status) != ("group", "failed"):
        yield "has a certificate without an answer"
    report = verify(stored.document, question.trust, inputs=question.tensors, salt=stored.salt)
    if report.exit_code != 0:
        yield f"its certificate does not stand: {[str(each) for each in report.findings]}"
    if report.certificate is None:
        return
    statement = report.certificate.statement
    if statement.request != stored.id.bytes or not question.is_of(statement.target):
        yield f"its certificate is about {statement.request.hex()} to {statement.target}"
    if statement.outcome != ("answered" if question.kind == "model" else stored.status):
        yield f"its certificate says that it {statement.outcome}"


def _decided(pair: Pair, ledgers: Ledgers) -> Iterator[str]:
    """What is certified is what the group's log says about the request, which says one thing."""
    if pair.stored.document is None:
        return
    certificate = parse(pair.stored.document)
    outcome = ledgers.decided.get((pair.asked.question.anchor, pair.stored.id.bytes))
    if not isinstance(certificate, AgreementCertificate):
        yield f"its certificate is of mode {certificate.mode}"
    elif outcome is None:
        yield "its certificate is of what the group has not decided"
    elif (certificate.evidence.entry.digest, certificate.evidence.ended) != (outcome.entry, outcome.ended):
        yield "its certificate is not what the group has decided"


def _signed_once(pair: Pair, witness: Witness) -> Iterator[str]:
    """What is stored is what the node's journal holds, and no other node has signed for the request."""
    signed = {
        owner: requests[pair.stored.id.bytes]
        for owner, requests in witness.signed.items()
        if pair.stored.id.bytes in requests
    }
    if signed.keys() - {pair.asked.question.owner}:
        yield f"signed by {sorted(signed)}"
    if pair.stored.sha256 is not None and signed.get(pair.asked.question.owner) != pair.stored.sha256:
        yield "its certificate is not the one in the node's journal"


def _counts(pairs: Sequence[Pair], witness: Witness, outages: Sequence[Outage]) -> dict[str, float]:
    ends = Counter(_end(pair.stored) for pair in pairs)
    troubles = sum((pair.asked.troubles for pair in pairs), Counter[str]())
    models = [pair for pair in pairs if pair.asked.question.kind == "model"]
    signed = [pair for pair in models if pair.stored.id.bytes in witness.signed[pair.asked.question.owner]]
    return {
        "predictions": len(pairs),
        "  of groups": len(pairs) - len(models),
        **{f"  {end}": number for end, number in ends.most_common()},
        "certificates verified": sum(pair.stored.document is not None for pair in pairs),
        "signed by a node too late to count": sum(pair.stored.document is None for pair in signed),
        "taken up by another worker": sum("resumed" in pair.stored.stages for pair in pairs),
        "asked of the node again": sum("retrying" in pair.stored.stages for pair in pairs),
        "requests sent again": troubles.total(),
        **{f"  after {trouble}": number for trouble, number in troubles.most_common()},
        "replayed by idempotency key": sum(pair.asked.replayed for pair in pairs),
        "latest end after a deadline, s": round(
            max((lateness(pair.stored, outages) for pair in pairs), default=0), 2
        ),
    }


def ledger(records: Records, pairs: Sequence[Stored]) -> dict[str, float]:
    """What the load was charged, and what stands in the ledger, in micro-units."""
    charged = [each for each in pairs if each.charge is not None]
    return {
        "ledger: predictions that cost something": len(charged),
        "  charged": sum(bool(each.charge and each.charge.posted) for each in charged),
        "  charged, micro-units": sum(each.charge.posted or 0 for each in charged if each.charge),
        "  returned, micro-units": sum(
            each.charge.held - (each.charge.posted or 0) for each in charged if each.charge
        ),
        "ledger: sum of all accounts": sum(records.balances().values()),
        "ledger: held at rest": records.balances().get("held", 0),
    }


def _end(stored: Stored) -> str:
    return f"{stored.status} {stored.error['code']}" if stored.error else stored.status


def left_over(records: Records, since: dt.datetime) -> Iterator[str]:
    """What the site as a whole still owes somebody, or has lost sight of."""
    for what, found in (
        ("predictions past their deadline and open", records.overdue(MARGIN)),
        ("certificates that belong to no prediction", records.strays()),
        ("errands in the outbox", records.errands()),
        ("errands given up", records.given_up(since)),
        ("money", list(money.at_rest(records.balances()))),
    ):
        if found:
            yield f"{what}: {found}"
