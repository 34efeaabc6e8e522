"""What an owner does who is to come with the next epoch: chooses a model that fits, or declines.

With the last one's choice the epoch's configuration is fixed, and is signed.
"""

from __future__ import annotations

from django.utils import timezone

from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.billing import stakes
from marketplace.catalogue.models import Deployment
from marketplace.errors import Conflict
from marketplace.groups import configuring, succession
from marketplace.groups.actions.bringing import held_deployment
from marketplace.groups.actions.proposing import settle
from marketplace.groups.models import Member, Proposal


def join(actor: Actor, seat: Member, brought: Deployment) -> Member:
    """Chooses a model, or another one as long as others choose. `seat` and its group are held.

    Raises Refused where it does not fit, Conflict where the configuration is fixed.
    """
    proposal = _open(seat)
    if proposal.state != Proposal.State.INVITING:
        raise Conflict("the next epoch's configuration is fixed", code="group-settled", got=proposal.state)
    brought = held_deployment(seat.organisation, brought)
    configuring.require_fit(seat.group, seat.organisation.slug, brought.node, brought.version)
    seat.state, seat.node, seat.version = Member.State.JOINING, brought.node, brought.version
    seat.answered = timezone.now()
    seat.save(update_fields=["state", "node", "version", "answered"])
    stakes.lock(seat)
    audit.record(seat.organisation, actor.user, Action.GROUP_ACCEPTED, f"{proposal} with {brought}")
    if not seat.group.members.filter(state=Member.State.ASKED).exists():
        settle(proposal)
    return seat


def refuse(actor: Actor, seat: Member) -> Member:
    """Does not come, and the proposal comes to nothing. Raises Conflict once all have signed."""
    proposal = _open(seat)
    if proposal.state == Proposal.State.ORDERING:
        raise Conflict("all have signed the next epoch", code="group-settled", got=proposal.state)
    succession.end(seat.group, proposal, Proposal.State.WITHDRAWN, f"{seat.organisation.slug} has declined")
    seat.state, seat.node, seat.version, seat.answered = Member.State.DECLINED, None, None, timezone.now()
    seat.save(update_fields=["state", "node", "version", "answered"])
    audit.record(seat.organisation, actor.user, Action.GROUP_DECLINED, proposal)
    return seat


def _open(seat: Member) -> Proposal:
    return seat.group.proposals.get(state__in=Proposal.OPEN)
