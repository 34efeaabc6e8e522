"""Caps: the most that an organisation, or one of its keys, may spend in a calendar month (UTC).

That no hold exceeds one is `holding`'s doing. Here they are set, looked at, and what refused a request is noted:
the request's own transaction is rolled back, so whoever makes a prediction does it within `noting`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from assay.errors import Refused
from marketplace.accounts import actions, audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import ApiKey, Organisation, Role
from marketplace.billing import accounts, money
from marketplace.billing.holding import CapReached
from marketplace.billing.models import Cap, CapAlert, Spending
from marketplace.billing.months import this_month
from marketplace.billing.moving import require_mover, require_viewer
from marketplace.db.statements import Statement
from marketplace.errors import Forbidden, NotFound

LEVELS = (80, 100)  # percent at which one is told


@dataclass(frozen=True)
class Capped:
    """A cap and what is used of it this month, what is held included; micro-units.

    `key`: None for the organisation as a whole. `amount`: None where there is no cap. `alerts`: the levels that
    have been reached this month; at 100 % a request may also have been refused that was larger than what is left.
    """

    key: ApiKey | None
    amount: int | None
    used: int
    alerts: tuple[CapAlert, ...]

    @property
    def left(self) -> int | None:
        return None if self.amount is None else max(0, self.amount - self.used)

    @property
    def percent(self) -> int | None:
        """Used, rounded down, at most 100; of a cap of nothing, all."""
        if self.amount is None:
            return None
        return min(100, 100 * self.used // self.amount) if self.amount else 100

    @property
    def level(self) -> int:
        """The highest that has been reached this month, be it by setting the cap lower: 0, 80 or 100."""
        reached = [each for each in LEVELS if self.percent is not None and self.percent >= each]
        return max((*reached, *(alert.percent for alert in self.alerts)), default=0)


# --- looking ----------------------------------------------------------------------------------------------------


def caps_of(actor: Actor) -> list[Capped]:
    """The organisation's, then those of its keys that are in use or capped, newest first; four queries.

    Whoever sees to the money is shown every key, anybody else of the organisation one's own.
    """
    require_viewer(actor)
    return _capped(actor.organisation, [None, *_keys(actor)])


def cap_of(organisation: Organisation, key: ApiKey | None) -> Capped:
    """The organisation's or, where one is given, a key's."""
    return _capped(organisation, [key])[0]


def _capped(organisation: Organisation, keys: list[ApiKey | None]) -> list[Capped]:
    month = this_month()
    caps: dict[int | None, int] = {
        cap.api_key_id: cap.amount for cap in Cap.objects.filter(organisation=organisation)
    }
    spent = Spending.objects.filter(organisation=organisation, month=month)
    used: dict[int | None, int] = {each.api_key_id: each.amount for each in spent}
    alerts: dict[int | None, list[CapAlert]] = {}
    said = CapAlert.objects.filter(cap__organisation=organisation, month=month).select_related("cap")
    for alert in said.order_by("percent"):
        alerts.setdefault(alert.cap.api_key_id, []).append(alert)
    return [
        Capped(key, caps.get(which), used.get(which, 0), tuple(alerts.get(which, ())))
        for key in keys
        for which in (key.pk if key else None,)
    ]


def _keys(actor: Actor) -> list[ApiKey]:
    if actor.has_role(actor.organisation.pk, Role.BILLING):
        keys = ApiKey.objects.filter(organisation=actor.organisation).select_related("organisation", "created_by")
    else:
        keys = actions.keys_of(actor)
    return list(keys.filter(actions.in_use() | Q(caps__isnull=False)).order_by("-pk"))


# --- setting ----------------------------------------------------------------------------------------------------

_SET = Statement(
    """
    INSERT INTO billing_cap (organisation_id, api_key_id, amount, updated) VALUES ($1, $2, $3, now())
    ON CONFLICT (organisation_id, api_key_id) DO UPDATE SET amount = excluded.amount, updated = excluded.updated
    RETURNING id
    """,
    *("bigint", "bigint", "bigint"),
)


def key_of(actor: Actor, identifier: int) -> ApiKey:
    """A key of the actor's organisation whose cap may be set. Raises NotFound, Forbidden."""
    require_mover(actor)
    found = ApiKey.objects.filter(pk=identifier, organisation=actor.organisation).first()
    if found is None:
        raise NotFound("no such API key")
    return found


@transaction.atomic
def set_cap(actor: Actor, key: ApiKey | None, amount: int | None) -> None:
    """Sets, changes or, with None, removes a cap: from the next request on. `key`: None for the organisation.

    Raises Refused, Forbidden, NotFound.
    """
    require_mover(actor)
    if actor.key is not None and actor.key.caps.exists():
        raise Forbidden(
            "a key with a cap sets none: it could lift its own",
            code="capped-key",
            pointer="Authorization",
            hint="Set it on the page Billing, or with a key that has no cap.",
        )
    if key is not None and key.organisation_id != actor.organisation.pk:
        raise NotFound("no such API key")
    if amount is not None and not 0 <= amount <= money.MOST:
        most = money.number(money.MOST)
        raise Refused(
            "not a cap", code="out-of-range", pointer="/amount", expected=f"0 to {most}", got=str(amount)
        )
    whose = f"key {key}" if key else str(actor.organisation)
    if amount is None:
        if _remove(actor.organisation, key):
            audit.record(actor.organisation, actor.user, Action.CAP_REMOVED, whose)
        return
    ((cap,),) = _SET.rows(actor.organisation.pk, key.pk if key else None, amount)
    _unsay(cap)
    says = f"{whose}: {money.words(amount, accounts.currency())} a month"
    audit.record(actor.organisation, actor.user, Action.CAP_SET, says)


def _remove(organisation: Organisation, key: ApiKey | None) -> bool:
    """With the cap locked first, as `holding` does before it says how far it is used."""
    cap = Cap.objects.select_for_update().filter(organisation=organisation, api_key=key).first()
    return cap is not None and bool(cap.delete()[0])


_UNSAY = Statement(
    """
    DELETE FROM billing_capalert AS alert USING billing_cap AS cap
    WHERE cap.id = $1 AND alert.cap_id = cap.id AND alert.month = $2
        AND cap.amount::numeric * alert.percent > 100 * coalesce((
            SELECT spent.amount FROM billing_spending AS spent
            WHERE spent.organisation_id = cap.organisation_id AND spent.month = $2
                AND spent.api_key_id IS NOT DISTINCT FROM cap.api_key_id
        ), 0)
    RETURNING alert.id
    """,
    *("bigint", "date"),
)


def _unsay(cap: int) -> None:
    """What has been said this month and, since the cap is another, is not so any more: so it may be said again."""
    _UNSAY.rows(cap, this_month())


# --- noting -----------------------------------------------------------------------------------------------------

_NOTE = Statement(
    """
    INSERT INTO billing_capalert (cap_id, month, percent, time)
    SELECT id, $2, 100, now() FROM billing_cap WHERE id = ANY($1) ORDER BY id FOR KEY SHARE
    ON CONFLICT DO NOTHING RETURNING id
    """,
    *("bigint[]", "date"),
)


@contextmanager
def noting() -> Iterator[None]:
    """Around the outermost transaction in which a prediction is made: notes which cap has refused it."""
    try:
        yield
    except CapReached as refused:
        note(refused.caps, refused.month)
        raise


def note(caps: frozenset[int], month: dt.date) -> None:
    """That a request was refused for these, said once in a month."""
    _NOTE.rows(sorted(caps), month)
