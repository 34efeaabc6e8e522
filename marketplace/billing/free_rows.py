"""How many of a request's rows are free: so many a month of each model or vote, for each buyer.

They are taken when the request is stored, with the count locked until that has committed, and given back if
nothing was charged in the end.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.db.models import Q

from marketplace.billing.models import FreeUse
from marketplace.billing.pricing import Charge, Line
from marketplace.db.statements import Statement

_LOCK = Statement(
    """
    INSERT INTO billing_freeuse AS kept (organisation_id, model_id, member_id, mode, month, rows)
    SELECT *, 0 FROM unnest($1, $2, $3, $4, $5) AS new(organisation, model, member, mode, month)
    ORDER BY organisation, month, mode, model NULLS FIRST, member NULLS FIRST
    ON CONFLICT (organisation_id, model_id, member_id, mode, month) DO UPDATE SET rows = kept.rows
    RETURNING organisation_id, model_id, member_id, mode, month, rows
    """,  # in one order, so that two cannot lock each other out
    *("bigint[]", "bigint[]", "bigint[]", "text[]", "date[]"),
)
_ADD = Statement(
    """
    UPDATE billing_freeuse AS kept SET rows = greatest(0, kept.rows + new.rows)
    FROM unnest($1, $2, $3, $4, $5, $6) AS new(organisation, model, member, mode, month, rows)
    WHERE kept.organisation_id = new.organisation AND kept.mode = new.mode AND kept.month = new.month
        AND kept.model_id IS NOT DISTINCT FROM new.model AND kept.member_id IS NOT DISTINCT FROM new.member
    RETURNING kept.id
    """,
    *("bigint[]", "bigint[]", "bigint[]", "text[]", "date[]", "bigint[]"),
)


_KEEP = Statement(
    """
    INSERT INTO billing_freetaken (prediction, organisation_id, month, charges) VALUES ($1, $2, $3, $4)
    RETURNING prediction
    """,
    *("uuid", "bigint", "date", "jsonb"),
)
_RELEASE = Statement(
    """
    DELETE FROM billing_freetaken WHERE prediction = ANY(ARRAY(SELECT unnest($1)))
    RETURNING prediction, organisation_id, month, charges
    """,
    "uuid[]",
)


class Count(NamedTuple):
    """Whose rows, of what, in which month, are counted."""

    buyer: int
    model: int | None
    member: int | None
    mode: str
    month: dt.date


def take(buyer: int, month: dt.date, lines: Sequence[Line], rows: int) -> list[int]:
    """By line: how many of `rows` are free. To be called in the transaction that stores the request."""
    offered = {_count(buyer, month, line): line.free_rows for line in lines if line.free_rows}
    used = _locked(offered)
    taken = {each: max(0, min(rows, most - used[each])) for each, most in offered.items()}
    _add({each: count for each, count in taken.items() if count})
    return [taken.get(_count(buyer, month, line), 0) for line in lines]


def left(buyer: int, month: dt.date, lines: Sequence[Line], rows: int) -> list[int]:
    """By line: how many of `rows` would be free now. Takes none."""
    offering = [line for line in lines if line.free_rows]
    found = FreeUse.objects.filter(organisation=buyer, month=month)
    of = Q(model__in=[line.model for line in offering]) | Q(member__in=[line.member for line in offering])
    counts = ("organisation_id", "model_id", "member_id", "mode", "month", "rows")
    used = {Count(*row[:5]): row[5] for row in found.filter(of).values_list(*counts)} if offering else {}
    return [max(0, min(rows, line.free_rows - used.get(_count(buyer, month, line), 0))) for line in lines]


class Taken(NamedTuple):
    """What a prediction that costs nothing has taken."""

    prediction: UUID
    buyer: int
    month: dt.date
    charges: tuple[Charge, ...]


def keep(taken: Taken) -> None:
    """Until the prediction has ended: it has no hold that would say so."""
    said = json.dumps(msgspec.to_builtins(taken.charges))
    _KEEP.rows(str(taken.prediction), taken.buyer, taken.month, said)


def release(predictions: Sequence[UUID]) -> list[Taken]:
    """What these have taken, those of them that have; once. Their rows are locked."""
    found = _RELEASE.rows([str(each) for each in predictions]) if predictions else []
    return [
        Taken(prediction, buyer, month, msgspec.json.decode(charges, type=tuple[Charge, ...]))
        for prediction, buyer, month, charges in found
    ]


def give_back(returned: Iterable[tuple[int, dt.date, Charge]]) -> None:
    """The free rows of these, of buyers and months, which were not charged for after all."""
    counts: dict[Count, int] = {}
    for buyer, month, charge in returned:
        if charge.free:
            each = _count(buyer, month, charge.line)
            counts[each] = counts.get(each, 0) - charge.free
    _locked(counts)
    _add(counts)


def _count(buyer: int, month: dt.date, line: Line) -> Count:
    return Count(buyer, line.model, line.member, line.mode, month)


def _locked(counts: Iterable[Count]) -> dict[Count, int]:
    """How many rows have been used, with the counts locked until the transaction ends."""
    found = _LOCK.rows(*_columns(counts)) if counts else []
    return {Count(*row[:5]): row[5] for row in found}


def _add(rows: dict[Count, int]) -> None:
    if rows:
        _ADD.rows(*_columns(rows), list(rows.values()))


def _columns(counts: Iterable[Count]) -> list[list[object]]:
    return [list(column) for column in zip(*counts, strict=True)]
