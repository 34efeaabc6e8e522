"""How a prediction may end, and what that does with the money set aside for it and to whoever is to blame.

A mode declares which of these ends it knows and reports one of them; whoever settles looks at nothing else. The
table in docs/money.md is printed from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Money = Literal["posted", "returned", "reversed"]
Blame = Literal["nobody", "witnessed", "proven"]


@dataclass(frozen=True)
class Ending:
    """`status`: of the prediction then.

    `money`: posted to those whose work the certificate shows; returned in full; or, of what had been posted
    before, reversed in full. `blame`: witnessed rests on others' word and costs a strike; proven is evidence that
    anyone can check and costs the stake as well.
    """

    name: str
    status: str
    money: Money
    blame: Blame
    when: str


CERTIFIED = Ending("certified", "certified", "posted", "nobody", "an answer with a certificate that stands")
DISPUTE_WON = Ending(
    "dispute-won",
    "certified",
    "posted",
    "proven",
    "providers differed, and the verdict says who was right: only they are paid",
)
CONTESTED = Ending(
    "contested", "contested", "returned", "nobody", "the members did not agree, and a certificate says so"
)
CONTESTED_IN_PART = Ending(
    "contested-in-part",
    "contested",
    "posted",
    "nobody",
    "there is an answer to some rows, or one that fewer gave than the buyer wanted: those rows are paid for",
)
FAILED = Ending(
    "failed", "failed", "returned", "witnessed", "no answer; who withheld one is named if it can be seen"
)
PROOF_FAILED = Ending("proof-failed", "failed", "returned", "proven", "a signed proof that does not hold")
VOID = Ending("void", "failed", "returned", "nobody", "a dispute in which nobody can be held to anything")
EXPIRED = Ending("expired", "expired", "returned", "nobody", "the deadline passed first")
CANCELLED = Ending("cancelled", "cancelled", "returned", "nobody", "the buyer withdrew it in time")
DISPUTE_LOST = Ending(
    "dispute-lost",
    "certified",
    "reversed",
    "proven",
    "what was certified turned out wrong while the money was not yet available to its earners",
)

ENDINGS: dict[str, Ending] = {
    ending.name: ending
    for ending in (
        *(CERTIFIED, DISPUTE_WON, CONTESTED, CONTESTED_IN_PART, FAILED, PROOF_FAILED, VOID, EXPIRED, CANCELLED),
        DISPUTE_LOST,
    )
}
