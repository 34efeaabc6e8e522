"""Canonical JSON: lossless for every declared type, one text per value, never a crash."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import jsonform
from assay.certificate import DirectCertificate, parse
from assay.errors import Refused, TooLarge

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


class Left(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="left"):
    data: bytes
    items: tuple[bytes, ...] = ()


class Right(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="right"):
    table: dict[str, bytes]
    number: int
    flag: bool
    nothing: bytes | None


class Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    parts: tuple[Left | Right, ...]


lefts = st.builds(Left, st.binary(max_size=20), st.lists(st.binary(max_size=4), max_size=4).map(tuple))
rights = st.builds(
    Right,
    st.dictionaries(st.text("abc", max_size=3), st.binary(max_size=4), max_size=4),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.booleans(),
    st.none(),
)
wholes = st.builds(Whole, texts, st.lists(lefts | rights, max_size=4).map(tuple))


@given(wholes, st.booleans())
def test_a_value_survives(value, indent):
    assert jsonform.from_json(jsonform.to_json(value, indent=indent), Whole) == value


@given(wholes, st.data())
def test_a_text_with_one_character_changed_is_refused_or_another_value(value, data):
    text = jsonform.to_json(value)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters(exclude_categories=["Cs"])) + text[at + 1 :]
    try:
        other = jsonform.from_json(changed, Whole)
    except Refused:
        return
    assert other != value or jsonform.to_json(other) == text


@given(wholes, st.data())
def test_a_text_cut_anywhere_is_refused(value, data):
    text = jsonform.to_json(value)
    with pytest.raises(Refused):
        jsonform.from_json(text[: data.draw(st.integers(0, len(text) - 1))], Whole)


@given(st.text("ABZaz019-_+/= ", max_size=12) | texts)
def test_base64url_has_one_form(text):
    try:
        data = jsonform.from_base64url(text)
    except Refused:
        return
    assert jsonform.base64url(data) == text


@given(st.binary(max_size=40))
def test_bytes_survive_base64url(data):
    assert jsonform.from_base64url(jsonform.base64url(data)) == data


@pytest.mark.parametrize("text", ["AB", "AAB", "A", "A===", "AA==", "+/+/", "AA A", "Ä"])
def test_other_base64url_is_refused(text):
    with pytest.raises(Refused):
        jsonform.from_base64url(text)


def test_white_space_outside_strings_is_all_that_may_differ(sample):
    right = sample.certificate.to_json(indent=False)
    spaced = right.replace(',"', ' ,\r\n\t"').replace(":[", " : [ ")
    assert parse(b"  " + spaced.encode()) == sample.certificate
    with pytest.raises(Refused):
        parse(right.replace("direct", "dir\tect", 1).encode())


def test_json_and_cbor_of_a_certificate_mean_the_same(sample):
    assert (
        parse(sample.certificate.to_json().encode()) == parse(sample.certificate.to_cbor()) == sample.certificate
    )


@given(data=st.data())
def test_a_certificate_with_a_flipped_bit_is_refused_or_another(sample, data):
    for document in (sample.certificate.to_cbor(), sample.certificate.to_json(indent=False).encode()):
        changed = bytearray(document)
        changed[data.draw(st.integers(0, len(document) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        try:
            other = parse(bytes(changed))
        except Refused:
            continue
        assert other != sample.certificate


@pytest.mark.parametrize("form", ["cbor", "json"])
def test_a_certificate_cut_anywhere_is_refused(sample, form):
    whole = sample.certificate.to_cbor() if form == "cbor" else sample.certificate.to_json(indent=False).encode()
    for cut in range(len(whole)):
        with pytest.raises(Refused):
            parse(whole[:cut])


@given(st.binary(max_size=200) | texts.map(str.encode))
def test_anything_else_is_refused(document):
    with pytest.raises(Refused):
        parse(document)


def test_a_large_text_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(jsonform, "MAX_BYTES", 3)
    with pytest.raises(TooLarge):
        jsonform.from_json("{   }", DirectCertificate)


def test_a_bomb_of_empty_lists_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(jsonform.json, "loads", None)
    with pytest.raises(TooLarge):
        parse(b'{"a":[' + b"[]," * jsonform.MAX_MARKS + b"[]]}")


def test_what_is_not_canonical_is_pointed_at_however_long_it_is(sample):
    text = sample.certificate.to_json(indent=False)
    with pytest.raises(Refused) as refusal:
        parse(text.replace('"mode"', '"\\u006dode"').encode())
    assert refusal.value.pointer.startswith(f"character {text.index('mode')} ")


def test_a_refusal_points_into_the_document(sample):
    changed = json.loads(sample.certificate.to_json())
    changed["statement"]["models"][0]["interface"]["inputs"][0]["shape"][1] = -2
    with pytest.raises(Refused) as refusal:
        parse(json.dumps(changed, ensure_ascii=False).encode())
    assert refusal.value.pointer == "/statement/models/0/interface/inputs/0/shape/1"
