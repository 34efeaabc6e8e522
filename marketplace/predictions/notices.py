"""What PostgreSQL tells its listeners when predictions have changed: `NOTIFY prediction`, one line for each.

Sent inside the transaction that makes the change, so it arrives if and only if the change is there. PostgreSQL
takes payloads below 8,000 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

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


def payloads(notices: Iterable[Notice]) -> list[str]:
    """What to give to pg_notify."""
    lines = [str(notice) for notice in notices]
    return ["\n".join(lines[i : i + LINES]) for i in range(0, len(lines), LINES)]


def parse(payload: str) -> list[Notice]:
    """Raises ValueError for what `payloads` did not make."""
    notices = []
    for line in payload.splitlines():
        prediction, seq, state = line.split(" ")
        notices.append(Notice(UUID(hex=prediction), int(seq), state == "ended"))
    return notices
