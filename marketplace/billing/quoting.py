"""Quotes: the prices of a target in a mode, promised for a while: who names one when asking is charged by it."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.billing import accounts, holding, pricing
from marketplace.billing.holding import Terms
from marketplace.billing.models import Quote
from marketplace.billing.pricing import Line
from marketplace.catalogue.models import ModelVersion
from marketplace.errors import Conflict, NotFound
from marketplace.groups.models import Group

GOOD_FOR = dt.timedelta(minutes=10)
KEPT = dt.timedelta(days=1)  # expired ones, so that one is told why


def quote(actor: Actor, asked: ModelVersion | Group, mode: str) -> Quote:
    """The prices that stand now, promised to the actor's organisation until the quote expires."""
    return Quote.objects.create(
        organisation=actor.organisation,
        version=asked if isinstance(asked, ModelVersion) else None,
        group=asked if isinstance(asked, Group) else None,
        mode=mode,
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
