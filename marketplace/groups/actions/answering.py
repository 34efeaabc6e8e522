"""What an invited owner does: accepts with a model that fits, or declines.

The last one to accept settles the group: its configuration is fixed, and every member is asked to sign it. Until
all have, anybody may still leave; then what others signed is void, and the place is free again.

Who comes with a later epoch: see `joining`.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from assay.agreement.consent import encoded
from assay.errors import AssayError
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.billing import stakes
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Deployment
from marketplace.errors import Conflict
from marketplace.groups import configuring
from marketplace.groups.actions import joining
from marketplace.groups.actions.bringing import held_deployment
from marketplace.groups.models import Group, GroupEpoch, Member

State = Group.State
BEFORE_GENESIS = (State.INVITING, State.SIGNING)
COMING = (Member.State.ASKED, Member.State.JOINING)  # with an epoch after the first


@transaction.atomic
def accept(actor: Actor, seat: Member, brought: Deployment) -> Member:
    """Takes the place with a model that is served. As long as others are awaited, another may be chosen.

    Raises Refused where the model does not fit, Conflict where the members are settled.
    """
    group = held(seat.group, "organisation")
    seat = held(seat, "organisation")
    seat.group = group
    if seat.state in COMING:
        return joining.join(actor, seat, brought)
    if group.state != State.INVITING or seat.state == Member.State.DECLINED:
        raise Conflict("the group's members are settled", code="group-settled", got=group.state)
    brought = held_deployment(seat.organisation, brought)
    if seat.position != 0:
        configuring.require_fit(group, seat.organisation.slug, brought.node, brought.version)
    elif brought.version_id != seat.version_id:
        raise Conflict("the others chose models that fit the founder's", code="group-settled")
    seat.state, seat.node, seat.version = Member.State.ACCEPTED, brought.node, brought.version
    seat.answered = timezone.now()
    seat.save(update_fields=["state", "node", "version", "answered"])
    stakes.lock(seat)
    audit.record(seat.organisation, actor.user, Action.GROUP_ACCEPTED, f"{group} with {brought}")
    if group.members.filter(state=Member.State.ACCEPTED).count() == group.size:
        settle(group)
    return seat


@transaction.atomic
def decline(actor: Actor, seat: Member) -> Member:
    """Gives the place up, which may be offered to another. Raises Conflict once the genesis stands."""
    group = held(seat.group, "organisation")
    seat = held(seat, "organisation")
    seat.group = group
    if seat.state == Member.State.DECLINED:
        return seat
    if seat.state in COMING:
        return joining.refuse(actor, seat)
    require_before_genesis(group)
    if seat.position == 0:
        raise Conflict("a founder does not leave", code="founder-stays", hint="Withdraw the group.")
    seat.state, seat.position, seat.node, seat.version = Member.State.DECLINED, None, None, None
    seat.answered = timezone.now()
    seat.save(update_fields=["state", "position", "node", "version", "answered"])
    audit.record(seat.organisation, actor.user, Action.GROUP_DECLINED, group)
    inviting_again(group)
    return seat


def settle(group: Group) -> GroupEpoch:
    """Fixes the configuration of a group that is held and complete. Raises Refused where it means nothing."""
    configuration = configuring.agreed(group)
    try:
        with transaction.atomic():
            epoch = GroupEpoch.objects.create(
                group=group, number=0, configuration=encoded(configuration), digest=configuration.digest
            )
    except IntegrityError as error:
        raise AssayError("two groups with one configuration", code="conflict") from error
    group.state = State.SIGNING
    group.save(update_fields=["state", "updated"])
    return epoch


def inviting_again(group: Group) -> Group:
    """A group that is held and has lost a member: what was signed without it is void."""
    if group.state == State.SIGNING:
        group.epochs.filter(document__isnull=True).delete()
        group.state = State.INVITING
        group.save(update_fields=["state", "updated"])
    return group


def require_before_genesis(group: Group) -> None:
    """Raises Conflict."""
    if group.state not in BEFORE_GENESIS:
        raise Conflict(
            "the group's genesis stands, with every member's signature",
            code="group-settled",
            expected=" | ".join(BEFORE_GENESIS),
            got=group.state,
            hint="From then on members come and go with its next epoch, which any of them may propose.",
        )
