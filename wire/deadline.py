"""Deadlines are Unix milliseconds, so that they mean the same on both machines."""

from __future__ import annotations

import time


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def in_seconds(seconds: float) -> int:
    """The deadline that far from now."""
    return now_ms() + int(seconds * 1000)


def left(deadline: int) -> float:
    """Seconds until `deadline`; 0 once it has passed."""
    return max(0.0, deadline / 1000 - time.time())
