"""Groups for tests, brought as far as is wanted by the same actions as in earnest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils import timezone

from assay.agreement import consent
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference
from marketplace.catalogue.interfaces import plain
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Node
from marketplace.groups import access, actions
from marketplace.groups.actions.founding import Rules
from marketplace.groups.models import Group, Member
from tests.marketplace import answering, people
from tests.marketplace.catalogue.wired import Wired
from tests.marketplace.people import Cast, Person

SLUG = "digits-four"


@dataclass
class Owner:
    """A person with a node and a model on it."""

    person: Person
    key: PrivateKey
    node: Node
    deployment: Deployment

    @property
    def slug(self) -> str:
        return self.person.organisation.slug

    @property
    def version(self) -> ModelVersion:
        return self.deployment.version

    @property
    def actor(self) -> Any:
        return self.person.actor

    def seat(self, group: Group) -> Member:
        return access.seat(self.actor, group.slug)


def owners(cast: Cast, count: int = 4) -> list[Owner]:
    """Owners of models that differ in nothing but their files."""
    persons = [cast.asha, cast.bela, cast.sam, *(people.person(f"owner{i}") for i in range(3, count))]
    return [owner(person, i) for i, person in enumerate(persons)]


def owner(
    person: Person, i: int, interface: Interface = answering.INTERFACE, slug: str = "digits", name: str = "cellar"
) -> Owner:
    key = PrivateKey(bytes([100 + i]) * 32)
    node = Node.objects.create(
        organisation=person.organisation, name=name, key=key.public.raw, address=f"n{i}.test:1", serving=True
    )
    return Owner(person, key, node, deployed(person, node, bytes([i]) * 32, interface, slug))


def deployed(
    person: Person, node: Node, digest: bytes, interface: Interface = answering.INTERFACE, slug: str = "digits"
) -> Deployment:
    """Another version of the person's model, served by their node."""
    model, _ = Model.objects.get_or_create(
        organisation=person.organisation, slug=slug, defaults={"title": "Digits", "task": interface.task}
    )
    version = ModelVersion.objects.create(
        model=model,
        number=model.versions.count() + 1,
        state="ready",
        weights="delivered",
        digest=digest,
        commitment=ModelReference(digest, interface).commitment,
        interface=plain(interface),
        metrics=[{"name": "accuracy", "value": 0.97, "dataset": "held out", "rows": 360, "sha256": "00" * 32}],
        created_by=person.user,
    )
    return Deployment.objects.create(version=version, node=node, state="serving", acknowledged=timezone.now())


def found(owner: Owner, slug: str = SLUG, **rules: Any) -> Group:
    chosen = Rules(**{"aggregator": "plurality", **rules})
    return actions.found(
        owner.actor, slug, owner.deployment, chosen, title="Digits of four", summary="Four owners"
    )


def complete(group: Group, owners: list[Owner]) -> Group:
    for each in owners[1:]:
        actions.invite(owners[0].actor, group, each.slug)
        actions.accept(each.actor, each.seat(group), each.deployment)
    group.refresh_from_db()
    return group


def signature(group: Group, owner: Owner) -> tuple[bytes, bytes]:
    """The digest of what is to be signed, and the owner's node's signature."""
    configuration = consent.proposed(bytes(group.epochs.get(number=0).configuration))
    return configuration.digest, consent.consent(owner.key, configuration)


def signed(group: Group, owners: list[Owner]) -> Group:
    for each in owners:
        actions.sign(each.actor, each.seat(group), *signature(group, each))
    group.refresh_from_db()
    return group


def listening(owner: Owner, machine: Wired) -> Wired:
    """The owner's node, now at the address of a machine that listens."""
    owner.node.address = machine.address
    owner.node.save()
    owner.deployment.node.address = machine.address
    return machine


def formed(group: Group) -> Group:
    where = list(group.members.order_by("position").values_list("node__address", flat=True))
    group.members.update(formed=timezone.now(), told=where)
    group.state = Group.State.SERVING
    group.save()
    return group


def other(interface: Interface, **changes: Any) -> Interface:
    return msgspec.structs.replace(interface, **changes)
