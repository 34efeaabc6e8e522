"""Messages are decoded into what they say or refused; any value that can be made survives the trip."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.tensor import Tensor
from wire.failures import printable, to_error, to_failure
from wire.messages import Answer, Failure, Request, Submit

tensors = st.builds(
    Tensor,
    name=st.text(min_size=1, max_size=20),
    datatype=st.sampled_from(["FP32", "UINT8", "INT64"]),
    shape=st.lists(st.integers(0, 2**31 - 1), max_size=8).map(tuple),
    data=st.binary(max_size=64),
)
submits = st.builds(
    Submit,
    id=st.integers(0, 2**53 - 1),
    request=st.binary(min_size=16, max_size=16),
    target=st.from_regex(r"(model|group):[a-z0-9][a-z0-9/@._-]{0,199}", fullmatch=True),
    commitment=st.binary(min_size=32, max_size=32),
    inputs=st.lists(tensors, min_size=1, max_size=3).map(tuple),
    salt=st.binary(min_size=32, max_size=32),
    deadline=st.integers(0, 2**48 - 1),
)
failures = st.builds(
    Failure,
    id=st.integers(0, 2**53 - 1),
    code=st.text(min_size=1, max_size=20),
    detail=st.text(max_size=100),
    pointer=st.text(max_size=100),
    retry=st.booleans(),
)


@given(submits)
def test_a_submit_survives_the_trip(submit):
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(submit), type=Request) == submit


@given(failures)
def test_a_failure_becomes_an_error_and_back(failure):
    error = to_error(failure)
    again = to_failure(failure.id, error)
    assert (again.code, again.detail) == (printable(failure.code), printable(failure.detail))
    assert all(each.isprintable() for each in (again.code, again.detail, again.pointer))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(again), type=Answer) == again


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(data):
    with suppress(msgspec.DecodeError):
        msgspec.msgpack.decode(data, type=Request)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request", bytes(15)),
        ("target", "alice/digits"),
        ("target", "model:" + "a" * 300),
        ("target", "model:Alice"),
        ("commitment", bytes(31)),
        ("inputs", []),
        ("inputs", [{"name": "x", "datatype": "FP32", "shape": [1], "data": b""}] * 17),
        ("salt", bytes(33)),
        ("deadline", -1),
        ("deadline", 2**48),
        ("id", 2**53),
        ("surprise", 1),
    ],
)
def test_a_submit_with_one_field_out_of_range_is_refused(field, value):
    plain = {
        "type": "submit",
        "id": 1,
        "request": bytes(16),
        "target": "model:alice/digits@1",
        "commitment": bytes(32),
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": bytes(4)}],
        "salt": bytes(32),
        "deadline": 1,
    }
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plain), type=Request)
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(plain | {field: value}), type=Request)


@pytest.mark.parametrize("text", ["a\nb", "a\r", "\x1b[2J", "\x00", "\x7f", "\x9b2J", "a\n"])
@pytest.mark.parametrize(
    "message",
    [
        {"type": "healthy", "id": 1, "serving": True, "in_flight": 0, "answered": 0, "detail": None},
        {"type": "capable", "id": 1, "roles": [], "models": [], "draining": False, "software": None},
    ],
    ids=lambda message: message["type"],
)
def test_what_a_log_or_a_terminal_would_obey_is_refused(message, text):
    good = {key: "fine" if value is None else value for key, value in message.items()}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(good), type=Answer)
    bad = {key: text if value is None else value for key, value in message.items()}
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(bad), type=Answer)
