"""What a prediction cost: what was set aside for it, what was charged in the end, what came back, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from marketplace.accounts.access import Actor
from marketplace.billing.models import Hold
from marketplace.billing.moving import require_viewer

# what is read of a hold; of a prediction, with `hold__` before it
PARTS = ("amount", "end__posted", "end__ending", "end__transaction__reversal__detail")
NAMES = ("quoted", "posted", "ended_as", "reversed_as")  # under which it stands on a prediction
OF_PREDICTION: Mapping[str, F] = {name: F(f"hold__{part}") for name, part in zip(NAMES, PARTS, strict=True)}


@dataclass(frozen=True)
class Cost:
    """Micro-units. `quoted` is the most that it could cost; the others are None until it has ended.

    `ending`: by its name in `verification.ends`; what was charged and taken back since cost nothing.
    """

    quoted: int
    charged: int | None = None
    ending: str | None = None

    @property
    def returned(self) -> int | None:
        return None if self.charged is None else self.quoted - self.charged

    @classmethod
    def of(cls, quoted: int, posted: int | None, ended_as: str | None, reversed_as: str | None) -> Cost:
        """From PARTS."""
        if reversed_as is not None:
            return cls(quoted, 0, reversed_as.partition(" ")[0])
        return cls(quoted, posted, ended_as)


def cost(prediction: Any) -> Cost | None:
    """Of a prediction that was read with OF_PREDICTION, or else by one query; None where it is free."""
    if prediction.hold_id is None:
        return None
    if hasattr(prediction, NAMES[0]):
        return Cost.of(*(getattr(prediction, name) for name in NAMES))
    return Cost.of(*Hold.objects.values_list(*PARTS).get(pk=prediction.hold_id))


def holds(actor: Actor) -> QuerySet[Hold]:
    """What was ever set aside for predictions of the actor's organisation, with what became of it."""
    require_viewer(actor)
    found = Hold.objects.filter(organisation=actor.organisation, member__isnull=True)
    shown = {
        **{name: F(part) for name, part in zip(NAMES[1:], PARTS[1:], strict=True)},
        "ended": F("end__time"),
        "refunded": F("end__transaction__reversal__posted"),
        "asked": F("prediction__id"),
        "target": F("prediction__target"),
        "mode": F("prediction__mode"),
        "rows": F("prediction__rows"),
        "certificate": F("prediction__certificate__sha256"),
    }
    return found.defer("lines").annotate(**shown)


def cost_of_hold(hold: Hold) -> Cost:
    """Of one of `holds`."""
    return Cost.of(hold.amount, *(getattr(hold, name) for name in NAMES[1:]))
