"""Prices: what a model's owner asks for an answer, and each member of a group for its vote, in each mode."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from assay.errors import Refused
from marketplace.api import bodies
from marketplace.api.amounts import Asked, money
from marketplace.api.catalogue import viewer_of
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.billing import money as units
from marketplace.billing import pricing
from marketplace.billing.models import Price as Row
from marketplace.billing.pricing import MOST, MOST_FREE, Asking
from marketplace.catalogue import access as catalogue
from marketplace.groups import access as groups
from marketplace.groups import standing
from verification.mode import Kind, Mode
from verification.registry import mode_named


class NewPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to ask for one unit of the mode (a row, or a second of proof) from now on; 0 for nothing.

    `free_rows`: how many rows a month each buyer gets for nothing.
    """

    micros: Annotated[int, msgspec.Meta(ge=0, le=MOST, description="Micro-units of the currency")]
    free_rows: Annotated[int, msgspec.Meta(ge=0, le=MOST_FREE)] = 0


class Price(msgspec.Struct, frozen=True):
    """What is asked in a mode, and since when; `since` is null where nothing was ever asked, so it is free."""

    mode: str
    price: Asked
    since: dt.datetime | None


class MemberPrice(msgspec.Struct, frozen=True):
    """What a member asks for its vote."""

    organisation: str
    price: Asked
    since: dt.datetime | None


class GroupPrice(msgspec.Struct, frozen=True):
    """What a group costs in a mode: its members' prices together. Who does not answer is not paid."""

    mode: str
    price: Asked
    members: list[MemberPrice]


class ModelPrices(View):
    """At /models/{owner}/{name}/prices/{mode}."""

    open_to_all = True

    @describe("Get a model's price", answer=Price, open_to_all=True)
    def get(self, request: Request, owner: str, name: str, mode: str) -> Response:
        """As it stands. A quote promises it for ten minutes."""
        found = catalogue.model(viewer_of(request), owner, name)
        asked = _mode(mode, "model")
        return Response(_price(asked, pricing.standing_of_models([found.pk]).get((found.pk, mode))))

    @describe("Set a model's price", body=NewPrice, answer=Price)
    def put(self, request: Request, owner: str, name: str, mode: str) -> Response:
        """From the next quote on. Who was given a quote before is charged by that."""
        actor = actor_of(request)
        found = catalogue.managed_model(actor, owner, name)
        row = pricing.set_for_model(actor, found, mode, _asking(request))
        return Response(_price(_mode(mode, "model"), row))


class GroupPrices(View):
    """At /groups/{slug}/prices/{mode}."""

    open_to_all = True

    @describe("Get a group's price", answer=GroupPrice, open_to_all=True)
    def get(self, request: Request, slug: str, mode: str) -> Response:
        """As it stands, with what each member asks."""
        found = groups.group(viewer_of(request), slug)
        return Response(_of_group(standing.one(found), _mode(mode, "group")))

    @describe("Set a vote's price", body=NewPrice, answer=GroupPrice)
    def put(self, request: Request, slug: str, mode: str) -> Response:
        """For one's own organisation's votes, from the next quote on."""
        actor = actor_of(request)
        seat = groups.seat(actor, slug)
        pricing.set_for_member(actor, seat, mode, _asking(request))
        return Response(_of_group(standing.one(seat.group), _mode(mode, "group")))


def _asking(request: Request) -> Asking:
    asked = bodies.body(request, NewPrice)
    return Asking(units.number(asked.micros), asked.free_rows)


def _mode(name: str, kind: Kind) -> Mode:  # type: ignore[type-arg]
    """Raises Refused where there is none of this name, or it is not asked of such."""
    mode = mode_named(name, "/mode")
    if mode.asks != kind:
        raise Refused(f"this mode is not asked of a {kind}", code="wrong-target", pointer="/mode", got=name)
    return mode


def _price(mode: Mode, row: Row | None) -> Price:  # type: ignore[type-arg]
    return Price(mode.name, _asked(mode, row), row.since if row else None)


def _asked(mode: Mode, row: Row | None) -> Asked:  # type: ignore[type-arg]
    if row is None:
        return Asked(money(0), mode.meter.unit, 0)
    return Asked(money(row.micros), row.unit, row.free_rows)


def _of_group(card: standing.Card, mode: Mode) -> GroupPrice:  # type: ignore[type-arg]
    rows = [(seat.owner, seat.prices.get(mode.name)) for seat in card.seats]
    asked = [row for _, row in rows if row and row.micros]
    return GroupPrice(
        mode=mode.name,
        price=Asked(
            money(sum(row.micros for row in asked)),
            mode.meter.unit,
            min((row.free_rows for row in asked), default=0),
        ),
        members=[MemberPrice(owner, _asked(mode, row), row.since if row else None) for owner, row in rows],
    )
