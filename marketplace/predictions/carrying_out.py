"""One claim, from the stored question to a change that ends it: finds the providers, runs the mode, keeps time.

Whatever happens in here ends the prediction, or leaves it to its lease: a mode that has a bug fails its own
prediction and no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils import timezone

from assay import jsonform
from assay.errors import AssayError, DeadlineExceeded, Unavailable
from assay.keys import PublicKey
from assay.verify import anchor
from marketplace.certificates.actions import prepare
from marketplace.db.threads import DatabaseThreads
from marketplace.groups.standing import standing
from marketplace.predictions import claims, stored, targets
from marketplace.predictions.changes import Change
from marketplace.predictions.claims import MAX_ATTEMPTS, Claim
from marketplace.predictions.models import Status
from marketplace.predictions.targets import Candidate
from marketplace.predictions.writing import Writer
from verification.mode import (
    Cancelled,
    Certified,
    Clock,
    Contested,
    End,
    Expired,
    Failed,
    Groups,
    Job,
    Mode,
    Nodes,
    P,
    Provider,
    Target,
)
from verification.registry import MODES

log = logging.getLogger(__name__)

REMEMBERED = 1.0  # seconds for which the providers of a version are not asked for again
ANSWERS = (Status.CERTIFIED, Status.CONTESTED)
OVERTIME = 0.5  # seconds after its deadline when a mode that is still running is stopped


class SystemClock:
    """`verification.mode.Clock` on this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Providers:
    """Who answers for a version or in a group, and who failed to: read and written at most once in REMEMBERED."""

    def __init__(self, database: DatabaseThreads) -> None:
        self._database = database
        self._known: dict[int, tuple[float, list[Candidate]]] = {}
        self._groups: dict[int, tuple[float, Target | None]] = {}
        self._failed: dict[PublicKey, float] = {}

    async def of(self, version: int, request: bytes) -> tuple[Provider, ...]:
        """In order of preference for this request."""
        until, candidates = self._known.get(version, (0.0, []))
        if time.monotonic() >= until:
            candidates = await self._database.insist(targets.candidates, version)
            self._known[version] = time.monotonic() + REMEMBERED, candidates
        return targets.in_order(candidates, request)

    async def of_group(self, group: int) -> Target:
        """A group with its members. Raises Unavailable where it cannot be asked any more."""
        until, target = self._groups.get(group, (0.0, None))
        if time.monotonic() >= until:
            target = await self._database.insist(standing, group)
            self._groups[group] = time.monotonic() + REMEMBERED, target
        if target is None:
            raise Unavailable("the group cannot be asked any more", code="group-not-serving")
        return target

    async def failed(self, key: PublicKey) -> None:
        """Takes note, so that others are preferred."""
        if time.monotonic() < self._failed.get(key, 0.0):
            return
        self._failed[key] = time.monotonic() + REMEMBERED
        await self._database.insist(targets.note_failure, key)
        self._known.clear()


class FollowingGroups(Groups, Protocol):
    """The port, which can be told that a group has gone on to its next epoch."""

    def follow(self, target: Target) -> None: ...


@dataclass(frozen=True)
class Workshop:
    """What all claims of a worker share."""

    worker: str
    nodes: Nodes
    groups: FollowingGroups
    database: DatabaseThreads
    providers: Providers
    writer: Writer


class JobPorts:
    """`verification.mode.Ports` for one claim. As its own `nodes` it takes note of those that fail."""

    def __init__(self, claim: Claim, workshop: Workshop) -> None:
        self._claim = claim
        self._workshop = workshop
        self.nodes: Nodes = self
        self.groups: Groups = workshop.groups
        self.clock: Clock = SystemClock()

    async def submit(self, provider: Provider, job: Job[P]) -> bytes:
        try:
            return await self._workshop.nodes.submit(provider, job)
        except Unavailable:
            await self._workshop.providers.failed(provider.key)
            raise

    async def emit(self, stage: str, detail: dict[str, str | int]) -> None:
        status = Status.ANSWERED if stage == Status.ANSWERED else None
        self._workshop.writer.note(Change(self._claim.id, status, stage, dict(detail)))

    async def save(self, state: bytes) -> None:
        await self._workshop.database.insist(claims.save, self._workshop.worker, self._claim.id, state)

    def cancelled(self) -> bool:
        return False  # a claim that is withdrawn is cancelled as a task, wherever it stands


async def carry_out(claim: Claim, workshop: Workshop) -> None:
    """Runs a claim to its end and returns when that is durable."""
    try:
        change = _change(claim, await _end(claim, workshop))
    except AssayError as error:
        change = Change(claim.id, Status.FAILED, error=error)
    except Exception:
        log.exception("prediction %s failed here", claim.id)
        change = Change(
            claim.id, Status.FAILED, error=AssayError("an error of ours; it has been noted", code="internal-error")
        )
    if change.certificate is not None and change.status in ANSWERS:  # where the mode has not said so itself
        rests_on = anchor(change.certificate.certificate)
        answered = Change(claim.id, Status.ANSWERED, detail={rests_on.kind: rests_on.text}, time=change.time)
        workshop.writer.note(answered)
    await workshop.writer.note(change)


async def _end(claim: Claim, workshop: Workshop) -> End:
    if claim.attempts > MAX_ATTEMPTS:
        return Failed(
            AssayError(
                "given up after several workers ended over it", code="worker-lost", got=f"{MAX_ATTEMPTS} attempts"
            )
        )
    mode = MODES[claim.mode]
    left = (claim.deadline - timezone.now()).total_seconds()
    try:
        async with asyncio.timeout(left + OVERTIME):
            job = await _job(claim, workshop, mode)
            ports = JobPorts(claim, workshop)
            if claim.attempts > 1:
                return await mode.resume(job, ports, claim.saved)
            return await mode.run(job, ports)
    except TimeoutError:
        return Expired(
            DeadlineExceeded("no answer before the deadline", hint="Allow more time, or ask another model.")
        )


async def _job(claim: Claim, workshop: Workshop, mode: Mode[Any]) -> Job[Any]:
    """The question as the mode sees it, once there is somebody to ask."""
    if claim.group is not None:
        target = await workshop.providers.of_group(claim.group)
        interface = target.epochs[-1].configuration.interface
    else:
        target = await _model(claim, workshop)
        interface = target.providers[0].model.interface
    return Job(
        request=claim.id.bytes,
        target=target,
        params=jsonform.convert(claim.params, mode.Params),
        inputs=stored.question(interface, claim.inputs, claim.source, claim.source_type),
        salt=claim.salt,
        deadline=int(claim.deadline.timestamp() * 1000),
    )


async def _model(claim: Claim, workshop: Workshop) -> Target:
    """The model that is asked, once some node answers for it."""
    assert claim.version is not None, "what is asked of no group is asked of a model"
    while not (providers := await workshop.providers.of(claim.version, claim.id.bytes)):  # noqa: ASYNC110
        await asyncio.sleep(REMEMBERED)  # a table has no event to wait for
    return Target(claim.target, providers)


def _change(claim: Claim, end: End) -> Change:
    if end.ending not in MODES[claim.mode].ends:
        raise AssertionError(f"{claim.mode} does not declare that it may end {end.ending.name}")
    match end:
        case Certified(certificate, ending) | Contested(certificate, ending):
            return Change(claim.id, Status(ending.status), certificate=prepare(certificate), ending=ending)
        case Failed(error, certificate, ending):
            kept = None if certificate is None else prepare(certificate)
            return Change(claim.id, Status.FAILED, error=error, certificate=kept, ending=ending)
        case Expired(error, ending):
            return Change(claim.id, Status.EXPIRED, error=error, ending=ending)
        case Cancelled(ending):
            return Change(claim.id, Status.CANCELLED, ending=ending)
