"""Models: find, create, describe, withdraw."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.api import bodies, cards
from marketplace.api.cards import Model, ModelCard
from marketplace.api.pagination import QUERY
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.catalogue import access, actions, offers
from marketplace.catalogue.models import Model as Row
from marketplace.catalogue.search import MAX_PAGE, ORDERS, PAGE, Query, search

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Summary = Annotated[str, msgspec.Meta(max_length=240)]
Markdown = Annotated[str, msgspec.Meta(max_length=50_000, description="Markdown")]
Licence = Annotated[str, msgspec.Meta(max_length=60, description="An SPDX identifier, or a name")]

SEARCH = {
    "q": {"type": "string", "maxLength": 200, "description": "Words in title, summary, description, owner's name"},
    "task": {"type": "string"},
    "licence": {"type": "string"},
    "mode": {"type": "string", "description": "Offered in this mode"},
    "owner": {"type": "string"},
    "order": {"type": "string", "enum": list(ORDERS), "default": "relevance"},
    "cursor": QUERY["cursor"],
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE},
}


class Facets(msgspec.Struct, frozen=True):
    """How many models there would be with each value, the other restrictions staying as they are."""

    task: dict[str, int]
    licence: dict[str, int]
    mode: dict[str, int]


class ModelPage(msgspec.Struct, frozen=True):
    """`next` is the cursor of the next page, null on the last; `total` and `facets` are of all pages."""

    results: list[ModelCard]
    next: str | None
    total: int
    facets: Facets


class NewModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model is private until a version of it is published. `name` is its part of `owner/name`."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
    title: Title
    task: Literal["classification", "regression", "other"]
    summary: Summary = ""
    card: Markdown = ""
    licence: Licence = ""


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is left out stays as it is."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    summary: Summary | msgspec.UnsetType = msgspec.UNSET
    card: Markdown | msgspec.UnsetType = msgspec.UNSET
    licence: Licence | msgspec.UnsetType = msgspec.UNSET


class Models(View):
    """At /models."""

    open_to_all = True

    @describe("Find models", answer=ModelPage, query=SEARCH, open_to_all=True)
    def get(self, request: Request) -> Response:
        """Published models, and those of one's own organisations."""
        found = search(_query(request), viewer_of(request))
        return Response(
            ModelPage(
                results=[cards.card(each) for each in found.cards],
                next=found.next or None,
                total=found.total,
                facets=Facets(
                    task={facet.value: facet.count for facet in found.tasks},
                    licence={facet.value: facet.count for facet in found.licences},
                    mode={facet.value: facet.count for facet in found.modes},
                ),
            )
        )

    @describe("Create a model", body=NewModel, answer=Model, status=201)
    def post(self, request: Request) -> Response:
        """Private, and without a version yet."""
        asked = bodies.body(request, NewModel)
        row = actions.create_model(
            actor_of(request),
            asked.name,
            asked.task,
            title=asked.title,
            summary=asked.summary,
            card=asked.card,
            licence=asked.licence,
        )
        return Response(shown(row), status=201, headers={"Location": f"/api/v1/models/{row}"})


class OneModel(View):
    """At /models/{owner}/{name}."""

    open_to_all = True

    @describe("Get a model", answer=Model, open_to_all=True)
    def get(self, request: Request, owner: str, name: str) -> Response:
        """A published model, or one of one's own."""
        return Response(shown(access.model(viewer_of(request), owner, name)))

    @describe("Describe a model", body=Description, answer=Model)
    def patch(self, request: Request, owner: str, name: str) -> Response:
        """Changes what its page says."""
        row = access.managed_model(actor_of(request), owner, name)
        words = msgspec.to_builtins(bodies.body(request, Description))
        return Response(shown(actions.edit_model(row, **words)))

    @describe("Discard a model", answer=Model)
    def delete(self, request: Request, owner: str, name: str) -> Response:
        """One of which no version is published and that was never asked. The answer is what it was."""
        actor = actor_of(request)
        row = access.managed_model(actor, owner, name)
        answer = shown(row)
        actions.discard_model(actor, row)
        return Response(answer)


class Unpublish(View):
    """At /models/{owner}/{name}/unpublish."""

    @describe("Withdraw a model", answer=Model)
    def post(self, request: Request, owner: str, name: str) -> Response:
        """From the catalogue, with all its versions; publishing one undoes it."""
        actor = actor_of(request)
        return Response(shown(actions.unpublish(actor, access.managed_model(actor, owner, name))))


def viewer_of(request: Request) -> Actor | None:
    """Who is asking, if anybody says so."""
    return request.auth if isinstance(request.auth, Actor) else None


def shown(row: Row) -> Model:
    return cards.model(offers.cards([row])[0])


def _query(request: Request) -> Query:
    given = request.query_params
    limit = given.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= MAX_PAGE):
        raise Refused("not a page's size", pointer="limit", expected=f"1 to {MAX_PAGE}", got=limit[:40])
    return Query(
        text=given.get("q", ""),
        task=given.get("task", ""),
        licence=given.get("licence", ""),
        mode=given.get("mode", ""),
        owner=given.get("owner", ""),
        order=given.get("order", "relevance"),
        cursor=given.get("cursor", ""),
        limit=int(limit),
    )
