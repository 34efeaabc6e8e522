"""What any member's owner does about the next epoch: proposes it, or gives the proposal up.

propose ─► (each new member chooses a model: `joining`) ─► signing ─► ordering ─► in force
   └──── withdrawn, by who proposed it or the founder; expired; overtaken by another epoch

A proposal binds nobody: 2f + 1 present members give their word for it, or nothing happens. There is one at a time,
and while there is one no member changes its model: it names those with which members answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from assay.agreement import consent
from assay.errors import Refused
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation
from marketplace.catalogue.held import held
from marketplace.errors import Conflict, NotFound
from marketplace.groups import succession
from marketplace.groups.configuring import GRACE, HORIZON
from marketplace.groups.models import Group, Member, Proposal, Swap

State = Proposal.State


@transaction.atomic
def propose(
    actor: Actor,
    seat: Member,
    *,
    joining: Sequence[str] = (),
    leaving: Sequence[str] = (),
    grace: int | None = None,
    horizon: int | None = None,
) -> Proposal:
    """The next epoch of the seat's group; keys and addresses that have changed since the present one come into it.

    Times are in ms, None for as they are. Raises Refused, NotFound naming the field; Conflict.
    """
    group = held(seat.group, "organisation")
    seat = held(seat, "organisation")
    if group.state != Group.State.SERVING or seat.state != Member.State.ACCEPTED:
        raise Conflict("the group does not serve", code="group-not-serving", got=group.state)
    before = succession.present(group)
    succession.require_possible(before, joining, leaving)
    newcomers = [_organisation(slug, i) for i, slug in enumerate(joining)]
    swap = Swap.objects.filter(member__group=group, state=Swap.State.WAITING).select_related(
        "member__organisation"
    )
    for each in swap:
        raise Conflict(
            f"{each.member.organisation.slug} is changing its model",
            code="swap-under-way",
            hint="Wait until the group has ordered that, or have it withdrawn.",
        )
    made = Proposal(
        group=group,
        number=group.epoch + 1,
        state=State.INVITING,
        joining=list(joining),
        leaving=list(leaving),
        grace=_within(GRACE, "grace", group.grace if grace is None else grace),
        horizon=_within(HORIZON, "horizon", group.horizon if horizon is None else horizon),
        organisation=seat.organisation,
        proposed_by=actor.user,
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict(
            "the group's next epoch has been proposed already",
            code="epoch-under-way",
            hint="There is one proposal at a time: sign it, or have it withdrawn.",
        ) from error
    _ask(group, newcomers)
    if not newcomers:
        settle(made)
    audit.record(seat.organisation, actor.user, Action.GROUP_PROPOSED, made)
    return made


@transaction.atomic
def withdraw_proposal(actor: Actor, proposal: Proposal) -> Proposal:
    """Gives a proposal up. Raises Conflict where it has ended.

    What was signed stays signed: if the group's nodes have been handed it already, it may come into force still.
    """
    group = held(proposal.group)
    proposal = held(proposal, "group", "organisation")
    if proposal.state not in Proposal.OPEN:
        raise Conflict("the proposal has ended", code="no-proposal", got=proposal.state)
    succession.end(group, proposal, State.WITHDRAWN)
    audit.record(proposal.organisation, actor.user, Action.GROUP_UNPROPOSED, proposal)
    return proposal


def settle(proposal: Proposal) -> Proposal:
    """Fixes the configuration, once all new members have chosen. Raises Refused where it cannot follow."""
    after = succession.following(proposal)
    proposal.configuration, proposal.digest = consent.encoded(after), after.digest
    proposal.state = State.SIGNING
    proposal.save(update_fields=["configuration", "digest", "state"])
    return proposal


def _ask(group: Group, newcomers: Sequence[Organisation]) -> None:
    for each in newcomers:
        fresh = {"state": Member.State.ASKED, "node": None, "version": None, "formed": None, "answered": None}
        Member.objects.update_or_create(group=group, organisation=each, defaults=fresh)


def _organisation(slug: str, i: int) -> Organisation:
    for found in Organisation.objects.filter(slug=slug):
        return found
    raise NotFound("no such organisation", pointer=f"/join/{i}", got=slug[:60])


def _within(limits: tuple[int, int], name: str, value: int) -> int:
    least, most = limits
    if not least <= value <= most:
        raise Refused(
            "out of range",
            code="out-of-range",
            pointer=f"/{name}",
            expected=f"{least} to {most}",
            got=str(value),
        )
    return value
