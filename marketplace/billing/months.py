"""Calendar months in UTC, by which caps and free rows go; a month is its first day."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone


def this_month() -> dt.date:
    return timezone.now().astimezone(dt.UTC).date().replace(day=1)


def month_after(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)
