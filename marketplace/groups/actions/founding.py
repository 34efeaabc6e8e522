"""What a founder does: names a group and brings the first model, describes it, invites owners, gives up.

found ─► invite ─► (each accepts) ─► signing ─► forming ─► serving
            └──── revoke, or the owner declines: the place is free again
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from assay.agreement.aggregate import aggregator
from assay.agreement.group import MAX_SCALE, SIZES
from assay.errors import AssayError, Refused
from marketplace import text
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import SLUG, Organisation
from marketplace.billing import stakes
from marketplace.catalogue.held import held
from marketplace.catalogue.interfaces import plain
from marketplace.catalogue.models import Deployment
from marketplace.errors import Conflict, NotFound
from marketplace.groups import succession, telling
from marketplace.groups.access import require_groups
from marketplace.groups.actions.answering import inviting_again, require_before_genesis
from marketplace.groups.actions.bringing import held_deployment
from marketplace.groups.configuring import GRACE, HORIZON, require_countable
from marketplace.groups.models import Group, Member, Proposal, Swap

MAX_GROUPS = 50  # founded by one organisation and not withdrawn
DEFAULT_GRACE, DEFAULT_HORIZON, DEFAULT_SCALE = 250, 600_000, 1000

MAX_STAKE = 10**12  # micro-units

WORDS = {"title": (1, 120), "summary": (0, 240)}  # characters, at least and at most
COUNTED = ("classification", "regression")  # of the tasks that models have

State = Group.State


@dataclass(frozen=True)
class Rules:
    """How a group comes to its answer. `scale` counts for numbers alone; times are in ms.

    `copy_resistant`: members commit to their answers before any is shown.
    """

    aggregator: str
    size: int = SIZES[0]
    scale: int = DEFAULT_SCALE
    grace: int = DEFAULT_GRACE
    horizon: int = DEFAULT_HORIZON
    copy_resistant: bool = False
    stake: int = 0  # micro-units that each member has to lock

    def checked(self) -> Rules:
        """Raises Refused naming the field."""
        aggregator(self.aggregator)
        if self.size not in SIZES:
            raise Refused(
                "not a size that a group can have",
                code="wrong-size",
                pointer="/size",
                expected=" | ".join(map(str, SIZES)),
                got=str(self.size),
            )
        limits = {"scale": (1, MAX_SCALE), "grace": GRACE, "horizon": HORIZON, "stake": (0, MAX_STAKE)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise Refused(
                    "out of range",
                    code="out-of-range",
                    pointer=f"/{name}",
                    expected=f"{least} to {most}",
                    got=str(getattr(self, name)),
                )
        return self


@transaction.atomic
def found(
    actor: Actor,
    slug: str,
    brought: Deployment,
    rules: Rules,
    *,
    title: str,
    summary: str = "",
    invited: Iterable[str] = (),
) -> Group:
    """A group with the actor's organisation as its first member, which brings what it has deployed.

    Whoever is to be `invited` at once is, or there is no group. Raises Refused, Forbidden, Conflict.
    """
    organisation = actor.organisation
    require_groups(actor, organisation.pk)
    words = _words(slug, title, summary)
    rules.checked()
    brought = held_deployment(organisation, brought)
    task = (brought.version.interface or {}).get("task")
    if task not in COUNTED:
        raise Refused(
            "a group answers with one of several labels, or with a number",
            code="wrong-interface",
            pointer="/model",
            expected=" | ".join(COUNTED),
            got=str(task),
        )
    if Group.objects.filter(organisation=organisation).exclude(state=State.WITHDRAWN).count() >= MAX_GROUPS:
        raise Conflict("too many groups", code="too-many-groups", expected=f"at most {MAX_GROUPS}")
    group = Group(
        **words,
        organisation=organisation,
        size=rules.size,
        interface=brought.version.interface,
        scale=None if task == "classification" else rules.scale,
        aggregator=rules.aggregator,
        grace=rules.grace,
        horizon=rules.horizon,
        copy_resistant=rules.copy_resistant,
        stake=rules.stake,
    )
    group.interface = plain(require_countable(group, organisation.slug, brought.node, brought.version))
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise Conflict("there is a group of this name", code="name-taken", pointer="/name", got=slug) from error
    seat = Member.objects.create(
        group=group,
        organisation=organisation,
        position=0,
        state=Member.State.ACCEPTED,
        node=brought.node,
        version=brought.version,
        answered=timezone.now(),
    )
    stakes.lock(seat)
    audit.record(organisation, actor.user, Action.GROUP_FOUNDED, group)
    _invite_all(actor, group, list(invited))
    return group


def _invite_all(actor: Actor, group: Group, invited: list[str]) -> None:
    """Raises AssayError naming which of them it is about; whoever is named twice is meant to be somebody else."""
    for i, each in enumerate(invited):
        if each == group.organisation.slug or each in invited[:i]:
            founder = each == group.organisation.slug
            raise Refused(
                "the founder is a member already" if founder else "invited twice",
                code="same-member",
                pointer=f"/invite/{i}",
                got=each[:60],
                hint="Each member is another owner.",
            )
        try:
            invite(actor, group, each)
        except AssayError as error:
            error.pointer = f"/invite/{i}"
            raise


@transaction.atomic
def edit(actor: Actor, group: Group, **words: str) -> Group:
    """Changes `title` or `summary`, which no member signs: what a group answers with is fixed. Raises Refused."""
    group = held(group, "organisation")
    new = {name: _line(name, value) for name, value in words.items()}
    changed = [name for name, value in new.items() if getattr(group, name) != value]
    if changed:
        for name in changed:
            setattr(group, name, new[name])
        group.save(update_fields=[*changed, "updated"])
        audit.record(group.organisation, actor.user, Action.GROUP_EDITED, f"{group}: {', '.join(changed)}")
    return group


@transaction.atomic
def invite(actor: Actor, group: Group, organisation: str) -> Member:
    """Offers an organisation the lowest free place; invited already, it changes nothing.

    Raises NotFound, and Conflict where the group is complete.
    """
    group = held(group, "organisation")
    if group.state != State.INVITING:
        raise Conflict(
            "the group's members are settled",
            code="group-settled",
            got=group.state,
            hint="Once it serves, members come and go with its next epoch, which any of them may propose.",
        )
    invited = Organisation.objects.filter(slug=organisation).first()
    if invited is None:
        raise NotFound("no such organisation", pointer="/organisation", got=organisation[:60])
    known = group.members.filter(organisation=invited).first()
    if known is not None and known.state != Member.State.DECLINED:
        return known
    taken = set(group.members.filter(position__isnull=False).values_list("position", flat=True))
    free = [place for place in range(group.size) if place not in taken]
    if not free:
        raise Conflict(
            "every place is taken", code="group-full", expected=f"{group.size} members", got=str(len(taken))
        )
    seat = known or Member(group=group, organisation=invited)
    seat.state, seat.position, seat.answered = Member.State.INVITED, free[0], None
    seat.save()
    audit.record(group.organisation, actor.user, Action.GROUP_INVITED, f"{invited} to {group}")
    return seat


@transaction.atomic
def revoke(actor: Actor, group: Group, organisation: str) -> Group:
    """Takes an invitation back, or a place from who has accepted, as long as the genesis does not stand.

    Raises NotFound, Conflict.
    """
    group = held(group, "organisation")
    require_before_genesis(group)
    seat = group.members.filter(organisation__slug=organisation).exclude(organisation=group.organisation).first()
    if seat is None:
        raise NotFound("nobody else of this name is invited", pointer=organisation[:60])
    if seat.prices.exists() or seat.stakes.exists():  # the books keep it
        seat.state, seat.position, seat.node, seat.version = Member.State.DECLINED, None, None, None
        seat.save(update_fields=["state", "position", "node", "version"])
    else:
        seat.delete()
    audit.record(group.organisation, actor.user, Action.GROUP_REVOKED, f"{organisation} from {group}")
    return inviting_again(group)


@transaction.atomic
def withdraw(actor: Actor, group: Group) -> Group:
    """Gives a group up: nobody can ask it from now on, and its members' nodes are told to leave it.

    What it certified stays valid; its name stays taken.
    """
    group = held(group, "organisation")
    if group.state != State.WITHDRAWN:
        group.epochs.filter(document__isnull=True).delete()
        for each in group.proposals.filter(state__in=Proposal.OPEN):
            succession.end(group, each, Proposal.State.WITHDRAWN, "With the group")
        if group.state in telling.TOLD:
            telling.withdrawn(group.members.filter(state=Member.State.ACCEPTED))
        group.state = State.WITHDRAWN
        group.save(update_fields=["state", "updated"])
        waiting = Swap.objects.filter(member__group=group, state=Swap.State.WAITING)
        waiting.update(
            state=Swap.State.WITHDRAWN, detail="With the group", awaits_owner=False, completed=timezone.now()
        )
        audit.record(group.organisation, actor.user, Action.GROUP_WITHDRAWN, group)
    return group


def _words(slug: str, title: str, summary: str) -> dict[str, str]:
    try:
        SLUG(slug)
    except ValidationError as error:
        raise Refused("not a name", pointer="/name", expected=str(SLUG.message), got=repr(slug[:60])) from error
    return {"slug": slug, "title": _line("title", title), "summary": _line("summary", summary)}


def _line(name: str, words: str) -> str:
    least, most = WORDS[name]
    return text.line(words, f"/{name}", most=most, least=least)
