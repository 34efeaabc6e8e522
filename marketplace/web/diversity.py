"""How often each pair of a group's members errs together, as pages show it: a triangle of cells, and words.

Nothing is counted here; that is `marketplace.groups.statistics`. Colour never says anything alone: each cell has
its figure, and the same in words for who does not see it.
"""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.groups.statistics import LEAST_JOINT, LEAST_ROWS, PairCounts, Window

TOO_FEW = "too few to tell"
LEVELS = (  # from which ratio on, its words and its mark
    (3.0, "far more often than if they were independent", "far"),
    (1.5, "more often than if they were independent", "more"),
    (0.67, "about as often as if they were independent", "as"),
    (0.0, "less often than if they were independent", "less"),
)
CAUTION = (
    f"fewer than {LEAST_ROWS} rows on which both voted, or than {LEAST_JOINT} on which both dissent,"
    " or would by chance"
)


@dataclass(frozen=True)
class Cell:
    """Two members in the triangle: `figure` is short, `words` are what a screen reader says."""

    pair: PairCounts
    figure: str
    words: str
    level: str


@dataclass(frozen=True)
class Row:
    """A member's line: `cells` are with those before it."""

    number: int
    owner: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Diversity:
    """A window of statistics, ready to be shown."""

    window: Window
    title: str
    rows: tuple[Row, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for row in self.rows for cell in row.cells)


def diversity(window: Window) -> Diversity:
    cells = {(each.first, each.second): _cell(each) for each in window.pairs}
    owners = [each.owner for each in window.members]
    rows = tuple(
        Row(i + 1, owner, tuple(cells[before, owner] for before in owners[:i])) for i, owner in enumerate(owners)
    )
    return Diversity(window, "All time" if window.days is None else f"Last {window.days} days", rows)


def _cell(pair: PairCounts) -> Cell:
    counts = f"{pair.both} of {pair.rows} rows"
    if pair.ratio is None:
        return Cell(pair, "–", f"{TOO_FEW} ({counts})", "few")
    words, level = next((words, level) for least, words, level in LEVELS if pair.ratio >= least)
    figure = f"{pair.ratio:.1f}×" if pair.ratio < 10 else f"{pair.ratio:.0f}×"
    return Cell(pair, figure, f"{figure}, {words} ({counts})", level)
