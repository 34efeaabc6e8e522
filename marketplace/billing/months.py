"""Calendar months in UTC, by which caps and free rows go; a month is its first day."""

from __future__ import annotations

import datetime as dt
import re

from django.utils import timezone

from assay.errors import Refused

_WRITTEN = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


def this_month() -> dt.date:
    return timezone.now().astimezone(dt.UTC).date().replace(day=1)


def month_named(text: str, pointer: str) -> dt.date:
    """`2026-11`. Raises Refused naming `pointer`."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise Refused("not a month", pointer=pointer, expected="a year and a month, as 2026-11", got=text[:40])
    return dt.date(int(match[1]), int(match[2]), 1)


def month_after(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)
