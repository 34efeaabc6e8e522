"""What asking costs, as pages say it: to whoever looks, before the click; and to the seller, who sets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.http import QueryDict

from assay.errors import AssayError
from marketplace.accounts.access import Actor
from marketplace.billing import months, pricing
from marketplace.billing.models import FreeUse, Price
from marketplace.billing.pricing import Asking, Line
from marketplace.catalogue.models import Model
from marketplace.catalogue.offers import ModeOffer
from marketplace.groups.models import Group, Member
from marketplace.web.pages import MAX_TYPED, whole_number
from verification.mode import Kind
from verification.registry import MODES

MAX_HISTORY = 50  # prices shown, those that stand first


@dataclass(frozen=True)
class Tag:
    """What a mode costs one buyer now: of each seller to be paid, micro-units for a unit and rows still free.

    `own`: whether something is sold by the buyer itself, who does not pay for it.
    """

    unit: str
    sellers: tuple[tuple[int, int], ...]
    own: bool

    @property
    def micros(self) -> int:
        return sum(micros for micros, _ in self.sellers)

    @property
    def unit_name(self) -> str:
        return str(Price.Unit(self.unit).label)

    @property
    def left(self) -> int:
        """Rows that cost nothing at all."""
        return min((left for _, left in self.sellers), default=0)


def tags(actor: Actor | None, asked: Model | Group, modes: Sequence[ModeOffer]) -> dict[str, Tag]:
    """By mode; a query for each and one more."""
    lines = {mode.name: pricing.lines_of(asked, mode.name) for mode in modes}
    used = _used(actor, [line for each in lines.values() for line in each])
    buyer = actor.organisation.pk if actor else None
    return {
        mode.name: Tag(
            mode.unit,
            tuple((each.micros, _left(each, used)) for each in lines[mode.name] if each.seller != buyer),
            any(each.seller == buyer for each in lines[mode.name]),
        )
        for mode in modes
    }


def _left(line: Line, used: Mapping[tuple[int | None, int | None, str], int]) -> int:
    return max(0, line.free_rows - used.get((line.model, line.member, line.mode), 0))


def _used(actor: Actor | None, lines: Sequence[Line]) -> dict[tuple[int | None, int | None, str], int]:
    """Free rows that the buyer has used up this month, by model, member and mode."""
    if actor is None or not any(line.free_rows for line in lines):
        return {}
    of = Q(model__in=[each.model for each in lines]) | Q(member__in=[each.member for each in lines])
    found = FreeUse.objects.filter(of, organisation=actor.organisation, month=months.this_month())
    return {(each.model_id, each.member_id, each.mode): each.rows for each in found}


def for_script(found: Mapping[str, Tag]) -> dict[str, Any]:
    """What the playground adds up: by mode that is paid by the row."""
    return {name: tag.sellers for name, tag in found.items() if tag.unit == Price.Unit.ROW}


# --- setting --------------------------------------------------------------------------------------------------


def asking(given: QueryDict) -> Asking:
    """What a seller filled in. Raises Refused."""
    free = given.get("free_rows", "").strip()
    return Asking(given.get("amount", "")[:MAX_TYPED], whole_number(free, "/free_rows") if free else 0)


def selling(
    of: Model | Member, kind: Kind, given: QueryDict | None = None, error: AssayError | None = None
) -> dict[str, Any]:
    """What the forms show, one for each mode, and the prices that have been; filled in again after an error."""
    prices = Price.objects.filter(**{"model" if isinstance(of, Model) else "member": of})
    found = list(prices.order_by(F("until").desc(nulls_first=True), "-since")[:MAX_HISTORY])
    stands = {each.mode: each for each in found if each.until is None}
    wrong = given.get("mode", "") if given is not None and error is not None else ""
    forms = [
        {
            "mode": mode,
            "unit": Price.Unit(mode.meter.unit).label,
            "price": stands.get(mode.name),
            "given": given if mode.name == wrong else None,
            "error": error if mode.name == wrong else None,
            "field": error.pointer.strip("/") if error else "",
        }
        for mode in MODES.values()
        if mode.asks == kind
    ]
    return {"forms": forms, "history": found}
