"""Groups: find, found, invite, choose a model, sign, change models, withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from assay.agreement.group import MAX_SCALE
from assay.jsonform import base64url, from_base64url
from marketplace.api import bodies, group_cards
from marketplace.api.cards import Hex
from marketplace.api.catalogue import Summary, Title, viewer_of
from marketplace.api.group_cards import Choice, Group, GroupCard, ToSign, Update
from marketplace.api.pagination import QUERY, Page, page
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.catalogue.models import Deployment
from marketplace.errors import Conflict
from marketplace.groups import access, actions, configuring, standing, succession
from marketplace.groups.actions.founding import DEFAULT_GRACE, DEFAULT_HORIZON, DEFAULT_SCALE, MAX_STAKE, Rules
from marketplace.groups.models import Group as Row
from marketplace.groups.models import GroupEpoch, Member, Proposal

Slug = Annotated[str, msgspec.Meta(pattern="^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
Model = Annotated[str, msgspec.Meta(max_length=100, description="`owner/name@version`, one's own and served")]
NodeId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1, description="Where it is served, if by several nodes")]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class NewGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group with one's own model as its first; `invite` names organisations for the other places.

    Of `size` = 3f + 1 members any f may fail or lie. `grace` and `horizon` are in milliseconds: how long a member
    waits for the slower ones, and how far ahead a deadline may lie. `scale` is for numbers: votes are integers,
    the number times the scale. In a `copy_resistant` group members commit to their answers before any is shown, so
    that none can copy another's: at about twice the latency of ordering, and for all epochs.
    """

    name: Slug
    title: Title
    model: Model
    aggregator: Annotated[str, msgspec.Meta(max_length=64, description="plurality | median | trimmed-mean")]
    summary: Summary = ""
    node: NodeId | None = None
    size: Whole = 4
    scale: Annotated[int, msgspec.Meta(ge=1, le=MAX_SCALE)] = DEFAULT_SCALE
    grace: Whole = DEFAULT_GRACE
    horizon: Whole = DEFAULT_HORIZON
    copy_resistant: bool = False
    stake: Annotated[
        int, msgspec.Meta(ge=0, le=MAX_STAKE, description="Micro-units that each member has to lock")
    ] = 0
    invite: Annotated[tuple[str, ...], msgspec.Meta(max_length=15)] = ()


class GroupDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is left out stays as it is."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    summary: Summary | msgspec.UnsetType = msgspec.UNSET


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to offer a place."""

    organisation: Annotated[str, msgspec.Meta(max_length=60)]


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model to bring, or to answer with from now on."""

    model: Model
    node: NodeId | None = None


class NewConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `assay-node accept` makes: the node key's signature, base64url, under the configuration's digest."""

    digest: Hex
    signature: Annotated[str, msgspec.Meta(max_length=200)]


class Groups(View):
    """At /groups."""

    open_to_all = True

    @describe("List groups", answer=Page[GroupCard], query=QUERY, open_to_all=True)
    def get(self, request: Request) -> Response:
        """Newest first: groups that serve, and those that one's organisations belong to or are invited to."""
        found = standing.for_cards(access.visible_groups(viewer_of(request)))
        return Response(page(request, found, lambda each: group_cards.card(standing.card(each))))

    @describe("Found a group", body=NewGroup, answer=Group, status=201)
    def post(self, request: Request) -> Response:
        """It waits for the owners invited; once all have chosen a model, each signs with its node's key."""
        actor, asked = actor_of(request), bodies.body(request, NewGroup)
        rules = Rules(
            asked.aggregator,
            asked.size,
            asked.scale,
            asked.grace,
            asked.horizon,
            asked.copy_resistant,
            asked.stake,
        )
        access.require_groups(actor, actor.organisation.pk)
        brought = configuring.deployment(actor.organisation.pk, asked.model, asked.node)
        row = actions.found(
            actor, asked.name, brought, rules, title=asked.title, summary=asked.summary, invited=asked.invite
        )
        return Response(_shown(row), status=201, headers={"Location": f"/api/v1/groups/{row}"})


class OneGroup(View):
    """At /groups/{slug}."""

    open_to_all = True

    @describe("Get a group", answer=Group, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """One that serves, or that one's organisation belongs to or is invited to."""
        return Response(_shown(access.group(viewer_of(request), slug)))

    @describe("Describe a group", body=GroupDescription, answer=Group)
    def patch(self, request: Request, slug: str) -> Response:
        """Changes what its page says, by its founder. What the members have signed stays as it is."""
        actor = actor_of(request)
        row = access.founded(actor, slug)
        words = msgspec.to_builtins(bodies.body(request, GroupDescription))
        return Response(_shown(actions.edit(actor, row, **words)))

    @describe("Withdraw a group", answer=Group)
    def delete(self, request: Request, slug: str) -> Response:
        """For good, by its founder: nobody can ask it any more. What it certified stays valid."""
        actor = actor_of(request)
        return Response(_shown(actions.withdraw(actor, access.founded(actor, slug))))


class Invitations(View):
    """At /groups/{slug}/invitations."""

    @describe("Invite an owner", body=Invitation, answer=Group, status=201)
    def post(self, request: Request, slug: str) -> Response:
        """Offers an organisation a place, by the founder, until there are as many as the group is to have."""
        actor = actor_of(request)
        row = access.founded(actor, slug)
        actions.invite(actor, row, bodies.body(request, Invitation).organisation)
        return Response(_shown(row), status=201)


class OneInvitation(View):
    """At /groups/{slug}/invitations/{organisation}."""

    @describe("Take an invitation back", answer=Group)
    def delete(self, request: Request, slug: str, organisation: str) -> Response:
        """By the founder, before the genesis stands; a place that was accepted is lost too."""
        actor = actor_of(request)
        return Response(_shown(actions.revoke(actor, access.founded(actor, slug), organisation)))


class Choices(View):
    """At /groups/{slug}/choices."""

    @describe("List models to bring", answer=list[Choice])
    def get(self, request: Request, slug: str) -> Response:
        """What one's organisation serves, with the reason where it does not fit."""
        seat = access.seat(actor_of(request), slug)
        return Response([_choice(seat, each) for each in configuring.choices(seat.organisation_id)])


class Accept(View):
    """At /groups/{slug}/accept."""

    @describe("Accept an invitation", body=Chosen, answer=Group)
    def post(self, request: Request, slug: str) -> Response:
        """Takes the place with a model that fits. With the last one the configuration is fixed."""
        actor = actor_of(request)
        seat, asked = access.seat(actor, slug), bodies.body(request, Chosen)
        brought = configuring.deployment(seat.organisation_id, asked.model, asked.node)
        return Response(_shown(actions.accept(actor, seat, brought).group))


class Decline(View):
    """At /groups/{slug}/decline."""

    @describe("Decline an invitation", answer=Group)
    def post(self, request: Request, slug: str) -> Response:
        """Or leave, as long as the genesis does not stand; what the others signed is void then."""
        actor = actor_of(request)
        return Response(_shown(actions.decline(actor, access.seat(actor, slug)).group))


class Configuration(View):
    """At /groups/{slug}/configuration."""

    open_to_all = True

    @describe("Get a group's configuration", answer=ToSign, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """The one in force; to members, and to who is asked to join, the one that is to be signed, while there is.

        Once the genesis stands, with all epochs since.
        """
        viewer = viewer_of(request)
        row = access.group(viewer, slug)
        proposals = access.visible_proposals(viewer, row).filter(state=Proposal.State.SIGNING)
        epochs = list(row.epochs.order_by("number"))
        if not epochs:
            raise Conflict("nothing is to be signed yet", code="nothing-to-sign", got=row.state)
        for each in proposals:
            return Response(_to_sign(each, epochs))
        return Response(_signed(row, epochs))


class Consents(View):
    """At /groups/{slug}/consents."""

    @describe("Sign a group's configuration", body=NewConsent, answer=Group, status=201)
    def post(self, request: Request, slug: str) -> Response:
        """Hands in what the node's key has signed. With the last member's signature the genesis stands."""
        actor, asked = actor_of(request), bodies.body(request, NewConsent)
        seat = access.signing_seat(actor, slug)
        signature = from_base64url(asked.signature, "/signature")
        return Response(_shown(actions.sign(actor, seat, bytes.fromhex(asked.digest), signature)), status=201)


class MemberModel(View):
    """At /groups/{slug}/model."""

    @describe("Change a member's model", body=Chosen, answer=Update, status=202)
    def post(self, request: Request, slug: str) -> Response:
        """To another that its node serves and that fits, once its owner allows it on the node's machine.

        The group orders it between requests; none is refused.
        """
        actor = actor_of(request)
        seat, asked = access.seat(actor, slug), bodies.body(request, Chosen)
        made = actions.swap(actor, seat, configuring.deployment(seat.organisation_id, asked.model, asked.node))
        return Response(group_cards.update(made), status=202)

    @describe("Withdraw a change of model", answer=Update)
    def delete(self, request: Request, slug: str) -> Response:
        """The one that waits: the member goes on with the model that it has."""
        actor = actor_of(request)
        return Response(group_cards.update(actions.keep(actor, access.seat(actor, slug))))


class Updates(View):
    """At /groups/{slug}/updates."""

    open_to_all = True

    @describe("List changes of models", answer=Page[Update], query=QUERY, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """Newest first: those that the group has ordered, and to members the others too."""
        viewer = viewer_of(request)
        row = access.group(viewer, slug)
        return Response(page(request, access.visible_swaps(viewer, row), group_cards.update))


def _shown(row: Row) -> Group:
    return group_cards.group(standing.one(row))


def _signed(row: Row, epochs: Sequence[GroupEpoch]) -> ToSign:
    """The newest configuration; of a later epoch than the first, by who has a place in it."""
    newest, documents = epochs[-1], _documents(epochs)
    if documents:
        signed = [place.owner for place in standing.decoded(newest).configuration.members]
    else:
        owners = dict(row.members.values_list("position", "organisation__slug"))
        signed = [owners[each] for each in newest.consents.order_by("position").values_list("position", flat=True)]
    document = documents[-1] if documents else None
    return ToSign(newest.hex, base64url(bytes(newest.configuration)), document, documents, signed)


def _to_sign(proposal: Proposal, epochs: Sequence[GroupEpoch]) -> ToSign:
    before = standing.decoded(epochs[-1]).configuration
    signed = [
        each.owner
        for each in succession.progress(proposal, before).parties
        if each.has_consented or (each.change == "goes" and each.has_said)
    ]
    configuration = base64url(bytes(proposal.configuration or b""))
    return ToSign(proposal.hex, configuration, None, _documents(epochs), signed)


def _documents(epochs: Sequence[GroupEpoch]) -> list[str]:
    return [base64url(bytes(each.document)) for each in epochs if each.document is not None]


def _choice(seat: Member, each: Deployment) -> Choice:
    reason = configuring.why_not(seat.group, each)
    return Choice(str(each.version), each.node_id, each.node.name, not reason, reason)
