# ruff: noqa: INP001, T201  # a script beside the pages it writes into, not a package
"""Prints the tables of ends into docs/money.md, between its two markers: `python docs/ends.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "sdk")]

from verification.ends import tables  # noqa: E402
from verification.registry import MODES  # noqa: E402

BEGIN, END = "<!-- ends -->\n", "\n<!-- /ends -->"


def main() -> None:
    path = ROOT / "docs" / "money.md"
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{path} lacks its markers")
    path.write_text(
        before + begin + tables({name: mode.ends for name, mode in MODES.items()}) + end + after, "utf-8"
    )
    print(f"{path}: {len(MODES)} modes")


if __name__ == "__main__":
    main()
