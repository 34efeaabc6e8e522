"""A prediction's life, as a table. PostgreSQL holds the same table in a trigger; a test compares the two.

    received ──► dispatched ──► answered ──► certified
        │             │             │     └► contested
        └─────────────┴─────────────┴──────► failed | expired | cancelled

`answered` is passed over where answer and certificate arrive together. An end is for ever.
"""

from __future__ import annotations

from marketplace.predictions.models import Status

ENDS = frozenset({Status.CERTIFIED, Status.CONTESTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
WITHOUT_ANSWER = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED})
OPEN = frozenset(Status) - ENDS

FOLLOWS: dict[Status, frozenset[Status]] = {
    Status.RECEIVED: frozenset({Status.DISPATCHED}) | WITHOUT_ANSWER,
    Status.DISPATCHED: frozenset({Status.ANSWERED}) | ENDS,
    Status.ANSWERED: ENDS,
    **dict.fromkeys(ENDS, frozenset()),
}


def may_follow(before: Status, after: Status) -> bool:
    return after in FOLLOWS[before]


def before(after: Status) -> list[Status]:
    """The statuses from which `after` may be reached."""
    return [status for status in Status if may_follow(status, after)]
