"""Identifiers: UUIDs of version 7 (RFC 9562 §5.7), which sort by the time they were made."""

from __future__ import annotations

import secrets
import time
import uuid


def uuid7(now_ms: int | None = None) -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    random = secrets.randbits(74)
    value = (milliseconds & (2**48 - 1)) << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & (2**62 - 1)
    return uuid.UUID(int=value)
