"""A group to run: its members' keys, their models, its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from assay.agreement.group import FORMAT, NO_PREVIOUS, Configuration, Epoch, Labels, Member, Signed, Values
from assay.digest import Tag
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from consensus.messages import Successor
from consensus.seals import Ed25519, Seal
from consensus.simulator.scenario import Scenario
from consensus.simulator.seals import Quick

INPUTS = (Port(name="features", datatype="INT32", shape=(-1, 2)),)
OUTPUTS = (Port(name="output", datatype="INT64", shape=(-1,)),)
LABELS = ("zero", "one", "two", "three")
SCALE = 1000
BEGAN = 1_800_000_000_000  # Unix ms of virtual time 0
INTERFACES = {
    "labels": Interface("classification", INPUTS, OUTPUTS, LABELS, NoPreprocessing()),
    "values": Interface("regression", INPUTS, OUTPUTS, (), NoPreprocessing()),
}


@dataclass(frozen=True)
class Holder:
    """Whoever signs: a member, or a client."""

    key: bytes
    seal: Seal


def holder(name: str, *, real: bool) -> Holder:
    """`real`: with Ed25519; else with a keyed hash."""
    seed = sha256(name.encode()).digest()
    if real:
        key = PrivateKey(seed)
        return Holder(key.public.raw, Ed25519(key))
    return Holder(seed, Quick(seed))


class Founded:
    """The group of a scenario."""

    def __init__(self, scenario: Scenario, *, real: bool) -> None:
        self.real = real
        self.members = [holder(f"member {i}", real=real) for i in range(scenario.n)]
        labels = scenario.aggregator == "plurality"
        self._interface = INTERFACES["labels" if labels else "values"]
        self.configuration = Configuration(
            format=FORMAT,
            slug="simulated",
            epoch=0,
            previous=NO_PREVIOUS,
            members=tuple(
                Member(f"owner-{i}", each.key, f"member-{i}:1", self.model(i, 0))
                for i, each in enumerate(self.members)
            ),
            inputs=INPUTS,
            answer=Labels(LABELS) if labels else Values(SCALE),
            aggregator=scenario.aggregator,
            grace=scenario.grace,
            horizon=scenario.horizon,
            copy_resistant=scenario.copy_resistant,
        )
        self.genesis = self.configuration.digest
        self.epochs = [Epoch(self.configuration, self.consents(self.configuration), ())]  # so far

    def model(self, place: int, number: int) -> ModelReference:
        """Member `place` has as many models as it needs."""
        return ModelReference(sha256(b"model %d of member %d" % (number, place)).digest(), self._interface)

    def consents(self, configuration: Configuration) -> tuple[bytes, ...]:
        """Of all members, whose keys stay the same."""
        return tuple(each.seal.sign(Tag.GROUP, configuration.digest) for each in self.members)

    def successor(self, models: Sequence[ModelReference], grace: int) -> Successor:
        """Of the latest epoch: the same members, with these models, who wait so many ms for each other."""
        before = self.epochs[-1].configuration
        members = zip(before.members, models, strict=True)
        after = msgspec.structs.replace(
            before,
            epoch=before.epoch + 1,
            previous=before.digest,
            grace=grace,
            members=tuple(msgspec.structs.replace(member, model=model) for member, model in members),
        )
        consents = self.consents(after)
        return Successor(after, consents, tuple(Signed(i, each) for i, each in enumerate(consents)))
