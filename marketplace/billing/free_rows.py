"""How many of a request's rows are free: so many a month of each model or vote, for each buyer.

They are taken when the request is stored, with the count locked until that has committed, and given back if
nothing was charged in the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from marketplace.billing.pricing import Charge, Line
from marketplace.db.statements import Statement

_LOCK = Statement(
    """
    INSERT INTO billing_freeuse AS kept (organisation_id, model_id, member_id, mode, month, rows)
    VALUES ($1, $2, $3, $4, $5, 0)
    ON CONFLICT (organisation_id, model_id, member_id, mode, month) DO UPDATE SET rows = kept.rows
    RETURNING rows
    """,
    *("bigint", "bigint", "bigint", "text", "date"),
)
_ADD = Statement(
    """
    UPDATE billing_freeuse SET rows = greatest(0, rows + $6)
    WHERE organisation_id = $1 AND model_id IS NOT DISTINCT FROM $2 AND member_id IS NOT DISTINCT FROM $3
        AND mode = $4 AND month = $5
    RETURNING rows
    """,
    *("bigint", "bigint", "bigint", "text", "date", "bigint"),
)


def take(buyer: int, month: dt.date, lines: Sequence[Line], rows: int) -> list[int]:
    """By line: how many of `rows` are free. To be called in the transaction that stores the request."""
    taken = [0] * len(lines)
    for i in sorted(range(len(lines)), key=lambda i: _order(lines[i])):  # in one order for all
        line = lines[i]
        if line.free_rows:
            ((before,),) = _LOCK.rows(buyer, line.model, line.member, line.mode, month)
            taken[i] = max(0, min(rows, line.free_rows - before))
            if taken[i]:
                _ADD.rows(buyer, line.model, line.member, line.mode, month, taken[i])
    return taken


def give_back(buyer: int, month: dt.date, charges: Iterable[Charge]) -> None:
    """The free rows of these, which were not charged for after all."""
    for each in sorted((each for each in charges if each.free), key=lambda each: _order(each.line)):
        _ADD.rows(buyer, each.line.model, each.line.member, each.line.mode, month, -each.free)


def _order(line: Line) -> tuple[int, int]:
    return line.model or 0, line.member or 0
