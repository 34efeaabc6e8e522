"""The next epoch of a group: proposed, joined and signed by its owners, and followed until it is in force."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from assay.agreement.group import Epoch
from assay.keys import PublicKey
from marketplace.api import bodies
from marketplace.api.cards import Hex
from marketplace.api.catalogue import viewer_of
from marketplace.api.pagination import QUERY, Page, page
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.groups import access, actions, succession
from marketplace.groups.models import Proposal as Row
from marketplace.groups.succession import Party

Whole = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Owners = Annotated[tuple[Annotated[str, msgspec.Meta(max_length=60)], ...], msgspec.Meta(max_length=16)]
State = Annotated[str, msgspec.Meta(extra_json_schema={"enum": Row.State.values})]
Change = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["comes", "goes", "stays"]})]
Key = Annotated[str | None, msgspec.Meta(description="`ed25519:` and 64 hexadecimal digits")]


class NewProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to come and to go with the group's next epoch, by their short names; times in milliseconds.

    A member that stays comes into it with the key and the address that its node has when the configuration is
    fixed: after `assay-node rotate-key` an empty proposal is enough. At most f leave at a time.
    """

    join: Owners = ()
    leave: Owners = ()
    grace: Whole | None = None
    horizon: Whole | None = None


class ProposedMember(msgspec.Struct, frozen=True):
    """An owner whom a proposal concerns: what is so now, and what would be (null where there is none, or not yet).

    `consented`: it has signed as a member to come; `said`: as a present one.
    """

    organisation: str
    change: Change
    key: Key
    new_key: Key
    address: str | None
    new_address: str | None
    commitment: Annotated[Hex | None, msgspec.Meta(description="Of the model with which it would begin")]
    consented: bool
    said: bool


class Proposal(msgspec.Struct, frozen=True):
    """The epoch `number` of a group, as it is proposed. What is signed has `digest`, null until it is fixed.

    It takes the consent of all `n` members to come, and the words of `quorum` present ones; one signature is both
    for who stays with its key. `awaited` are those without whom it cannot go on; each runs `command` on its node's
    machine.
    """

    id: int
    group: str
    number: int
    state: State
    digest: Hex | None
    members: tuple[ProposedMember, ...]
    n: int
    f: int
    grace: int
    horizon: int
    consents: int
    words: int
    quorum: int
    awaited: tuple[str, ...]
    command: str
    detail: str
    proposed_by: str
    created: dt.datetime
    expires: dt.datetime
    completed: dt.datetime | None


class Proposals(View):
    """At /groups/{slug}/proposals."""

    open_to_all = True

    @describe("List proposed epochs", answer=Page[Proposal], query=QUERY, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """Newest first: those that came into force; to members, and to who is asked to join, the others too."""
        viewer = viewer_of(request)
        of = access.group(viewer, slug)
        return Response(
            page(request, access.visible_proposals(viewer, of), partial(_shown, chain=succession.chain(of)))
        )

    @describe("Propose the next epoch", body=NewProposal, answer=Proposal, status=201)
    def post(self, request: Request, slug: str) -> Response:
        """By the owner of any member. Owners who are to come choose a model (`accept`); then all sign it.

        There is one proposal at a time, and meanwhile no member changes its model.
        """
        actor = actor_of(request)
        seat, asked = access.seat(actor, slug), bodies.body(request, NewProposal)
        times = {"grace": asked.grace, "horizon": asked.horizon}
        made = actions.propose(actor, seat, joining=asked.join, leaving=asked.leave, **times)
        where = f"/api/v1/groups/{slug}/proposals/{made.pk}"
        return Response(_shown(made), status=201, headers={"Location": where})


class OneProposal(View):
    """At /groups/{slug}/proposals/{id}."""

    open_to_all = True

    @describe("Get a proposed epoch", answer=Proposal, open_to_all=True)
    def get(self, request: Request, slug: str, identifier: int) -> Response:
        """Who comes, goes and stays, who has signed and who is waited for."""
        return Response(_shown(access.proposal(viewer_of(request), slug, identifier)))

    @describe("Withdraw a proposed epoch", answer=Proposal)
    def delete(self, request: Request, slug: str, identifier: int) -> Response:
        """By who proposed it, or the group's founder. What all have signed may come into force still."""
        actor = actor_of(request)
        return Response(_shown(actions.withdraw_proposal(actor, access.own_proposal(actor, slug, identifier))))


def _shown(row: Row, chain: tuple[Epoch, ...] = ()) -> Proposal:
    """`chain`: the group's epochs, where they have been read already."""
    chain = chain or succession.chain(row.group)
    progress = succession.progress(row, chain[row.number - 1].configuration)
    is_open = row.state in Row.OPEN
    return Proposal(
        id=row.pk,
        group=row.group.slug,
        number=row.number,
        state=row.state,
        digest=row.hex or None,
        members=tuple(_member(each) for each in progress.parties),
        n=progress.n,
        f=progress.f,
        grace=row.grace,
        horizon=row.horizon,
        consents=progress.consents,
        words=progress.words,
        quorum=progress.quorum,
        awaited=progress.awaited if is_open else (),
        command=row.command if row.state == Row.State.SIGNING else "",
        detail=row.detail,
        proposed_by=row.organisation.slug,
        created=row.created,
        expires=row.expires,
        completed=row.completed,
    )


def _member(party: Party) -> ProposedMember:
    before, after = party.before, party.after
    return ProposedMember(
        organisation=party.owner,
        change=party.change,
        key=None if before is None else str(PublicKey(before.key)),
        new_key=None if after is None else str(PublicKey(after.key)),
        address=None if before is None else before.address,
        new_address=None if after is None else after.address,
        commitment=None if after is None else after.model.commitment.hex(),
        consented=party.has_consented,
        said=party.has_said,
    )
