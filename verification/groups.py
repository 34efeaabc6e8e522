"""The `Groups` port over the wire: one client for each group, shared by all jobs of a worker, links kept up.

A group's configuration says where its members were when it began; where they are now, the job's target says.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from assay.agreement.group import Configuration
from assay.keys import PrivateKey
from consensus.client import GroupClient
from consensus.messages import Payload
from verification.mode import Decision, Job, Target
from wire.dial import Resolve

MARGIN = 900  # ms after the deadline in which a group may still say that it has failed
MOST = 256  # groups with links; the one that was not asked for longest gives way

P = TypeVar("P", bound=msgspec.Struct)


class PeerGroups:
    """Groups asked with the key `identity`. Belongs to the event loop it is first used in."""

    def __init__(self, identity: PrivateKey, resolve: Resolve | None = None) -> None:
        self._identity = identity
        self._resolve = resolve
        self._groups: OrderedDict[bytes, _Asked] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()

    async def decide(self, job: Job[P], least: int) -> Decision:
        """As in `verification.mode.Groups`."""
        answer = await self._group(job.target).client.ask(
            job.request,
            Payload(job.salt, job.inputs),
            rows=job.inputs[0].shape[0],
            deadline=job.deadline,
            least=least,
            until=job.deadline + MARGIN,
        )
        return Decision(answer.evidence, answer.models)

    def follow(self, target: Target) -> None:
        """Takes a group that is being asked on to the last epoch of this target: who waits asks again there.

        Without this it would go on when it is next asked, and whoever was asked before would wait in vain.
        """
        if target.epochs[0].configuration.digest in self._groups:
            self._group(target)

    async def close(self) -> None:
        """Ends all links."""
        groups, self._groups = self._groups, OrderedDict()
        await asyncio.gather(*(group.client.close() for group in groups.values()), *self._background)

    def _group(self, target: Target) -> _Asked:
        genesis = target.epochs[0].configuration.digest
        known = self._groups.get(genesis)
        if known is not None and len(known.epochs) < len(target.epochs):
            self._spawn(known.client.close())  # who still waits there asks again, in the epoch that has begun
            known = None
        if known is None:
            known = self._groups[genesis] = _Asked(target, self._identity, self._resolve)
            if len(self._groups) > MOST:
                _, oldest = self._groups.popitem(last=False)
                self._spawn(oldest.client.close())
        self._groups.move_to_end(genesis)
        known.find(target)
        return known

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class _Asked:
    """A group with its client."""

    def __init__(self, target: Target, identity: PrivateKey, resolve: Resolve | None) -> None:
        self.epochs = target.epochs
        self._configuration: Configuration = target.epochs[-1].configuration
        self._now: dict[str, str] = {}
        self._further = resolve
        self.client = GroupClient(target.epochs, identity, resolve=self._resolve)

    def find(self, target: Target) -> None:
        """Takes note of where the members are now."""
        at = {provider.key.raw: provider.address for provider in target.providers}
        self._now = {member.address: at.get(member.key, member.address) for member in self._configuration.members}

    async def _resolve(self, where: str) -> str:
        now = self._now.get(where, where)
        return now if self._further is None else await self._further(now)
