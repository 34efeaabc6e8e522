"""API keys: make (the token is shown once), list, revoke."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import actions
from marketplace.accounts.models import ApiKey
from marketplace.accounts.scopes import BUYER, Scope
from marketplace.api import bodies, pagination
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key is for. Without `expires` it lasts until it is revoked."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    scopes: Annotated[tuple[str, ...], msgspec.Meta(max_length=len(Scope))] = BUYER
    expires: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None


class Key(msgspec.Struct, frozen=True):
    """A key without its secret, which is not kept."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    created: dt.datetime
    created_by: str
    expires: dt.datetime | None
    revoked: dt.datetime | None
    last_used: dt.datetime | None


class KeyMade(msgspec.Struct, frozen=True):
    """A new key. `token` is shown now and never again."""

    key: Key
    token: str


class Keys(View):
    """At /keys."""

    @describe("List API keys", answer=pagination.Page[Key], query=pagination.QUERY)
    def get(self, request: Request) -> Response:
        """The organisation's keys for an admin, one's own for everybody else; newest first."""
        actor = actor_of(request)
        actor.require_scope(Scope.KEYS)
        return Response(pagination.page(request, actions.keys_of(actor), _shown))

    @describe("Make an API key", body=NewKey, answer=KeyMade, status=201)
    def post(self, request: Request) -> Response:
        """A key can do no more than the key or person that makes it."""
        asked = bodies.body(request, NewKey)
        key, token = actions.create_key(actor_of(request), asked.name, asked.scopes, asked.expires)
        return Response(KeyMade(_shown(key), token), status=201)


class OneKey(View):
    """At /keys/{id}."""

    @describe("Revoke an API key", answer=Key)
    def delete(self, request: Request, identifier: int) -> Response:
        """At once and for good."""
        return Response(_shown(actions.revoke_key(actor_of(request), identifier)))


def _shown(key: ApiKey) -> Key:
    return Key(
        id=key.pk,
        name=key.name,
        prefix=f"assay_{key.prefix}_",
        scopes=list(key.scopes),
        created=key.created,
        created_by=key.created_by.name or key.created_by.email,
        expires=key.expires,
        revoked=key.revoked,
        last_used=key.last_used,
    )
