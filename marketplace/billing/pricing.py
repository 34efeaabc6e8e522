"""What an answer costs: the prices that stand, for a target in a mode, and what a number of rows comes to.

A model has one seller. In a group every member sells its own vote, at a price of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation, Role
from marketplace.accounts.scopes import Scope
from marketplace.billing import accounts, money
from marketplace.billing.models import Price
from marketplace.catalogue.models import Model
from marketplace.db.statements import Statement
from marketplace.groups.models import Group, Member
from verification.metering import Unit
from verification.mode import Kind, Mode
from verification.registry import mode_named

MOST = 10**9  # micro-units for one row or second: a thousand units of the currency
MOST_FREE = 1_000_000  # rows a month


class Line(msgspec.Struct, frozen=True):
    """A seller's price, as it is quoted and kept with the hold. Of `model` and `member` one is null."""

    seller: int  # an organisation
    owner: str  # its name, as a group's certificate has it
    model: int | None
    member: int | None
    mode: str
    unit: Unit
    micros: int  # for one unit
    free_rows: int  # a month


class Charge(msgspec.Struct, frozen=True):
    """A line, put to a request: `free` rows cost nothing; `most` micro-units are what the others may come to."""

    line: Line
    free: int
    most: int


@dataclass(frozen=True)
class Asked:
    """What is to be priced: a number of rows in a mode, and the seconds after which no answer is wanted."""

    mode: Mode[Any]
    rows: int
    seconds: float


_OF_MODEL = Statement(
    """
    SELECT m.organisation_id, o.slug, m.id, NULL::bigint, p.mode, p.unit, p.micros, p.free_rows
    FROM billing_price p JOIN catalogue_model m ON m.id = p.model_id
    JOIN accounts_organisation o ON o.id = m.organisation_id
    WHERE p.model_id = $1 AND p.mode = $2 AND p.currency = $3 AND p.until IS NULL
    """,
    *("bigint", "text", "text"),
)
_OF_GROUP = Statement(
    """
    SELECT m.organisation_id, o.slug, NULL::bigint, m.id, p.mode, p.unit, p.micros, p.free_rows
    FROM groups_member m JOIN billing_price p ON p.member_id = m.id AND p.until IS NULL
    JOIN accounts_organisation o ON o.id = m.organisation_id
    WHERE m.group_id = $1 AND m.position IS NOT NULL AND m.state = 'accepted' AND p.mode = $2 AND p.currency = $3
    ORDER BY m.position
    """,
    *("bigint", "text", "text"),
)


def of_model(model: int, mode: str) -> tuple[Line, ...]:
    """The seller of a model, if it asks anything."""
    return tuple(Line(*row) for row in _OF_MODEL.rows(model, mode, accounts.currency()) if row[6])


def of_group(group: int, mode: str) -> tuple[Line, ...]:
    """Those members of a group that ask anything for their votes, in their order."""
    return tuple(Line(*row) for row in _OF_GROUP.rows(group, mode, accounts.currency()) if row[6])


def charge(line: Line, asked: Asked, free: int) -> Charge:
    """What a line may come to at most, `free` of the rows being free."""
    paid = asked.rows - free
    return Charge(line, free, line.micros * asked.mode.meter.most(paid, asked.seconds) if paid else 0)


def used(charge: Charge, units: int | None) -> int:
    """What it comes to in the end, from 0 to `most`. `units`: as the mode's meter reads the certificate.

    Of rows, the free ones are the first.
    """
    if units is None:
        return charge.most
    paid = units - charge.free if charge.line.unit == "row" else units
    return min(charge.most, charge.line.micros * max(0, paid))


# --- setting prices ---------------------------------------------------------------------------------------------


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a seller asks: an amount as text (`0.0005`) for one row or second, and free rows for each buyer."""

    amount: str
    free_rows: int = 0


def set_for_model(actor: Actor, model: Model, mode: str, asking: Asking) -> Price:
    """From now on. `model` has come through its gate. Raises Refused, Forbidden."""
    actor.require_scope(Scope.MODELS)
    actor.require_role(model.organisation_id, Role.OWNER)
    return _set(actor, Price(model=model, mode=mode), model.organisation, "model", asking)


def set_for_member(actor: Actor, member: Member, mode: str, asking: Asking) -> Price:
    """For the votes of the actor's organisation in a group."""
    actor.require_scope(Scope.MODELS)
    actor.require_role(member.organisation_id, Role.OWNER)
    return _set(actor, Price(member=member, mode=mode), member.organisation, "group", asking)


def _set(actor: Actor, price: Price, seller: Organisation, kind: Kind, asking: Asking) -> Price:
    name, mode = price.mode, mode_named(price.mode, "/mode")
    if mode.asks != kind:
        raise Refused(f"this mode is not asked of a {kind}", code="wrong-target", pointer="/mode", got=name)
    if not 0 <= asking.free_rows <= MOST_FREE:
        raise Refused(
            "so many rows cannot be free",
            code="out-of-range",
            pointer="/free_rows",
            expected=f"0 to {MOST_FREE}",
            got=str(asking.free_rows),
        )
    price.unit, price.currency = mode.meter.unit, accounts.currency()
    price.micros, price.free_rows = money.micros(asking.amount, "/amount", MOST), asking.free_rows
    price.set_by = actor.user
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=seller.pk)  # two changes at once, one after the other
        standing = Price.objects.filter(model=price.model, member=price.member, mode=name, until__isnull=True)
        before = standing.first()
        if before is not None and _alike(before, price):
            return before
        standing.update(until=timezone.now())
        price.save()
        of = price.model or price.member
        says = f"{of} in {name}: {money.words(price.micros, price.currency)} per {price.unit}"
        audit.record(seller, actor.user, Action.PRICE_SET, f"{says}, {price.free_rows} rows a month free")
    return price


def _alike(one: Price, other: Price) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("unit", "micros", "currency", "free_rows"))


def standing() -> QuerySet[Price]:
    """The prices that stand."""
    return Price.objects.filter(until__isnull=True, currency=accounts.currency())


def standing_of_models(models: Iterable[int]) -> dict[tuple[int, str], Price]:
    """By model and mode."""
    found = standing().filter(model__in=list(models))
    return {(price.model_id, price.mode): price for price in found if price.model_id is not None}


def total(lines: Sequence[Line], asked: Asked, buyer: int | None = None) -> int:
    """What a request costs at most without any free rows; `buyer` pays nothing to itself."""
    return sum(charge(line, asked, 0).most for line in lines if line.seller != buyer)


def lines_of(asked: Model | Group, mode: str) -> tuple[Line, ...]:
    return of_group(asked.pk, mode) if isinstance(asked, Group) else of_model(asked.pk, mode)
