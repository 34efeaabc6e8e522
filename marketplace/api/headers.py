"""Request headers that mean something here."""

from __future__ import annotations

import re

from rest_framework.request import Request

from assay.errors import Refused

LONGEST_WAIT = 60.0  # seconds

MAX_ONCE = 100  # characters of a key by which money moves once
ONCE = {"Idempotency-Key": "Of your choosing, needed: the same key moves nothing twice"}

_WAIT = re.compile(r"wait=(\d{1,6})", re.ASCII)


def wait_of(request: Request) -> float | None:
    """Seconds to wait for the answer (`Prefer: wait=N`, RFC 7240), at most LONGEST_WAIT; None if not asked for.

    Raises Refused for a `wait` that is no whole number of seconds. Other preferences are none of ours.
    """
    for preference in request.headers.get("Prefer", "").split(","):
        word = preference.strip().lower()
        if word.partition("=")[0].strip() == "wait":
            match = _WAIT.fullmatch(word.replace(" ", ""))
            if match is None:
                raise Refused(
                    "not a preference to wait",
                    code="invalid-header",
                    pointer="Prefer",
                    expected="wait=<seconds>",
                    got=word[:40],
                )
            return min(float(match[1]), LONGEST_WAIT)
    return None


def last_event_of(request: Request) -> int:
    """The number of the last event that a client has seen (`Last-Event-ID`); 0 for none. Raises Refused."""
    text = request.headers.get("Last-Event-ID", "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused(
            "not an event's number",
            code="invalid-header",
            pointer="Last-Event-ID",
            expected="0 or more",
            got=text[:40],
        )
    return int(text)


def once_of(request: Request) -> str:
    """The key by which this moves money once (`Idempotency-Key`). Raises Refused where there is none."""
    key = request.headers.get("Idempotency-Key", "")
    if not (1 <= len(key) <= MAX_ONCE and key.isascii() and key.isprintable()):
        raise Refused(
            "moving money needs an idempotency key",
            code="invalid-header",
            pointer="Idempotency-Key",
            expected=f"1 to {MAX_ONCE} printable ASCII characters",
            got=f"{len(key)} characters",
        )
    return key
