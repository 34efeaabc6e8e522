# ruff: noqa: INP001  # a script beside its output, not a package
"""Certificates from later epochs of groups that are right, made from fixed seeds."""

from __future__ import annotations

from dataclasses import replace

from assay.agreement.votes import Absent, Abstained, Erred, Withheld
from docs.vectors.group import CERTIFIED, DIGITS, MEDIAN, OWNERS, RESISTANT, STRANGERS, Case, followed

REPLACED = followed(DIGITS, 3, owners=("asha", "bruno", "chidi", "emeka"))  # dana left, emeka came
ROTATED = followed(DIGITS, 1, rekeyed=("bruno",))
TURNED = followed(DIGITS, 6, owners=("dana", "chidi", "bruno", "asha"), changes={"grace": 500, "horizon": 60_000})
GROWN = followed(DIGITS, 3, owners=OWNERS)  # of seven
SHRUNK = followed(GROWN, 5, owners=("emeka", "asha", "farah", "goran"), approving=(0, 2, 3, 5, 6))
BACK = followed(REPLACED, 5, owners=OWNERS[:4], rekeyed=("dana",))  # dana came back, with a key of its own

TWO = Case(REPLACED, (1, 1, 2, Absent()), suffix=".png")
SEVEN = replace(TWO, group=GROWN, votes=(1, 1, 2, Absent(), 1, 0, 1), committing=(0, 1, 3, 5, 6))
THREE = replace(TWO, group=SHRUNK, votes=(1, 2, 1, 1), committing=(0, 2, 3))
OF_VALUES = Case(
    followed(MEDIAN, 2, owners=("dana", "asha", "goran", "bruno")),
    (151_250, 9_000_000_000, Absent(), 149_000),
    suffix=".csv",
)
GOOD = {
    "chain-of-two": TWO,
    "chain-of-three": THREE,
    "chain-key-rotated": replace(TWO, group=ROTATED, entry={"number": 2}),
    "chain-places-changed": replace(TWO, group=TURNED, votes=(2, Abstained(), 1, 1), committing=(0, 1, 3)),
    "chain-grown-to-seven": SEVEN,
    "chain-with-a-member-that-came-back": replace(TWO, group=BACK),
    "chain-approved-by-all": replace(TWO, group=replace(REPLACED, approving=(0, 1, 2, 3))),
    "chain-failed-unheard": replace(TWO, votes=(Absent(), Erred(), Abstained(), Absent())),
    "chain-updated-model": replace(TWO, models={3: DIGITS.model("emeka", 2)}, votes=(1, 1, 2, 1)),
    "chain-of-values": OF_VALUES,
    "chain-resistant": replace(
        TWO, group=followed(RESISTANT, 3, owners=REPLACED.owners), votes=(1, 1, 2, Withheld())
    ),
}
OF_STRANGERS = replace(
    CERTIFIED, group=followed(STRANGERS.group, 3, owners=REPLACED.owners), votes=(1, 1, 2, Absent())
)
