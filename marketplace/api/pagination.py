"""Lists by cursor: a page holds what follows a place in the order, so nothing is shown twice or left out.

A cursor is opaque to clients: the sort key of the last thing shown, in base64url. Anything else is refused; the
moment in it is a count of microseconds, because a date that somebody forged may lie outside every calendar.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from django.db.models import Model, Q, QuerySet, UUIDField
from rest_framework.request import Request

from assay.errors import AssayError, Refused
from assay.jsonform import base64url, from_base64url

DEFAULT, MOST = 20, 100
QUERY = {
    "cursor": {"type": "string", "description": "`next` of the page before"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT},
}

KEY = "pk"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)  # PostgreSQL's
Ticks = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]  # since 1970
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """`next` is the cursor of the next page, null on the last."""

    results: list[T]
    next: str | None


def page(request: Request, things: QuerySet[M], show: Callable[[M], T], by: str = "created") -> Page[T]:
    """The page that `?cursor=` and `?limit=` ask for, newest first by (`by`, primary key). One query.

    `by`: a moment, or KEY where the primary key alone counts up.
    """
    limit = _limit(request)
    ordered = things.order_by(*dict.fromkeys((f"-{by}", f"-{KEY}")))
    if cursor := request.query_params.get("cursor"):
        moment, key = _place(cursor, UUID if isinstance(things.model._meta.pk, UUIDField) else Number)  # noqa: SLF001
        before = Q(pk__lt=key)
        ordered = ordered.filter(before if by == KEY else Q(**{f"{by}__lt": moment}) | Q(**{by: moment}) & before)
    found = list(ordered[: limit + 1])
    shown = found[:limit]
    return Page([show(each) for each in shown], _following(shown[-1], by) if len(found) > limit else None)


def _following(last: Model, by: str) -> str:
    return _cursor(EPOCH if by == KEY else getattr(last, by), last.pk)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST):
        raise Refused("not a page's size", pointer="limit", expected=f"1 to {MOST}", got=text[:40])
    return int(text)


def _cursor(moment: dt.datetime, key: UUID | int) -> str:
    return base64url(msgspec.json.encode(((moment - EPOCH) // TICK, key)))


def _place(cursor: str, kind: Any) -> tuple[dt.datetime, UUID | int]:
    """When and which the last one was; its key is a `kind`."""
    try:
        ticks, key = msgspec.json.decode(from_base64url(cursor), type=tuple[Ticks, kind])
    except (AssayError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused("not a cursor of ours", pointer="cursor", expected="`next` of the page before") from error
    return EPOCH + ticks * TICK, key
