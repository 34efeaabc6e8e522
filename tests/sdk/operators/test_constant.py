"""Constant and ConstantOfShape."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import find
from tests.sdk.operators.operating import bits, operate

PAYLOAD = np.uint32([0xFF801234]).view(np.float32)


@pytest.mark.parametrize("version", [1, 9, 11, 12, 25])
def test_a_tensor_keeps_every_bit(version):
    assert bits(operate("Constant", version=version, value=PAYLOAD)) == [0xFF801234]


@pytest.mark.parametrize(
    ("given", "dtype", "value"),
    [
        ({"value_float": 0.5}, np.float32, 0.5),
        ({"value_floats": (0.5, 2.0)}, np.float32, [0.5, 2.0]),
        ({"value_floats": ()}, np.float32, []),
        ({"value_int": -(2**63)}, np.int64, -(2**63)),
        ({"value_ints": (1, 2)}, np.int64, [1, 2]),
    ],
)
def test_numbers(given, dtype, value):
    made = operate("Constant", version=13, **given)
    assert (made.dtype, made.tolist()) == (dtype, value)


def test_a_number_that_is_none_is_the_one_nan():
    strange = float(PAYLOAD[0])
    assert bits(operate("Constant", version=13, value_float=strange)) == [0x7FC00000]


def test_its_value_is_known():
    (made,) = find("", "Constant", 13).types([], {"value_ints": (3, 4)}, 1)
    assert made.known("value").tolist() == [3, 4]


@pytest.mark.parametrize(
    ("version", "given", "detail"),
    [
        (13, {}, "one of"),
        (13, {"value_int": 1, "value_float": 1.0}, "one of"),
        (13, {"value": np.array(["text"])}, "type of value"),
        (13, {"value_string": "text"}, "attribute value_string"),
        (11, {"value_int": 1}, "attribute value_int"),
    ],
)
def test_what_is_no_constant_here_is_refused(version, given, detail):
    with pytest.raises(Refused, match=detail):
        operate("Constant", version=version, **given)


def filled(shape, version=9, **attributes):
    return operate("ConstantOfShape", np.int64(shape), version=version, constant=(0,), **attributes)


def test_a_shape_is_filled():
    assert bits(filled([2, 1])) == [[0], [0]]
    assert bits(filled([2], value=PAYLOAD)) == [0xFF801234] * 2
    assert filled([], value=np.array([7], np.uint8)).tolist() == 7
    assert filled([0, 3], version=21).shape == (0, 3)


@pytest.mark.parametrize(
    ("shape", "value", "detail"),
    [
        ([-1], np.zeros(1), "negative"),
        ([1], np.zeros(2), "the value"),
        ([1], np.zeros((1, 1)), "the value"),
        ([1], np.array(["text"]), "the value"),
        ([[1]], np.zeros(1), "rank"),
    ],
)
def test_what_cannot_be_filled_is_refused(shape, value, detail):
    with pytest.raises(Refused, match=detail):
        filled(shape, value=value)
