"""Deterministic CBOR: a bijection between values and bytes, agreed with a second implementation, never a crash."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import cbor
from assay.errors import Refused, TooLarge

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-cbor.MAX_INTEGER, cbor.MAX_INTEGER)
    | st.integers(-300, 300)
    | st.binary(max_size=300)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=30)
        | st.dictionaries(texts, inner, max_size=8)
        | st.dictionaries(st.integers(0, 2**40), inner, max_size=8)
    ),
    max_leaves=20,
)


@given(values)
def test_a_value_survives(value):
    assert cbor.decode(cbor.encode(value)) == value


@given(st.lists(values, max_size=5))
def test_documents_one_after_the_other_are_told_apart(several):
    documents = [cbor.encode(each) for each in several]
    assert list(cbor.sequence(b"".join(documents))) == documents


@given(st.lists(values, max_size=3), st.sampled_from([b"\xff", b"\x18\x00", b"\x42\x00", b"\x81"]))
def test_what_follows_documents_and_is_none_is_refused_where_it_stands(several, rest):
    documents = b"".join(map(cbor.encode, several))
    with pytest.raises(Refused) as refused:
        list(cbor.sequence(documents + rest))
    assert int(refused.value.pointer.removeprefix("byte ")) >= len(documents)


def test_each_of_several_documents_may_have_as_many_items_as_one(monkeypatch):
    monkeypatch.setattr(cbor, "MAX_ITEMS", 5)
    document = cbor.encode([0] * 5)
    assert list(cbor.sequence(document * 3)) == [document] * 3
    with pytest.raises(TooLarge):
        list(cbor.sequence(document + cbor.encode([0] * 6)))


@given(values)
def test_the_encoding_is_the_canonical_one_of_a_second_implementation(value):
    # cbor2 orders keys by length first (RFC 7049), we bytewise (RFC 8949): the same where all keys are of one type
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)
    assert cbor2.loads(cbor.encode(value)) == value


@given(st.binary(max_size=64))
def test_bytes_are_refused_or_the_one_encoding_of_a_value(document):
    try:
        value = cbor.decode(document)
    except Refused:
        return
    assert cbor.encode(value) == document


@given(values, st.data())
def test_a_document_cut_anywhere_is_refused(value, data):
    document = cbor.encode(value)
    cut = data.draw(st.integers(0, len(document) - 1))
    with pytest.raises(Refused):
        cbor.decode(document[:cut])


@given(values, st.data())
def test_a_document_with_a_flipped_bit_is_refused_or_another_value(value, data):
    document = bytearray(cbor.encode(value))
    document[data.draw(st.integers(0, len(document) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        other = cbor.decode(bytes(document))
    except Refused:
        return
    assert cbor.encode(other) != cbor.encode(value)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ("", "byte 0"),
        ("1800", "byte 2"),  # 0 in two bytes
        ("190017", "byte 3"),
        ("1a00000017", "byte 5"),
        ("1b0000000000000017", "byte 9"),
        ("1b0020000000000000", "byte 9"),  # 2^53
        ("3b001fffffffffffff", "byte 9"),  # −2^53
        ("5801", "byte 2"),
        ("5f4100ff", "byte 1"),  # indefinite lengths
        ("7f6100ff", "byte 1"),
        ("9f00ff", "byte 1"),
        ("bf00ff", "byte 1"),
        ("1c", "byte 1"),  # reserved
        ("ff", "byte 1"),
        ("f97e00", "byte 1"),  # NaN
        ("fb3ff0000000000000", "byte 1"),
        ("f7", "byte 1"),  # undefined
        ("f0", "byte 1"),
        ("f8ff", "byte 1"),
        ("c100", "byte 1"),
        ("61ff", "byte 2"),
        ("63eda080", "byte 4"),  # a surrogate
        ("a2010001", "byte 4"),  # a key twice
        ("a202000100", "byte 4"),  # keys out of order
        ("a26162006161", "byte 6"),
        ("a200006161", "byte 5"),  # keys of two kinds
        ("a1200000", "byte 2"),  # a negative key
        ("a200002000", "byte 4"),  # … after one that is not
        ("a1f400", "byte 2"),
        ("a200000100a0", "byte 5"),
        ("a2616100f400", "byte 5"),
        ("a1410000", "byte 3"),
        ("a18000", "byte 2"),
        ("0000", "byte 1"),
        ("82", "byte 1"),
        ("9b7fffffffffffffff", "byte 9"),
        ("bb7fffffffffffffff", "byte 9"),
        ("5b7fffffffffffffff", "byte 9"),
    ],
)
def test_another_form_is_refused_naming_the_byte(document, where):
    with pytest.raises(Refused) as refusal:
        cbor.decode(bytes.fromhex(document))
    assert refusal.value.pointer == where


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1", b"\xa1\x00"])
def test_nesting_is_bounded_in_arrays_maps_and_keys(opening):
    with pytest.raises(TooLarge):
        cbor.decode(opening * 100_000)


def test_a_bomb_of_empty_lists_is_refused_at_the_first_that_is_too_many():
    most = [[0] * (cbor.MAX_ITEMS // 2 - 1), [0] * (cbor.MAX_ITEMS // 2 - 1)]  # and the two lists
    assert cbor.decode(cbor.encode(most)) == most
    half = b"\x9a" + (cbor.MAX_ITEMS // 2).to_bytes(4, "big") + b"\x80" * (cbor.MAX_ITEMS // 2)
    with pytest.raises(TooLarge) as refusal:
        cbor.decode(b"\x82" + half + half)
    assert refusal.value.pointer == f"byte {1 + len(half) + 5}"


def test_the_deepest_value_that_is_written_is_read_and_no_deeper_one_is_written():
    value: object = 0
    for _ in range(cbor.MAX_DEPTH - 1):
        value = [value]
    assert cbor.decode(cbor.encode(value)) == value
    with pytest.raises(TooLarge):
        cbor.encode([value])


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), 1.0, {1: 0, "a": 0}, {-1: 0}, {True: 0}, {b"a": 0}, "\ud800", {"a": object()}, {1, 2}, 1j],
)
def test_a_value_outside_the_profile_is_not_written(value):
    with pytest.raises(Refused):
        cbor.encode(value)


def test_a_large_document_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(cbor, "MAX_BYTES", 3)
    with pytest.raises(TooLarge):
        cbor.decode(cbor.encode(b"abc"))
