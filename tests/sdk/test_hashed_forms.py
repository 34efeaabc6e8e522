"""What is hashed by the thousand is put together from prepared parts: the bytes are those of the plain encoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import cbor
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.results import Result
from assay.agreement.sealing import Author, Fixed, Opened, Sealed, seal
from assay.agreement.votes import Absent, Abstained, Answered, Erred
from assay.cbor import MAX_INTEGER
from assay.digest import Tag, digest
from assay.errors import Refused
from assay.fields import MAX_TIME, plain
from assay.model import input_digest
from assay.tensor import Tensor

digests = st.binary(min_size=32, max_size=32)
votes = st.lists(st.integers(-MAX_INTEGER, MAX_INTEGER), min_size=1, max_size=9).map(tuple)
words = st.one_of(st.builds(Answered, digests, votes), st.builds(Abstained), st.builds(Erred), st.builds(Absent))
spoken = words.filter(lambda word: not isinstance(word, Absent))
sealed, opened = st.builds(Sealed, digests, digests), st.builds(Opened, spoken, digests)
indexes, numbers, times = st.integers(0, 2**31 - 1), st.integers(0, MAX_INTEGER), st.integers(0, MAX_TIME)
tensors = st.builds(
    Tensor,
    st.text(min_size=1, max_size=40),
    st.sampled_from(["FP32", "UINT8", "%b", "anything"]),
    st.lists(st.integers(0, 2**31 - 1), max_size=8).map(tuple),
    st.binary(max_size=70_000),
)
asked = st.builds(
    Asked,
    digests,
    digests,
    st.binary(min_size=16, max_size=16),
    digests,
    st.integers(1, 1000),
    st.integers(0, MAX_TIME),
    st.integers(0, 16),
)
ended = st.builds(
    Ended,
    digests,
    st.sampled_from(["certified", "contested", "failed"]),
    st.lists(words, min_size=4, max_size=16).map(tuple),
)


@given(asked)
def test_a_request(request_):
    assert request_.digest == digest(Tag.AGREEMENT_REQUEST, cbor.encode(plain(request_)))


@given(digests, digests, st.one_of(spoken, sealed, opened))
def test_a_result(request_, model, said):
    result = Result(request_, model, said)
    assert result.leaf == digest(Tag.AGREEMENT_RESULT, cbor.encode(plain(result)))


@given(st.builds(Author, digests, st.integers(0, 2**31 - 1), st.integers(0, 15)), digests, digests, opened)
def test_a_seal(author, request_, model, what):
    covered = {**author._asdict(), "request": request_, "model": model, **plain(what)}
    del covered["status"]
    assert seal(author, request_, model, what) == digest(Tag.AGREEMENT_SEAL, cbor.encode(covered))


@given(
    st.builds(
        Fixed,
        digests,
        digests,
        st.binary(min_size=16, max_size=16),
        st.integers(0, MAX_TIME),
        st.lists(st.one_of(sealed, st.just(Absent())), min_size=4, max_size=16).map(tuple),
    )
)
def test_what_is_fixed(fixed):
    assert fixed.leaf == digest(Tag.AGREEMENT_FIXED, cbor.encode(plain(fixed)))


@given(ended)
def test_an_outcome(outcome):
    assert outcome.leaf == digest(Tag.AGREEMENT_OUTCOME, cbor.encode(plain(outcome)))


@given(digests, st.lists(tensors, max_size=3).map(tuple))
def test_an_input(salt, given_):
    content = []
    for each in given_:
        fields = {"dtype": each.datatype, "shape": list(each.shape), "data": each.data}
        assert each.digest() == digest(Tag.TENSOR, cbor.encode(fields))
        content.append({"name": each.name, "digest": each.digest()})
    assert input_digest(salt, given_) == digest(Tag.INPUT, cbor.encode({"salt": salt, "tensors": content}))


@given(st.integers(-MAX_INTEGER, MAX_INTEGER), st.lists(st.integers(0, 2**40), max_size=30))
def test_a_number_and_a_list(number, several):
    assert cbor.integer(number) == cbor.encode(number)
    assert cbor.array([cbor.integer(each) for each in several]) == cbor.encode(several)


@given(
    st.dictionaries(st.text("abc%d_", min_size=1, max_size=30), st.binary(max_size=300), max_size=6), st.randoms()
)
def test_a_map_of_given_names(fields, chance):
    ordered = {name: fields[name] for name in sorted(fields, key=cbor.encode)}
    sized = {name: len(value) if chance.random() < 0.5 else None for name, value in ordered.items()}
    values = tuple(value if sized[name] is not None else cbor.encode(value) for name, value in ordered.items())
    assert cbor.template(**sized) % values == cbor.encode(fields)


def test_names_out_of_order_are_refused():
    with pytest.raises(Refused, match="out of order"):
        cbor.template(request=32, id=16)


def test_a_number_that_json_does_not_hold_is_refused():
    with pytest.raises(Refused, match="out of range"):
        cbor.integer(MAX_INTEGER + 1)


@pytest.mark.parametrize("size", [1, 7, 64, 100_001])
def test_one_number_that_is_not_finite_is_found_anywhere(size):
    for at in {0, size // 2, size - 1}:
        values = np.zeros(size, np.float32)
        values[at] = np.nan
        with pytest.raises(Refused, match="finite") as error:
            Tensor.of("x", values).checked()
        assert error.value.pointer == f"/data/{at}"


@given(st.builds(Entry, digests, indexes, numbers, digests, times, digests, indexes, digests))
def test_an_entry(entry: Entry) -> None:
    assert entry.digest == digest(Tag.AGREEMENT_ENTRY, cbor.encode(plain(entry)))


@given(
    st.builds(Ballot, digests, indexes, numbers, digests, numbers, digests),
    st.sampled_from([Tag.AGREEMENT_PREPARE, Tag.AGREEMENT_COMMIT]),
)
def test_a_ballot(ballot: Ballot, tag: Tag) -> None:
    assert ballot.digest(tag) == digest(tag, cbor.encode(plain(ballot)))
