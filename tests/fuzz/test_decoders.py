"""Decoders are handed what was made for them and then damaged, and what was made to overwhelm them."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.docs.repository import ROOT
from tests.fuzz.decoders import DECODERS

MANY = 50_000


@cache
def seeds(name: str) -> list[bytes]:
    return sorted(set(DECODERS[name].seeds()), key=len)[:40]


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A seed with pieces of it, or of another, put elsewhere, cut out or exchanged for anything."""
    document = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(document)))
        end = draw(st.integers(start, min(len(document), start + 40)))
        other = draw(st.sampled_from(seeds(name)))
        at = draw(st.integers(0, len(other)))
        piece = draw(st.binary(max_size=8) | st.just(other[at : at + draw(st.integers(0, 40))]))
        document = document[:start] + piece + document[end:]
    return document


@pytest.mark.parametrize("name", DECODERS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_what_is_damaged_is_refused_or_read_as_what_it_says(name, data):
    DECODERS[name](data.draw(damaged(name)))


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=40)
@given(document=st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(name, document):
    DECODERS[name](document)


OVERWHELMING = {
    "lists in lists": b"\x81" * MANY,
    "lists in lists, msgpack": b"\x91" * MANY,
    "lists in lists, JSON": b"[" * MANY,
    "maps in maps, JSON": b'{"a":' * MANY,
    "empty lists": b"\x9a" + MANY.to_bytes(4, "big") + b"\x80" * MANY,
    "empty maps, msgpack": b"\xdd" + MANY.to_bytes(4, "big") + b"\x80" * MANY,
    "empty lists, JSON": b"[" + b"[]," * MANY + b"[]]",
    "a length of 4 GiB": b"\x9b\x00\x00\x00\x00\xff\xff\xff\xff",
    "a length of 4 GiB, msgpack": b"\xdd\xff\xff\xff\xff" + b"\x80" * 99,
    "bytes of 4 GiB": b"\x5b\x00\x00\x00\x00\xff\xff\xff\xff",
    "bytes of 4 GiB, msgpack": b"\xc6\xff\xff\xff\xff",
    "a number of many digits": b"1" * MANY,
    "a text of one letter": b'"' + b"x" * MANY + b'"',
}
PER_BYTE, AND = 150, 2 * 1024 * 1024  # an empty list is a byte there and a hundred here


@pytest.mark.parametrize("what", OVERWHELMING)
@pytest.mark.parametrize("name", [name for name, decoder in DECODERS.items() if not decoder.own])
def test_memory_grows_with_the_bytes_that_came_and_not_with_what_they_claim(name, what):
    document = OVERWHELMING[what]
    tracemalloc.start()
    try:
        DECODERS[name](document)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < AND + PER_BYTE * len(document)


@pytest.mark.parametrize("name", DECODERS)
def test_what_it_is_made_for_is_read(name):
    """Else a decoder that refused everything would pass."""
    read = 0
    for document in seeds(name):
        try:
            DECODERS[name].read(document)
        except Exception:  # noqa: BLE001 - some seeds are of another kind
            continue
        read += 1
    assert 2 * read >= len(seeds(name))


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, "-m", "tests.fuzz.campaign", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(script, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)


def test_a_campaign_finds_a_decoder_that_breaks(tmp_path):
    """The same command with a decoder that fails on a byte in the middle of nowhere."""
    ran = fuzz("--only", "broken", "--seconds", "20", "--found", str(tmp_path))
    assert ran.returncode == 1, ran.stderr
    [found] = tmp_path.iterdir()
    assert found.read_bytes()[:3] == b"\x83ab"
    assert str(found) in ran.stdout


def test_a_campaign_says_how_much_it_has_tried(tmp_path):
    ran = fuzz("--only", "frames", "--seconds", "1", "--found", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "frames" in ran.stdout
    assert int(ran.stdout.split()[1].replace(",", "")) > 100
    assert list(tmp_path.iterdir()) == []
