"""The table of measurements in README.md is printed from a result, never typed in."""

from __future__ import annotations

import importlib.util

import pytest

from tests.docs.repository import ROOT

spec = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "figures.py")
assert spec is not None
assert spec.loader is not None
figures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(figures)

RESULT = {
    "machine": {"cpu": "a CPU", "cores": 2},
    "figures": [
        {
            "figure": "digits, 1 client: REST",
            "value": 61.2,
            "unit": "1/s",
            "target": "",
            "met": None,
            "samples": [],
        },
        {
            "figure": "digits, 1 client: ratio",
            "value": 0.8765,
            "unit": "",
            "target": "≥ 0.9",
            "met": False,
            "samples": [],
        },
        {
            "figure": "digits, 64 clients: REST",
            "value": 1234.5,
            "unit": "1/s",
            "target": "≥ 250",
            "met": True,
            "samples": [],
        },
        {"figure": "web: memory", "value": 201.4, "unit": "MiB", "target": "", "met": None, "samples": []},
        {"figure": "memory of web", "value": 99.99, "unit": "MiB", "target": "", "met": None, "samples": []},
    ],
}


def test_a_result_becomes_a_table_that_says_what_was_missed():
    assert figures.table(RESULT).splitlines() == [
        "| | REST, 1/s | ratio |",
        "|---|---|---|",
        "| digits, 1 client | 61.2 | 0.876 (to reach ≥ 0.9: **missed**) |",
        "| digits, 64 clients | 1,234 (to reach ≥ 250: met) |  |",
        "",
        "| | measured |",
        "|---|---|",
        "| web: memory | 201 MiB |",
        "| memory of web | 100 MiB |",
        "",
        "Measured on: cpu a CPU, cores 2.",
    ]


def test_only_what_is_between_the_markers_changes():
    page = "before\n<!-- figures: shop -->\nold\n<!-- end of figures: shop -->\nafter\n"
    assert figures.placed(page, "shop", "new \\1") == page.replace("old", "new \\1")


def test_a_page_without_markers_is_left_alone():
    with pytest.raises(ValueError, match="figures: shop"):
        figures.placed("nothing here\n", "shop", "new")
