"""Model cards: Markdown to HTML, with no way to raw HTML, scripts, pictures or strange link schemes."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image"])
_HEADINGS = ("heading_open", "heading_close")


def rendered(text: str) -> SafeString:
    """`text` as HTML that may stand in a page; a card's headings come below the page's own."""
    tokens = _PARSER.parse(text)
    for token in tokens:
        token.attrs.pop("style", None)  # a column's alignment; the policy refuses inline styles
        if token.type in _HEADINGS:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    # safe: raw HTML is off, so whatever was written is escaped (tests/web/test_cards_and_answers.py)
    return SafeString(_PARSER.renderer.render(tokens, _PARSER.options, {}))  # nosec B703


def _link_open(renderer: RendererHTML, tokens: list[Token], i: int, options: Any, env: Any) -> str:
    tokens[i].attrSet("rel", "nofollow noopener noreferrer ugc")
    return renderer.renderToken(tokens, i, options, env)


_PARSER.add_render_rule("link_open", _link_open)
