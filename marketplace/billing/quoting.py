"""Quotes: the prices of a target in a mode, promised for a while: who names one when asking is charged by it."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.accounts.scopes import Scope
from marketplace.billing import accounts, free_rows, holding, pricing
from marketplace.billing.holding import Terms
from marketplace.billing.models import Quote
from marketplace.billing.months import this_month
from marketplace.billing.pricing import Asked, Charge, Line
from marketplace.catalogue.models import ModelVersion
from marketplace.errors import Conflict, NotFound
from marketplace.groups.models import Group
from verification.registry import MODES

GOOD_FOR = dt.timedelta(minutes=10)
KEPT = dt.timedelta(days=1)  # expired ones, so that one is told why


def quote(actor: Actor, asked: ModelVersion | Group, mode: str, rows: int, seconds: float) -> Quote:
    """The prices that stand now, promised to the actor's organisation until the quote expires.

    `rows` that are wanted within `seconds`, at least 1: for what the total is told.
    """
    return Quote.objects.create(
        organisation=actor.organisation,
        version=asked if isinstance(asked, ModelVersion) else None,
        group=asked if isinstance(asked, Group) else None,
        mode=mode,
        rows=rows,
        seconds=seconds,
        lines=msgspec.to_builtins(lines(asked, mode)),
        fee=settings.ENV.fee,
        currency=accounts.currency(),
        expires=timezone.now() + GOOD_FOR,
    )


def lines(asked: ModelVersion | Group, mode: str) -> tuple[Line, ...]:
    """The prices that stand for what is asked."""
    if isinstance(asked, ModelVersion):
        return pricing.of_model(asked.model_id, mode)
    return pricing.of_group(asked.pk, mode)


def lines_of(quoted: Quote) -> tuple[Line, ...]:
    return msgspec.convert(quoted.lines, tuple[Line, ...])


def visible(actor: Actor, quoted: UUID) -> Quote:
    """A quote that the actor's organisation was given. Raises NotFound, Forbidden."""
    actor.require_scope(Scope.READ)
    found = Quote.objects.filter(pk=quoted, organisation=actor.organisation)
    for each in found.select_related("version__model__organisation", "group"):
        return each
    raise NotFound("no such quote", got=str(quoted))


def charges(quoted: Quote) -> list[Charge]:
    """What it comes to at most, by seller, with the free rows that its buyer has left now."""
    asked = Asked(MODES[quoted.mode], quoted.rows, quoted.seconds)
    sold = holding.sold(lines_of(quoted), quoted.organisation_id)
    free = free_rows.left(quoted.organisation_id, this_month(), sold, quoted.rows)
    return [pricing.charge(line, asked, rows) for line, rows in zip(sold, free, strict=True)]


def terms(actor: Actor, quoted: UUID | None, asked: ModelVersion | Group, mode: str) -> Terms:
    """Those of the quote that is named, or those that stand. Raises NotFound, Conflict, Refused."""
    if quoted is None:
        return holding.standing(lines(asked, mode))
    found = Quote.objects.filter(pk=quoted, organisation=actor.organisation).first()
    if found is None:
        raise NotFound("no such quote", pointer="/quote", got=str(quoted))
    if (found.version_id or found.group_id, found.mode) != (asked.pk, mode) or (
        found.group_id is None
    ) != isinstance(asked, ModelVersion):
        raise Refused(
            "the quote is for something else",
            code="quote-of-another",
            pointer="/quote",
            expected=f"a quote for {asked} in mode {mode}",
            got=f"{found.version or found.group} in mode {found.mode}",
        )
    if found.expires < timezone.now():
        raise Conflict(
            "the quote has expired",
            code="quote-expired",
            pointer="/quote",
            got=found.expires.isoformat(timespec="seconds"),
            hint="Ask for another, or ask without one: the prices that stand are charged then.",
        )
    return Terms(lines_of(found), found.fee)


def forget_old() -> int:
    """Deletes those that expired long ago; how many. What was charged is kept with each hold."""
    return Quote.objects.filter(expires__lt=timezone.now() - KEPT).delete()[0]
