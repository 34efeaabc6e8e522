"""How a prediction may end, and what that does with the money set aside for it and to whoever is to blame.

A mode declares which of these ends it knows and reports one of them; whoever settles looks at nothing else. The
tables in docs/money.md are printed from here, by docs/ends.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

MONEY: dict[Money, str] = {
    "posted": "charged for the work that the certificate shows; the rest goes back",
    "returned": "all of it goes back",
    "reversed": "what had been charged is taken back from whom it was paid to",
}
BLAME: dict[Blame, str] = {
    "nobody": "nobody",
    "witnessed": "whom others saw withhold: a strike",
    "proven": "whom evidence convicts: a strike and the stake",
}


def tables(declared: Mapping[str, Iterable[Ending]]) -> str:
    """What each end does, and which ends each mode declares, as Markdown. `declared`: by mode's name."""
    ends = {name: {each.name for each in of_mode} for name, of_mode in declared.items()}
    lines = ["| end | prediction | when | what was set aside | to blame |", "|---|---|---|---|---|"]
    lines += [
        f"| `{each.name}` | {each.status} | {each.when} | {MONEY[each.money]} | {BLAME[each.blame]} |"
        for each in ENDINGS.values()
    ]
    lines += [
        "",
        "| mode | " + " | ".join(f"`{name}`" for name in ENDINGS) + " |",
        "|---" * (1 + len(ENDINGS)) + "|",
    ]
    for mode, names in ends.items():
        marks = ["yes" if name in names else "" for name in ENDINGS]
        lines.append(f"| `{mode}` | " + " | ".join(marks) + " |")
    return "\n".join(lines)
