"""Every pair of colours that is used together meets WCAG AA, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

THEME = (Path(__file__).parents[2] / "static" / "css" / "theme.css").read_text("utf-8")
SURFACES = ("paper", "sheet", "sunk")
TEXT = 4.5  # WCAG 2.2, 1.4.3
MARKS = 3.0  # 1.4.11: marks and borders that mean something

PAIRS = [
    *((ink, surface, TEXT) for ink in ("ink", "graphite") for surface in SURFACES),
    *((ink, surface, TEXT) for ink in ("brass", "amber", "red") for surface in ("paper", "sheet")),
    *((mark, surface, MARKS) for mark in ("brass-mark", "rule-strong") for surface in ("paper", "sheet")),
    *(("ink", f"{tone}-wash", TEXT) for tone in ("brass", "amber", "red")),
    ("sheet", "ink", TEXT),  # a button
    ("sheet", "graphite", TEXT),  # the same, pointed at
    ("sheet", "red", TEXT),
]


def colours(theme: str) -> dict[str, tuple[int, int, int]]:
    block = re.search(rf'\[data-bs-theme="{theme}"\] \{{(.*?)\}}', THEME, re.DOTALL)
    assert block
    found = re.findall(r"--([a-z-]+): #([0-9a-f]{6});", block[1])
    return {name: tuple(bytes.fromhex(value)) for name, value in found}  # type: ignore[misc]


def luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_told_apart(theme):
    known = colours(theme)
    weak = {f"{a} on {b}": round(contrast(known[a], known[b]), 2) for a, b, _ in PAIRS}
    assert {
        pair: ratio for (pair, ratio), (_, _, least) in zip(weak.items(), PAIRS, strict=True) if ratio < least
    } == {}


def test_both_themes_define_the_same_colours():
    assert colours("light").keys() == colours("dark").keys()


def test_the_measure_is_the_standard_one():
    assert round(contrast((0, 0, 0), (255, 255, 255)), 2) == 21
    assert round(contrast((0x77, 0x77, 0x77), (255, 255, 255)), 2) == 4.48
