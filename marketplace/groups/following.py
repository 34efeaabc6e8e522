"""An epoch that has begun is written down, whoever tells of it: it is believed for the signatures in it.

Its members are found by what its configuration says of them: the owner by name, the node by its key, the model by
its commitment. Everything that follows from it changes in one transaction: places, rules, who has come and who has
left, the proposal that led to it; PostgreSQL lets places change in no other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from assay import cbor, jsonform
from assay.agreement.chain import require_chain
from assay.agreement.consent import encoded
from assay.agreement.group import Configuration, Epoch
from assay.agreement.group import Member as Seated
from assay.errors import Refused
from assay.keys import PublicKey
from marketplace.accounts import audit
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation
from marketplace.catalogue.held import held
from marketplace.catalogue.models import ModelVersion, Node
from marketplace.groups import succession
from marketplace.groups.models import Group, GroupEpoch, Member, Proposal, Swap
from marketplace.predictions import outbox


class Place(NamedTuple):
    """Who has a place in an epoch, as it is known here."""

    organisation: Organisation
    node: Node
    version: ModelVersion


@transaction.atomic
def install(group: Group, documents: Sequence[bytes]) -> Group:
    """Takes a group on to the last of these epochs, each the canonical CBOR of one, as far as they are new.

    Raises Refused or NotVerified for what does not follow, or whose members are not known here.
    """
    group = held(group, "organisation")
    known = succession.chain(group)
    told = tuple(jsonform.convert(cbor.decode(each), Epoch) for each in documents)
    fresh = tuple(each for each in told if each.configuration.epoch >= len(known))
    if not fresh:
        return group
    require_chain((*known, *fresh))
    newest, number = fresh[-1].configuration, fresh[-1].configuration.epoch
    places = [_place(i, member) for i, member in enumerate(newest.members)]
    now = timezone.now()
    for each, document in zip(told, documents, strict=True):
        if each in fresh:
            made = each.configuration
            fields = {"configuration": encoded(made), "digest": made.digest, "document": document, "stood": now}
            GroupEpoch.objects.create(group=group, number=made.epoch, **fields)
    before = _seated(group)
    _seat(group, places, number)
    group.size, group.grace, group.horizon, group.epoch = newest.n, newest.grace, newest.horizon, number
    if group.organisation not in (each.organisation for each in places):
        group.organisation = places[0].organisation
    group.save(update_fields=["size", "grace", "horizon", "epoch", "organisation", "updated"])
    _end_proposals(group, {each.configuration.digest for each in fresh})
    _record(group, before, newest)
    for member in group.members.filter(Q(position__isnull=False) | Q(state=Member.State.LEFT, epoch=number)):
        outbox.add("groups.form", member=member.pk)
    return group


def _seated(group: Group) -> dict[str, Organisation]:
    seats = group.members.filter(position__isnull=False).select_related("organisation")
    return {each.organisation.slug: each.organisation for each in seats}


def _seat(group: Group, places: Sequence[Place], number: int) -> None:
    """Who has a place keeps its row, or has one made; all change places in one statement."""
    rows = {each.organisation_id: each for each in group.members.all()}
    changed = []
    for i, place in enumerate(places):
        row = rows.pop(place.organisation.pk, None) or _newcomer(group, place)
        if row.position is None:
            row.formed, row.told, row.told_epoch, row.reached = None, [], 0, None
            row.answered = row.answered or timezone.now()
        row.position, row.epoch, row.state = i, number, Member.State.ACCEPTED
        row.node, row.version, row.detail = place.node, place.version, ""
        changed.append(row)
    for row in rows.values():
        if row.position is not None:
            row.position, row.epoch, row.state, row.reached = None, number, Member.State.LEFT, None
            changed.append(row)
    fields = (
        "position",
        "epoch",
        "state",
        "node",
        "version",
        "formed",
        "told",
        "told_epoch",
        "reached",
        "answered",
    )
    Member.objects.bulk_update(changed, [*fields, "detail"])


def _newcomer(group: Group, place: Place) -> Member:
    """Nobody here has asked it to come."""
    brought = {"node": place.node, "version": place.version, "state": Member.State.JOINING}
    return Member.objects.create(group=group, organisation=place.organisation, **brought)


def _end_proposals(group: Group, digests: set[bytes]) -> None:
    """The one that has come into force, though it was given up meanwhile; any other has been overtaken."""
    now = timezone.now()
    carried = group.proposals.filter(digest__in=digests).exclude(state=Proposal.State.IN_FORCE)
    carried.update(state=Proposal.State.IN_FORCE, detail="", completed=now)
    for each in group.proposals.filter(state__in=Proposal.OPEN):
        succession.end(group, each, Proposal.State.OVERTAKEN)
    swaps = Swap.objects.filter(member__group=group, member__state=Member.State.LEFT, state=Swap.State.WAITING)
    swaps.update(state=Swap.State.WITHDRAWN, detail="With its place", awaits_owner=False, completed=now)


def _record(group: Group, before: dict[str, Organisation], newest: Configuration) -> None:
    after = _seated(group)
    subject = f"{group} #{newest.epoch} {newest.digest.hex()}"
    for slug, organisation in {**before, **after}.items():
        action = Action.GROUP_EPOCH
        if slug not in before or slug not in after:
            action = Action.GROUP_JOINED if slug in after else Action.GROUP_LEFT
        audit.record(organisation, None, action, subject)


def _place(i: int, member: Seated) -> Place:
    """Raises Refused where no such owner, node or model is known here."""
    own = Node.objects.filter(organisation__slug=member.owner)
    node = own.filter(Q(key=member.key) | Q(former_keys__key=member.key)).first()
    commitment = member.model.commitment
    versions = ModelVersion.objects.filter(model__organisation__slug=member.owner, commitment=commitment)
    served = versions.filter(deployments__node=node).order_by("-deployments__updated").first()
    version = served or versions.order_by("-pk").first()
    organisation = Organisation.objects.filter(slug=member.owner).first()
    if organisation is None or node is None or version is None:
        what = "owner" if organisation is None else "node" if node is None else "model"
        raise Refused(
            f"an epoch with a member whose {what} is not known here",
            code="unknown-member",
            pointer=f"/configuration/members/{i}",
            expected="owners, nodes and models of this marketplace",
            got=f"{member.owner}, {PublicKey(member.key)}, model {commitment.hex()}"[:300],
        )
    return Place(organisation, node, version)
