"""Lists by cursor: a page holds what follows a place in the order, so nothing is shown twice or left out.

A cursor is opaque to clients: the sort key of the last thing shown, in base64url. Anything else is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from assay.errors import AssayError, Refused
from assay.jsonform import base64url, from_base64url

DEFAULT, MOST = 20, 100
QUERY = {
    "cursor": {"type": "string", "description": "`next` of the page before"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT},
}

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """`next` is the cursor of the next page, null on the last."""

    results: list[T]
    next: str | None


def page(request: Request, things: QuerySet[M], show: Callable[[M], T], by: str = "created") -> Page[T]:
    """The page that `?cursor=` and `?limit=` ask for, newest first by (`by`, primary key). One query."""
    limit = _limit(request)
    ordered = things.order_by(f"-{by}", "-pk")
    if cursor := request.query_params.get("cursor"):
        moment, key = _place(cursor)
        ordered = ordered.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, "pk__lt": key}))
    found = list(ordered[: limit + 1])
    shown = found[:limit]
    following = _cursor(getattr(shown[-1], by), shown[-1].pk) if len(found) > limit else None
    return Page([show(each) for each in shown], following)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST):
        raise Refused("not a page's size", pointer="limit", expected=f"1 to {MOST}", got=text[:40])
    return int(text)


def _cursor(moment: dt.datetime, key: Any) -> str:
    return base64url(msgspec.json.encode((moment, str(key))))


def _place(cursor: str) -> tuple[dt.datetime, str]:
    try:
        moment, key = msgspec.json.decode(from_base64url(cursor), type=tuple[dt.datetime, str])
    except (AssayError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused("not a cursor of ours", pointer="cursor", expected="`next` of the page before") from error
    return moment, key
