"""Changing the model that a member answers with. The node tells the group, which orders it between requests."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Deployment
from marketplace.errors import Conflict
from marketplace.groups import configuring
from marketplace.groups.actions.bringing import held_deployment
from marketplace.groups.models import Group, Member, Proposal, Swap
from marketplace.predictions import outbox


@transaction.atomic
def swap(actor: Actor, seat: Member, brought: Deployment) -> Swap:
    """Asks the member's node to answer with another of its models; until it does, the old one answers.

    Raises Refused where the model does not fit, Conflict where the group does not serve, the model is on another
    node, answers already, or another change is under way.
    """
    group = held(seat.group, "organisation")
    seat = held(seat, "organisation", "version__model__organisation")
    if group.state != Group.State.SERVING or seat.version is None or seat.position is None:
        raise Conflict("the group does not serve", code="group-not-serving", got=group.state)
    if group.proposals.filter(state__in=Proposal.OPEN).exists():
        raise Conflict(
            "the group's next epoch has been proposed, with the models that members answer with now",
            code="epoch-under-way",
            hint="Change your model before it is proposed, or once it is in force.",
        )
    brought = held_deployment(seat.organisation, brought)
    if brought.node_id != seat.node_id:
        raise Conflict(
            "the member's node does not serve this version",
            code="not-serving",
            pointer="/model",
            got=brought.node.name,
        )
    if brought.version_id == seat.version_id:
        raise Conflict("the member answers with this model", code="same-model", pointer="/model")
    if seat.swaps.filter(state=Swap.State.WAITING).exists():
        raise Conflict("another change is under way", code="swap-under-way")
    configuring.require_fit(group, seat.organisation.slug, brought.node, brought.version)
    made = Swap.objects.create(member=seat, before=seat.version, after=brought.version, asked_by=actor.user)
    outbox.add("groups.adopt", swap=made.pk)
    audit.record(seat.organisation, actor.user, Action.GROUP_SWAPPED, f"{group}: {made}")
    return made


@transaction.atomic
def keep(actor: Actor, seat: Member) -> Swap:
    """Withdraws the change that waits: the member goes on with the model that it has. Raises Conflict.

    If the group is ordering it at this moment, it happens, and is on record as adopted.
    """
    group = held(seat.group)
    made = seat.swaps.filter(state=Swap.State.WAITING).first()
    if made is None:
        raise Conflict("no change of your model is waiting", code="no-swap", got=group.slug)
    made.state, made.detail, made.awaits_owner = Swap.State.WITHDRAWN, "", False
    made.completed = timezone.now()
    made.save(update_fields=["state", "detail", "awaits_owner", "completed"])
    audit.record(seat.organisation, actor.user, Action.GROUP_KEPT, f"{group}: {made}")
    return made
