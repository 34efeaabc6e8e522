"""Members of a group whose epochs change, joined by links that lose nothing while both ends are up. In memory."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import msgspec

from assay.agreement.group import Configuration, Epoch, Member, Signed
from assay.agreement.votes import Answered
from assay.digest import Tag
from assay.keys import PrivateKey
from consensus.durable import Executed, Jumped
from consensus.events import Linked, Ran, Ready, Received, Reconfiguring, Run, Tick
from consensus.judging import Group
from consensus.messages import Decided, Jump, Record, Records, Result, Spoken, Successor, decode, encode
from consensus.replica import Replica
from consensus.seals import Ed25519
from consensus.simulator.disk import Disk
from tests.consensus import made
from tests.consensus.test_replica_attacks import requests
from tests.sdk import groups

NOW = 1_990_000


@dataclass
class Citizen:
    """A node: its key, and what it has of the group."""

    key: PrivateKey
    group: Group
    disk: Disk = field(default_factory=Disk)
    replica: Replica | None = None
    epochs: list[int] = field(default_factory=list)  # in which it has taken part
    records: dict[int, Record] = field(default_factory=dict)
    left: bool = False

    @property
    def place(self) -> int:
        keys = [member.key for member in self.group.configuration.members]
        return keys.index(self.key.public.raw)


class Town:
    """By owner. `far`: entries by which one must be behind to be sent the last one."""

    def __init__(self, *, far: int = 1_000, genesis: Configuration = made.GENESIS) -> None:
        self.now, self.far = NOW, far
        self.genesis = genesis.digest
        self.citizens: dict[str, Citizen] = {}
        self.told: dict[bytes, Decided] = {}
        self.down: set[str] = set()
        self._wires: list[tuple[int, int, str, object, Spoken | Ran]] = []
        self._order = count()
        for member, key in zip(genesis.members, made.KEYS, strict=True):
            self.settle(member.owner, key, Group(self.genesis, genesis))

    # --- who lives here -----------------------------------------------------------------------------------

    def settle(self, owner: str, key: PrivateKey, group: Group) -> None:
        self.citizens[owner] = Citizen(key, group)
        self.start(owner)

    def start(self, owner: str) -> None:
        """Anew from its disk."""
        citizen = self.citizens[owner]
        citizen.replica = Replica(citizen.group, citizen.place, Ed25519(citizen.key), citizen.disk.restore())
        citizen.epochs.append(citizen.group.configuration.epoch)
        self.down.discard(owner)
        self._carry_out(owner, citizen.replica.step(self.now, []))
        for other in self.citizens:
            if other != owner and other not in self.down:
                self._link(owner, other)
                self._link(other, owner)

    def stop(self, owner: str) -> None:
        self.down.add(owner)
        self.citizens[owner].replica = None

    def _link(self, at: str, other: str) -> None:
        place = self._place(at, other)
        replica = self.citizens[at].replica
        if place is not None and replica is not None:
            self._carry_out(at, replica.step(self.now, [Linked(place)]))

    def _place(self, at: str, other: str) -> int | None:
        """Where `other` stands in the configuration of `at`."""
        keys = [member.key for member in self.citizens[at].group.configuration.members]
        key = self.citizens[other].key.public.raw
        return keys.index(key) if key in keys else None

    # --- what happens -------------------------------------------------------------------------------------

    def ask(self, *numbers: int, deadline: int = 60_000) -> None:
        """As a client does: again until it knows, whoever is there."""
        message = requests(*numbers, deadline=self.now + deadline, group=self.genesis)
        for owner in self.citizens:
            self._wire(owner, groups.CLIENT.public.raw, message)

    def reconfigure(self, successor: Successor, *owners: str) -> None:
        for owner in owners:
            replica = self.citizens[owner].replica
            assert replica is not None
            self._carry_out(owner, replica.step(self.now, [Reconfiguring(successor)]))

    def pass_time(self, duration: int, step: int = 5) -> None:
        for _ in range(0, duration, step):
            self.now += step
            events: dict[str, list[object]] = {}
            while self._wires and self._wires[0][0] <= self.now:
                _, _, owner, sender, what = heapq.heappop(self._wires)
                heard = what if isinstance(what, Ran) else self._received(owner, sender, what)
                if heard is not None:
                    events.setdefault(owner, []).append(heard)
            for owner, citizen in list(self.citizens.items()):
                if citizen.replica is not None:
                    self._carry_out(owner, citizen.replica.step(self.now, events.get(owner) or [Tick()]))

    def _received(self, owner: str, sender: object, message: Spoken) -> Received | None:
        if isinstance(sender, bytes):
            return Received(sender, message)
        place = self._place(owner, str(sender))
        return None if place is None else Received(place, message)

    def _wire(self, owner: str, sender: object, what: Spoken | Ran, delay: int = 2) -> None:
        if owner not in self.down:
            heapq.heappush(self._wires, (self.now + delay, next(self._order), owner, sender, what))

    def _carry_out(self, owner: str, ready: Ready) -> None:
        citizen = self.citizens[owner]
        citizen.disk.write(ready.persist)
        for each in ready.persist:
            if isinstance(each, Executed):
                citizen.records[each.record.entry.number] = each.record
            elif isinstance(each, Jumped):
                citizen.records |= {record.entry.number: record for record in each.records}
        members = citizen.group.configuration.members
        by_key = {other.key.public.raw: name for name, other in self.citizens.items()}
        for to, message in [*ready.announce, *ready.send]:
            if members[to].key in by_key:
                self._wire(by_key[members[to].key], owner, decode(encode(message)))
        for supply in ready.supply:
            self._wire(by_key[members[supply.member].key], owner, self._supplied(citizen, supply))
        for _, message in ready.reply:
            if isinstance(message, Decided):
                self.told |= {ended.request: message for _, ended in message.ended}
        if ready.run:
            self._wire(owner, owner, Ran(tuple(self._answer(each) for each in ready.run)))
        if ready.succeeded is not None:
            self._succeed(owner, ready.succeeded)

    def _supplied(self, citizen: Citizen, supply) -> Spoken:
        last = citizen.disk.last()
        if last is not None and (supply.far or (supply.jump and last[1].entries > supply.first + self.far)):
            return Jump(last[0], last[1].serving)
        return Records(tuple(citizen.disk.records(supply.first, supply.most)))

    def _answer(self, run: Run) -> Result:
        return Result(run.request, run.commitment, Answered(run.commitment, (1,) * run.rows))

    def _succeed(self, owner: str, epoch: Epoch) -> None:
        """What a node does: it takes part in the epoch that follows, or leaves."""
        citizen = self.citizens[owner]
        if citizen.key.public.raw not in [member.key for member in epoch.configuration.members]:
            citizen.replica, citizen.left = None, True
            self.down.add(owner)
            return
        citizen.group = citizen.group.followed(epoch)
        citizen.disk.enter(epoch.configuration)
        waiting = citizen.replica.waiting
        self.start(owner)
        along = [Received(citizen.place, each) for each in waiting]
        self._carry_out(owner, citizen.replica.step(self.now, along))


def followed(before: Configuration, members: Sequence[Member], **changes) -> Configuration:
    return msgspec.structs.replace(
        before, epoch=before.epoch + 1, previous=before.digest, members=tuple(members), **changes
    )


def successor(
    before: Configuration,
    after: Configuration,
    keys: Sequence[PrivateKey],
    words: Sequence[tuple[int, PrivateKey]],
) -> Successor:
    """`keys`: of the new members, in order; `words`: of present ones, by their places."""
    digest = after.digest
    consents = tuple(key.sign(Tag.GROUP, digest) for key in keys)
    return Successor(after, consents, tuple(Signed(i, key.sign(Tag.GROUP, digest)) for i, key in words))
