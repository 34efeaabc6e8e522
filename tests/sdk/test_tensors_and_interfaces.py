"""Tensors and interfaces: what is well formed, what fits, and that commitments and digests bind every part."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import tensor as tensors
from assay.answer import answers
from assay.errors import AssayError, Refused, TooLarge
from assay.ids import uuid7
from assay.model import (
    ImagePreprocessing,
    Interface,
    ModelReference,
    NoPreprocessing,
    Port,
    RowPreprocessing,
    input_digest,
)
from assay.tensor import DTYPES, Tensor
from docs.vectors import defects, sample

FLOATS = np.array([[0.5, 1.5, 2.5]], np.float32)
X = Tensor.of("x", FLOATS)


def change(thing, **fields):
    return msgspec.structs.replace(thing, **fields)


# --- tensors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("datatype", DTYPES)
def test_an_array_survives_whatever_its_byte_and_memory_order(datatype):
    array = np.arange(6).reshape(2, 3).astype(DTYPES[datatype])
    for other in (
        array,
        array.astype(array.dtype.newbyteorder(">")),
        np.asfortranarray(array),
        array[:, ::-1][:, ::-1],
    ):
        tensor = Tensor.of("x", other).checked()
        assert (tensor.datatype, tensor.shape) == (datatype, (2, 3))
        assert (tensor.array() == array).all()
        assert not tensor.array().flags.writeable


def test_a_scalar_keeps_its_rank():
    assert Tensor.of("x", np.array(1.0)).shape == ()


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (change(X, datatype="FP8"), "/datatype"),
        (change(X, data=X.data[:-1]), "/data"),
        (change(X, data=X.data + b"\0"), "/data"),
        (change(X, shape=(1, 4)), "/data"),
        (change(X, shape=(2**31 - 1, 2**31 - 1)), "/shape"),
        (Tensor.of("x", np.array([1, np.nan])), "/data/1"),
        (Tensor.of("x", np.array([[1], [-np.inf]], np.float16)), "/data/1"),
        (Tensor("x", "BOOL", (2,), b"\x01\x02"), "/data"),
    ],
)
def test_a_malformed_tensor_is_refused_naming_the_part(wrong, where):
    with pytest.raises(Refused) as refusal:
        wrong.checked("/here")
    assert refusal.value.pointer == f"/here{where}"


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([1j]), np.array([object()])])
def test_an_array_of_anything_but_numbers_is_no_tensor(array):
    with pytest.raises(Refused):
        Tensor.of("x", array)


def test_a_large_tensor_is_refused(monkeypatch):
    monkeypatch.setattr(tensors, "MAX_BYTES", 11)
    with pytest.raises(TooLarge):
        X.checked()


def test_a_digest_binds_datatype_shape_and_data_and_not_the_name():
    same = change(X, name="y")
    others = [change(X, datatype="INT32"), change(X, shape=(3, 1)), change(X, data=X.data[::-1])]
    assert X.digest() == same.digest()
    assert len({X.digest(), *(other.digest() for other in others)}) == 4


def test_an_input_digest_binds_salt_names_and_order():
    salt, y = bytes(32), change(X, name="y")
    digests = [
        input_digest(salt, (X, y)),
        input_digest(salt, (y, X)),
        input_digest(salt, (X,)),
        input_digest(salt, (y,)),
        input_digest(bytes([1] * 32), (X, y)),
    ]
    assert len(set(digests)) == 5
    with pytest.raises(Refused):
        input_digest(bytes(31), (X,))


# --- interfaces -------------------------------------------------------------------------------------------

INTERFACE = Interface(
    task="classification",
    inputs=(Port("x", "FP32", (-1, 3)), Port("y", "INT64", (-1,))),
    outputs=(Port("label", "INT64", (-1,)),),
    labels=("a", "b"),
    preprocessing=NoPreprocessing(),
)
Y = Tensor.of("y", np.array([7]))


def test_tensors_are_taken_in_any_order_and_given_in_the_interfaces():
    assert INTERFACE.accept((Y, X)) == INTERFACE.accept((X, Y)) == (X, Y)


@pytest.mark.parametrize(
    ("given", "code", "where"),
    [
        ((X,), "wrong-names", "/inputs"),
        ((X, Y, Y), "wrong-names", "/inputs"),
        ((X, change(Y, name="z")), "wrong-names", "/inputs"),
        ((X, Tensor.of("y", np.array([7], np.int32))), "wrong-datatype", "/inputs/1/datatype"),
        ((X, Tensor.of("y", np.array([[7]]))), "wrong-shape", "/inputs/1/shape"),
        ((Tensor.of("x", FLOATS[:, :2]), Y), "wrong-shape", "/inputs/0/shape"),
        ((Tensor.of("x", FLOATS[:0]), Tensor.of("y", np.array([], np.int64))), "wrong-shape", "/inputs/0/shape"),
        ((X, Tensor.of("y", np.array([7, 8]))), "wrong-shape", "/inputs"),
        ((Tensor.of("x", np.array([[1, 2, np.nan]], np.float32)), Y), "not-finite", "/inputs/0/data/2"),
        ((change(X, data=b""), Y), "invalid", "/inputs/0/data"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_naming_the_field(given, code, where):
    with pytest.raises(Refused) as refusal:
        INTERFACE.accept(given)
    assert (refusal.value.code, refusal.value.pointer) == (code, where)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"inputs": (*INTERFACE.inputs, INTERFACE.inputs[0])}, "/inputs"),
        ({"outputs": INTERFACE.outputs * 2}, "/outputs"),
        ({"inputs": (Port("x", "BYTES", (-1,)),)}, "/inputs/0/datatype"),
        ({"outputs": (Port("x", "", (-1,)),)}, "/outputs/0/datatype"),
        ({"preprocessing": ImagePreprocessing("x", 8, 8)}, "/preprocessing/input"),
        ({"inputs": INTERFACE.inputs[:1], "preprocessing": RowPreprocessing("z", ())}, "/preprocessing/input"),
    ],
)
def test_an_interface_that_contradicts_itself_is_refused(changes, where):
    assert INTERFACE.checked() is INTERFACE
    with pytest.raises(Refused) as refusal:
        change(INTERFACE, **changes).checked("/interface")
    assert refusal.value.pointer == f"/interface{where}"


def test_a_commitment_binds_the_file_and_every_part_of_the_interface():
    """Over every field of a real reference: the vectors' walk changes each in turn."""
    reference = sample.digit().certificate.statement.models[0]
    seen = {reference.commitment}
    parsed = 0
    for name, document, _ in defects.altered(sample.digit()):
        if not name.startswith("altered-statement-models-0"):
            continue
        from assay.certificate import parse

        try:
            other = parse(document).statement.models[0]
        except AssayError:
            continue
        parsed += 1
        assert other.commitment not in seen, name
        seen.add(other.commitment)
    assert parsed > 15
    assert ModelReference(reference.digest, reference.interface).commitment in seen


# --- answers ----------------------------------------------------------------------------------------------


def read(labels, *outputs):
    ports = tuple(Port(each.name, each.datatype, (-1, *each.shape[1:])) for each in outputs)
    interface = change(INTERFACE, outputs=ports, labels=labels)
    return [(each.text, each.index, each.score) for each in answers(interface, outputs)]


SCORES = Tensor.of("scores", np.array([[0.25, 0.75], [0.5, 0.5]], np.float32))
CLASSES = Tensor.of("class", np.array([1, 0]))


@pytest.mark.parametrize(
    ("labels", "outputs", "expected"),
    [
        (("a", "b"), (CLASSES, SCORES), [("b", 1, 0.75), ("a", 0, 0.5)]),
        (("a", "b"), (SCORES,), [("b", 1, 0.75), ("a", 0, 0.5)]),
        (("a", "b"), (CLASSES,), [("b", 1, None), ("a", 0, None)]),
        (("a",), (CLASSES,), [("class 1, which has no label", 1, None), ("a", 0, None)]),
        (("a", "b", "c"), (SCORES,), [("0.25, 0.75", None, None), ("0.5, 0.5", None, None)]),
        ((), (Tensor.of("y", np.array([[1.5]])),), [("1.5", None, None)]),
        ((), (Tensor.of("y", np.arange(9)[np.newaxis]),), [("0, 1, 2, 3, 4, 5, 6, 7, … (9 values)", None, None)]),
    ],
)
def test_outputs_are_put_into_words(labels, outputs, expected):
    assert read(labels, *outputs) == expected


def test_of_many_rows_only_as_many_as_asked_are_put_into_words():
    many = Tensor.of("y", np.zeros((2_000_000, 1), np.uint8))
    interface = change(INTERFACE, outputs=(Port("y", "UINT8", (-1, 1)),), labels=("a",))
    assert len(answers(interface, (many,), 3)) == 3


# --- identifiers and errors -------------------------------------------------------------------------------


@given(st.integers(0, 2**48 - 1))
def test_an_identifier_is_a_uuid_of_version_7_that_begins_with_its_time(now):
    identifier = uuid7(now)
    assert (identifier.version, identifier.variant) == (7, "specified in RFC 4122")
    assert identifier.int >> 80 == now
    assert uuid7(now) != identifier


def test_an_error_says_everything_it_knows_and_nothing_else():
    error = Refused("wrong shape", pointer="/shape", expected="[3]", got="[4]", hint="Send three.")
    assert str(error) == "/shape: wrong shape (expected [3], got [4]). Send three."
    assert error.under("/inputs/0").fields() == {
        "code": "invalid",
        "detail": "wrong shape",
        "pointer": "/inputs/0/shape",
        "expected": "[3]",
        "got": "[4]",
        "hint": "Send three.",
    }
    assert str(Refused("no")) == "no"
    assert str(Refused("no", got="x")) == "no (got x)"
