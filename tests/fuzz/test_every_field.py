"""Every field of every message, of evidence and of epochs: held to its type, its bounds and its size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import msgspec.inspect as types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import cbor, jsonform
from assay.agreement.blame.evidence import AnyEvidence
from assay.agreement.blame.transcript import Transcript
from assay.agreement.group import Epoch
from assay.errors import AssayError, Refused
from consensus.messages import Spoken, Successor, decode, encode
from tests.fuzz.shapes import Place, least, places, spoiled, values
from wire.messages import Answer, Opening, Request

Read = Callable[[Any], Any]  # a plain value, as whoever gets it from outside would read it

_pack = msgspec.msgpack.Encoder().encode


def _of(kind: Any) -> Read:
    return lambda value: msgspec.msgpack.decode(_pack(value), type=kind)


READERS: dict[str, tuple[Any, Read]] = {
    "group": (Spoken, lambda value: decode(_pack(value))),
    "request": (Request, _of(Request)),
    "answer": (Answer, _of(Answer)),
    "opening": (Opening, _of(Opening)),
    "evidence": (AnyEvidence, lambda value: jsonform.convert(value, AnyEvidence)),
    "transcript": (Transcript, lambda value: jsonform.convert(value, Transcript)),
    "epoch": (Epoch, lambda value: jsonform.convert(value, Epoch)),
    "successor": (Successor, lambda value: jsonform.convert(value, Successor)),
}
few = settings(max_examples=10)  # of each kind; `make fuzz` goes on for as long as one likes
REFUSALS = (msgspec.DecodeError, AssayError)


def _places(name: str) -> list[Place]:
    return list(places(types.type_info(READERS[name][0])))


EVERY = [pytest.param(name, place, id=f"{name}: {place}") for name in READERS for place in _places(name)]


@pytest.mark.parametrize(("name", "place"), EVERY)
def test_a_field_that_is_not_what_it_should_be_is_refused(name: str, place: Place):
    kind, read = READERS[name]
    whole = types.type_info(kind)
    read(least(whole, place.path))
    read_all_the_same = [wrong for wrong, value in spoiled(whole, place) if not _refused(read, value)]
    assert read_all_the_same == []
    assert len(list(spoiled(whole, place))) > 5


def _refused(read: Read, value: Any) -> bool:
    """Any other exception is one that nobody expects."""
    try:
        read(value)
    except REFUSALS:
        return True
    return False


def test_no_structure_is_left_out():
    """Else a message that is added would not be looked at."""
    structures = {place.owner.cls for name in ("group", "request") for place in _places(name)}
    tags = {each.__name__ for each in structures}
    assert {"Requests", "ViewChange", "NewView", "Body", "Jump", "Succeeded", "Submit", "Form"} <= tags
    assert len(EVERY) > 400


@pytest.mark.parametrize("kind", Spoken.__args__, ids=lambda each: each.__name__)
@few
@given(st.data())
def test_what_members_say_survives_the_trip_or_is_refused(kind, data):
    value = data.draw(values(types.type_info(kind)))
    with suppress(msgspec.DecodeError):  # what two fields say together may be wrong
        message = decode(_pack(value))
        assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "kind", [*Request.__args__, *Answer.__args__, *Opening.__args__], ids=lambda e: e.__name__
)
@few
@given(st.data())
def test_what_nodes_and_workers_say_survives_the_trip(kind, data):
    value = data.draw(values(types.type_info(kind)))
    read = _of(Request | Answer | Opening)
    assert msgspec.msgpack.decode(_pack(read(value)), type=kind) == read(value)


@pytest.mark.parametrize("kind", [*AnyEvidence.__args__, Transcript], ids=lambda each: each.__name__)
@few
@given(st.data())
def test_evidence_of_any_shape_is_written_in_one_way(kind, data):
    value = data.draw(values(types.type_info(kind)))
    with suppress(Refused):
        read = jsonform.convert(value, kind)
        assert jsonform.convert(cbor.decode(read.to_cbor()), kind) == read
