# ruff: noqa: INP001, T201  # a script beside the pages it writes into, not a package
"""Puts what a benchmark last measured into README.md, between its two markers.

    python docs/figures.py shop        reads var/bench/shop.json

Figures are never typed in: this is the only way they get there.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def table(result: dict[str, Any]) -> str:
    """The figures of one part as Markdown, with the machine they were measured on.

    Figures named `a: x`, `a: y`, `b: x` … become one table of a, b … by x, y …, and those that share none of these
    another; what fills one row only, and figures of other names, are listed below.
    """
    tables = related([figure for figure in result["figures"] if ": " in figure["figure"]])
    crossed = [figure for kin in tables if rows(kin) > 1 for figure in kin]
    single = [figure for figure in result["figures"] if figure not in crossed]
    lines = [line for kin in tables if rows(kin) > 1 for line in ["", *cross(kin)]]
    if single:
        lines += ["", "| | measured |", "|---|---|"]
        lines += [f"| {figure['figure']} | {cell(figure, unit=True)} |" for figure in single]
    return "\n".join([*lines, "", f"Measured on: {machine(result['machine'])}."]).lstrip("\n")


def related(figures: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Figures in groups: what has a row or a column in common belongs together."""
    groups: list[tuple[set[tuple[int, str]], list[dict[str, Any]]]] = []
    for figure in figures:
        names = set(enumerate(figure["figure"].split(": ", 1)))
        kin = [group for group in groups if group[0] & names]
        names.update(*(group[0] for group in kin))
        groups = [group for group in groups if group not in kin]
        groups.append((names, [each for group in kin for each in group[1]] + [figure]))
    return [group for _, group in groups]


def rows(figures: list[dict[str, Any]]) -> int:
    return len({figure["figure"].split(": ", 1)[0] for figure in figures})


def cross(figures: list[dict[str, Any]]) -> list[str]:
    """Rows and columns in the order in which they were measured; a unit that a column shares stands above it."""
    cells = {tuple(figure["figure"].split(": ", 1)): figure for figure in figures}
    lines_of, columns = (list(dict.fromkeys(at[place] for at in cells)) for place in (0, 1))
    units = {name: {cells[at]["unit"] for at in cells if at[1] == name} for name in columns}
    heads = [", ".join(filter(None, [name, *units[name]])) if len(units[name]) == 1 else name for name in columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (1 + len(columns)) + "|"]
    for row in lines_of:
        values = [
            cell(cells[row, name], unit=len(units[name]) > 1) if (row, name) in cells else "" for name in columns
        ]
        lines.append(f"| {row} | " + " | ".join(values) + " |")
    return lines


def cell(figure: dict[str, Any], *, unit: bool = False) -> str:
    """The value; with what was to be reached, if anything was, and whether it was."""
    value = " ".join(filter(None, [number(figure["value"]), (figure.get("unit") or "") if unit else ""]))
    if not figure.get("target"):
        return value
    return f"{value} (to reach {figure['target']}: {'met' if figure['met'] else '**missed**'})"


def number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine(described: dict[str, Any] | str) -> str:
    if isinstance(described, str):
        return described
    return ", ".join(f"{key} {value}" for key, value in described.items())


def placed(page: str, part: str, content: str) -> str:
    """`page` with `content` between the markers of `part`. Raises ValueError where they are missing."""
    start, end = f"<!-- figures: {part} -->", f"<!-- end of figures: {part} -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"expected once: {start} … {end}")
    return pattern.sub(lambda _: f"{start}\n{content}\n{end}", page)


def main() -> None:
    part = sys.argv[1] if len(sys.argv) == 2 else sys.exit("usage: python docs/figures.py PART")
    source, page = ROOT / "var" / "bench" / f"{part}.json", ROOT / "README.md"
    if not source.exists():
        sys.exit(f"{source} is missing: run `make bench-{part}` first")
    result = json.loads(source.read_text("utf-8"))
    page.write_text(placed(page.read_text("utf-8"), part, table(result)), "utf-8")
    print(f"README.md: {len(result['figures'])} figures")


if __name__ == "__main__":
    main()
