"""Registering and retiring owners' nodes, and giving one a new key."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from assay import joining
from assay.errors import NotVerified, Refused
from assay.jsonform import to_json
from assay.keys import PublicKey
from assay.rotation import KeyRotation
from marketplace import text
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue import addresses
from marketplace.catalogue.access import managed_node_of_key, require_nodes
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Deployment, FormerKey, Node
from marketplace.errors import Conflict
from marketplace.groups import telling
from marketplace.groups.models import Group, Member

MAX_NODES = 100  # of one organisation


def register_node(actor: Actor, name: str, key: str, address: str, proof: str) -> Node:
    """The organisation's node with this key, new or (registered before) at a new address and under a new name.

    `proof` is `assay.joining.prove`'s. Raises Refused naming the field, Forbidden, Conflict.
    """
    organisation = actor.organisation
    require_nodes(actor, organisation.pk)
    called = text.line(name, "/name", most=60, least=1)
    public = _key(key)
    where = addresses.checked(address)
    _require_proof(public, organisation.slug, proof)
    _require_new(public, "/key")
    try:
        with transaction.atomic():
            if organisation.nodes.filter(retired__isnull=True).exclude(key=public.raw).count() >= MAX_NODES:
                raise Conflict("too many nodes", code="too-many-nodes", expected=f"at most {MAX_NODES}")
            before = organisation.nodes.filter(key=public.raw).values_list("address", flat=True).first()
            node, new = Node.objects.update_or_create(
                key=public.raw,
                organisation=organisation,
                defaults={"name": called, "address": where, "retired": None},
            )
            if new:
                audit.record(organisation, actor.user, Action.NODE_REGISTERED, f"{node} {public}")
            elif where != before:
                telling.moved(node)
    except IntegrityError as error:
        if organisation.nodes.filter(name=called).exists():
            raise Conflict(
                "you have a node of this name", code="name-taken", pointer="/name", got=called
            ) from error
        raise Conflict("this key is registered elsewhere", code="key-taken", pointer="/key") from error
    return node


def rotate_key(actor: Actor, statement: KeyRotation) -> Node:
    """The node that had the statement's old key, with the new one; handed in again it changes nothing.

    The old key stays on record as one that the node had: its certificates are told from a stranger's by it, and
    no node is registered with it again. Raises NotVerified, NotFound, Forbidden, Conflict.
    """
    old, new = statement.verify()
    found = managed_node_of_key(actor, old)
    try:
        with transaction.atomic():
            node = held(found, "organisation")
            if bytes(node.key) == new.raw:
                return node
            if bytes(node.key) != old.raw:
                current = PublicKey(bytes(node.key))
                raise Conflict(
                    "another key has replaced this one", pointer="/old", expected=str(current), got=str(old)
                )
            _require_new(new, "/new")
            node.key = new.raw
            node.save(update_fields=["key"])
            FormerKey.objects.create(node=node, key=old.raw, statement=to_json(statement))
            audit.record(node.organisation, actor.user, Action.NODE_KEY_ROTATED, f"{node} {new}")
    except IntegrityError as error:
        raise Conflict("this key is registered already", code="key-taken", pointer="/new") from error
    return node


@transaction.atomic
def retire_node(actor: Actor, node: Node) -> Node:
    """Takes a node out of service for good or until it is registered again; doing it twice changes nothing.

    Raises Conflict while a published version is served by this node alone, or it is a member of a group.
    """
    node = held(node, "organisation")
    require_not_in_group(Member.objects.filter(node=node))
    deployments = node.deployments.exclude(state=Deployment.State.STOPPED)
    for each in deployments.select_related("version__model__organisation"):
        require_not_last(each)
    if node.retired is None:
        node.retired, node.serving, node.detail = timezone.now(), False, "retired"
        node.save(update_fields=["retired", "serving", "detail"])
        deployments.update(state=Deployment.State.STOPPED, detail="its node was retired")
        audit.record(node.organisation, actor.user, Action.NODE_RETIRED, node)
    return node


def require_not_last(deployment: Deployment) -> None:
    """Raises Conflict where the public would be left with a model that nobody serves."""
    version = deployment.version
    if deployment.state != Deployment.State.SERVING or version.model.published_version_id != version.pk:
        return
    others = version.deployments.filter(state=Deployment.State.SERVING, node__retired__isnull=True)
    if not others.exclude(pk=deployment.pk).exists():
        raise Conflict(
            "a published model would be left without a provider",
            code="last-provider",
            got=str(version),
            hint="Deploy it elsewhere, publish another version, or withdraw the model first.",
        )


def require_not_in_group(seats: QuerySet[Member]) -> None:
    """Raises Conflict where a group counts on one of these places."""
    counted = seats.exclude(state=Member.State.LEFT).exclude(group__state=Group.State.WITHDRAWN)
    for seat in counted.select_related("group"):
        raise Conflict(
            f"the group {seat.group.slug} answers with it",
            code="in-group",
            hint="Change to another model in the group, or leave it: with its next epoch, once it is settled.",
        )


def _require_new(key: PublicKey, pointer: str) -> None:
    if FormerKey.objects.filter(key=key.raw).exists():
        raise Conflict("this key was replaced by another", code="key-taken", pointer=pointer, got=str(key))


def _key(text_: str) -> PublicKey:
    try:
        return PublicKey.parse(text_[:100])
    except Refused as error:
        raise error.under("/key") from error


def _require_proof(key: PublicKey, organisation: str, proof: str) -> None:
    try:
        joining.check(key, organisation, proof[:200])
    except (Refused, NotVerified) as error:
        raise Refused(
            "this does not show that the node's key is yours",
            code="wrong-proof",
            pointer="/proof",
            expected=f"the key's signature over joining {organisation}",
            hint=f"`assay-node join {organisation}` makes it.",
        ) from error
