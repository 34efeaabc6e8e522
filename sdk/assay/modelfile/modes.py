"""What a report means for each verification mode: is the file fit for it, or what stands in the way."""

from __future__ import annotations

from typing import NamedTuple

from assay.modelfile.report import REFEREED, Facts, Finding


class Mode(NamedTuple):
    """A way to verify answers. `today`: buyers can ask for it now; else it is being built."""

    name: str
    title: str
    means: str
    today: bool


MODES = (
    Mode("direct", "Signed by its provider", "The provider signs its answer and can be held to it.", today=True),
    Mode(
        "agreement",
        "Agreed by a group",
        "Models of several owners that take the same inputs answer together.",
        today=True,
    ),
    Mode(
        REFEREED,
        "Settled by a referee",
        "Where providers differ, one operator is computed again and tells who is right; so it takes operators "
        "that give the same bits on every machine.",
        today=False,
    ),
)


class Verdict(NamedTuple):
    """`obstacles`: errors, which stand in the way of every mode, and what stands in the way of this one.

    Where there are none and it is not `possible` either, nobody has looked.
    """

    mode: Mode
    possible: bool
    obstacles: tuple[Finding, ...]


def verdicts(facts: Facts) -> tuple[Verdict, ...]:
    return tuple(_verdict(mode, facts) for mode in MODES)


def general(facts: Facts) -> tuple[Finding, ...]:
    """Findings about no mode in particular; every one, where an error stands in the way of all modes."""
    if facts.refused:
        return facts.findings
    names = {each.name for each in MODES}
    return tuple(each for each in facts.findings if not names.intersection(each.modes_ruled_out))


def _verdict(mode: Mode, facts: Facts) -> Verdict:
    obstacles = tuple(
        each for each in facts.findings if each.level == "error" or mode.name in each.modes_ruled_out
    )
    unknown = mode.name == REFEREED and facts.reproducible is None
    return Verdict(mode, not obstacles and not unknown, obstacles)
