"""Spans of time as people say them: for pages and terminals, never for anything that is signed."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60, 3600, 86_400
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"))
LEAST = 1.5  # of a unit: less is said in the next smaller one


def in_words(seconds: float) -> str:
    """`21 ms`, `1.3 s`, `10 min`, `24 h`: the largest unit that leaves little out."""
    if seconds < 0.9995:
        return f"{max(1, round(seconds * 1000))} ms"
    for unit, name in UNITS:
        if seconds >= LEAST * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.1f}".removesuffix(".0") + " s"
