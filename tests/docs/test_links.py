"""Every link from one of our pages to another leads somewhere, headings included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.repository import ROOT, markdown

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|srcset|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


def links(text: str) -> list[str]:
    prose = CODE.sub("", FENCE.sub("", text))
    return [first or second for first, second in LINK.findall(prose) if not OUTSIDE.match(first or second)]


def anchors(text: str) -> set[str]:
    """The fragment of each heading, by the rule that the usual hosts of Markdown share."""
    seen: dict[str, int] = {}
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def dead(page: Path, text: str) -> list[str]:
    wrong = []
    for link in links(text):
        name, _, fragment = link.partition("#")
        target = (ROOT / page.parent / name) if name else ROOT / page
        if not target.exists() or (fragment and fragment not in anchors(target.read_text("utf-8"))):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", sorted(markdown()), ids=str)
def test_links_lead_somewhere(page):
    assert dead(page, markdown()[page]) == []


def test_a_dead_link_is_found():
    text = "# A b\n[x](nowhere.md) [y](#a-b) [z](#no) `[not](a-link)` [w](https://example.com)\n"
    text += '<img src="docs/none.svg">\n```\n[neither](this)\n```\n'
    assert dead(Path("README.md"), text) == ["nowhere.md", "#a-b", "#no", "docs/none.svg"]
