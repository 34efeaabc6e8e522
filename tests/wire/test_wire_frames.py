"""Frames survive any way of chopping; lengths that lie are refused before anything is kept for them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused, TooLarge
from wire.frames import Parser, framed

payloads = st.lists(st.binary(min_size=1, max_size=300), max_size=8)


def fed(parser: Parser, data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [p for start, end in pairwise(edges) for p in parser.feed(data[start:end])]


@given(payloads, st.lists(st.integers(0, 3000), max_size=20))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(sent, cuts):
    parser = Parser(300)
    assert fed(parser, b"".join(map(framed, sent)), cuts) == sent
    assert not parser.partial


@given(st.binary(max_size=600), st.lists(st.integers(0, 600), max_size=10))
def test_any_bytes_give_frames_within_the_limit_or_a_refusal(data, cuts):
    parser = Parser(64)
    try:
        got = fed(parser, data, cuts)
    except Refused:
        return
    assert all(1 <= len(p) <= 64 for p in got)
    assert b"".join(map(framed, got)) == data[: sum(4 + len(p) for p in got)]


def test_a_frame_above_the_limit_is_refused_at_its_header():
    with pytest.raises(TooLarge) as refused:
        Parser(100).feed((101).to_bytes(4, "big"))
    assert (refused.value.expected, refused.value.got) == ("at most 100 bytes", "101 bytes")
    assert Parser(101).feed((101).to_bytes(4, "big")) == []


def test_an_empty_frame_is_refused():
    with pytest.raises(Refused, match="empty"):
        Parser(100).feed(bytes(4))


def test_the_limit_may_be_raised_between_two_frames():
    parser = Parser(4)
    assert parser.feed(framed(b"abcd")) == [b"abcd"]
    parser.limit = 8
    assert parser.feed(framed(b"abcdefgh")) == [b"abcdefgh"]


def test_a_frame_that_has_begun_is_known_to_be_partial():
    parser = Parser(8)
    assert not parser.partial
    parser.feed(b"\0")
    assert parser.partial
    parser.feed(b"\0\0\1x")
    assert not parser.partial
