"""A prediction's life, as a table. PostgreSQL holds the same table in a trigger; a test compares the two.

`answered` is passed over where answer and certificate are written together. An end is for ever. The diagram in
docs/predictions.md is printed from here.
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


def diagram() -> str:
    """The table as Mermaid draws it."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Status.RECEIVED.value}"]
    for before in Status:
        lines += [f"    {before.value} --> {after.value}" for after in Status if may_follow(before, after)]
    lines += [f"    {end.value} --> [*]" for end in Status if end in ENDS]
    return "\n".join([*lines, "```"])
