"""Text that people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from marketplace import text


@pytest.mark.parametrize("value", ["a\0b", "a\x1bb", "\ud800", "a\u202eb", "\ufeffa", "\u2066a", "\x7f"])
def test_what_hides_or_breaks_is_refused(value):
    for read in (lambda: text.line(value, "/title", 40), lambda: text.block(value, "/title", 40)):
        with pytest.raises(Refused) as caught:
            read()
        assert caught.value.pointer == "/title"


@pytest.mark.parametrize("value", ["Ünïcödé", "手書き数字", "क्‍ष", "a\tb", "مرحبا", "1 < 2 & 3"])
def test_ordinary_text_of_any_script_is_taken(value):
    assert text.block(value, "/card", 40) == value


def test_line_ends_are_made_one_kind():
    assert text.block("a\r\nb\rc\n", "/card", 40) == "a\nb\nc"


@given(st.text(max_size=30))
def test_what_was_taken_is_taken_again_unchanged(value):
    try:
        once = text.line(value, "/title", 40)
    except Refused:
        return
    assert text.line(once, "/title", 40) == once
    assert once == " ".join(once.split())


def test_lengths_are_held_to():
    with pytest.raises(Refused):
        text.line("x" * 41, "/title", 40)
    with pytest.raises(Refused):
        text.line("   ", "/title", 40, least=1)
