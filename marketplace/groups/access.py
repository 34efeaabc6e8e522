"""Who may see a group and who may do what in it: every view and task asks here.

A group that serves is everybody's to see. Before that it is its members' and those who are invited; to anybody
else it does not exist. Who has left sees of it what everybody sees.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.accounts.scopes import Scope
from marketplace.errors import Conflict, NotFound
from marketplace.groups.models import Group, Member, Proposal, Swap

PUBLIC = Q(state=Group.State.SERVING)
KNOWING = (Scope.READ, Scope.MODELS, Scope.NODES)  # one of these lets a key see its organisation's groups


def visible_groups(actor: Actor | None) -> QuerySet[Group]:
    """The groups that `actor` (None: anybody) may see."""
    if actor is None or (actor.key is not None and not set(KNOWING) & set(actor.key.scopes)):
        return Group.objects.filter(PUBLIC)
    return Group.objects.filter(PUBLIC | Q(Exists(seats(actor).filter(group=OuterRef("pk")))))


def group(actor: Actor | None, slug: str) -> Group:
    """Raises NotFound."""
    found = visible_groups(actor).select_related("organisation").filter(slug=slug).first()
    if found is None:
        raise NotFound("no such group", pointer=slug[:100])
    return found


def visible_swaps(actor: Actor | None, of: Group) -> QuerySet[Swap]:
    """Changes of models in a group (which `actor` may see): what happened for all, what did not for members."""
    found = Swap.objects.filter(member__group=of).select_related(
        *("member__organisation", "member__group", "asked_by"),
        "before__model__organisation",
        "after__model__organisation",
    )
    if actor is not None and seats(actor).filter(group=of).exists():
        return found
    return found.filter(state=Swap.State.ADOPTED)


def seats(actor: Actor) -> QuerySet[Member]:
    """The places that the actor's organisations have, or are offered, in groups."""
    gone = (Member.State.DECLINED, Member.State.LEFT)
    return Member.objects.filter(organisation__in=list(actor.roles)).exclude(state__in=gone)


def visible_proposals(actor: Actor | None, of: Group) -> QuerySet[Proposal]:
    """Of a group (which `actor` may see): what came into force for all, the rest for its own and those asked."""
    found = (
        Proposal.objects.filter(group=of).select_related("group", "organisation").prefetch_related("signatures")
    )
    if actor is not None and seats(actor).filter(group=of).exists():
        return found
    return found.filter(state=Proposal.State.IN_FORCE)


def proposal(actor: Actor | None, slug: str, number: int | None = None) -> Proposal:
    """The proposal of that id, or the one that is open. Raises NotFound."""
    found = visible_proposals(actor, group(actor, slug))
    found = found.filter(state__in=Proposal.OPEN) if number is None else found.filter(pk=number)
    for each in found:
        return each
    raise NotFound("no such proposal", pointer=slug[:100])


def own_proposal(actor: Actor, slug: str, number: int) -> Proposal:
    """One that the actor may withdraw: its organisation proposed it, or keeps the group's page.

    Raises NotFound, Forbidden, Conflict.
    """
    found = proposal(actor, slug, number)
    own = _withdrawing(actor, found)
    if not own:
        raise Conflict("others have proposed it", code="not-proposer", got=found.organisation.slug)
    require_groups(actor, next((each for each in own if actor.has_role(each, Role.OWNER)), own[0]))
    return found


def may_withdraw(actor: Actor, of: Proposal) -> bool:
    """Whether somebody who is signed in may."""
    return any(actor.has_role(each, Role.OWNER) for each in _withdrawing(actor, of))


def _withdrawing(actor: Actor, of: Proposal) -> list[int]:
    """The actor's organisations that could."""
    return [each for each in (of.organisation_id, of.group.organisation_id) if each in actor.roles]


def founded(actor: Actor, slug: str) -> Group:
    """A group that the actor may change as its founder. Raises NotFound for a stranger, Forbidden, Conflict."""
    found = group(actor, slug)
    if found.organisation_id not in actor.roles:
        raise seated_or_unknown(actor, found)
    require_groups(actor, found.organisation_id)
    return found


def seated_or_unknown(actor: Actor, found: Group) -> NotFound | Conflict:
    """Why somebody who is not the founder may not do what founders do."""
    if seats(actor).filter(group=found).exists():
        return Conflict("only the group's founder may do that", code="not-founder", got=found.slug)
    return NotFound("no such group of yours", pointer=found.slug)


def seat(actor: Actor, slug: str, organisation: str = "") -> Member:
    """The place of the actor's organisation, or of the one named, for who may fill it.

    Raises NotFound for who has none, Forbidden for a member of the organisation who may not.
    """
    found = own_seat(actor, slug, organisation)
    require_groups(actor, found.organisation_id)
    return found


def signing_seat(actor: Actor, slug: str) -> Member:
    """The same for who may hand in what the organisation's node has signed."""
    found = own_seat(actor, slug)
    actor.require_role(found.organisation_id, Role.OWNER)
    actor.require_scope(Scope.NODES)
    return found


def require_groups(actor: Actor, organisation_id: int) -> None:
    """That `actor` may found and join groups for this organisation. Raises NotFound, Forbidden."""
    actor.require_role(organisation_id, Role.OWNER)
    actor.require_scope(Scope.MODELS)


def own_seat(actor: Actor, slug: str, organisation: str = "") -> Member:
    """The same to look at, for any member of the organisation. Raises NotFound."""
    found = (
        seats(actor)
        .filter(group__slug=slug)
        .select_related("group__organisation", "organisation", "node", "version__model__organisation")
    )
    if organisation:
        found = found.filter(organisation__slug=organisation)
    own = sorted(found, key=lambda each: each.organisation_id != actor.organisation.pk)
    if not own:
        raise NotFound("no such group of yours", pointer=slug[:100])
    return own[0]
