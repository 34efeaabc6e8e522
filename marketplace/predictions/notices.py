"""What PostgreSQL tells its listeners when predictions have changed: `NOTIFY prediction`, one line for each.

Sent inside the transaction that makes the change, so it arrives if and only if the change is there. PostgreSQL
takes payloads below 8,000 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

CHANNEL = "prediction"
LINES = 120  # of at most 60 bytes each


@dataclass(frozen=True)
class Notice:
    """A prediction has come to event `seq`, and whether that was its last."""

    prediction: UUID
    seq: int
    ended: bool

    def __str__(self) -> str:
        return f"{self.prediction.hex} {self.seq} {'ended' if self.ended else 'open'}"


def send(notices: Iterable[Notice]) -> None:
    lines = [str(notice) for notice in notices]
    payloads = ["\n".join(lines[i : i + LINES]) for i in range(0, len(lines), LINES)]
    if payloads:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, payload) FROM unnest(%s) AS payload", [CHANNEL, payloads])


def parse(payload: str) -> list[Notice]:
    """Raises ValueError for what `send` did not write."""
    notices = []
    for line in payload.splitlines():
        prediction, seq, state = line.split(" ")
        notices.append(Notice(UUID(hex=prediction), int(seq), state == "ended"))
    return notices
