"""And, Or, Xor, Not, IsNaN, IsInf, Where."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

BOTH = np.array([False, True])


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("And", [[False, False], [False, True]]),
        ("Or", [[False, True], [True, True]]),
        ("Xor", [[False, True], [True, False]]),
    ],
)
def test_tables_of_truth(name, table):
    assert operate(name, BOTH[:, None], BOTH, version=7).tolist() == table
    assert operate(name, np.array(True), np.array(False), version=7).tolist() is table[1][0]
    with pytest.raises(Refused, match="type of"):
        operate(name, np.int8([1]), np.int8([1]), version=7)


def test_the_contrary():
    assert operate("Not", BOTH, version=1).tolist() == [True, False]
    assert operate("Not", np.array(True), version=1).tolist() is False


EDGES = np.uint32([0x7F800000, 0xFF800000, 0x7F800001, 0xFFC12345, 0x7F7FFFFF, 0x80000000]).view(np.float32)


def test_what_is_no_number():
    assert operate("IsNaN", EDGES, version=20).tolist() == [False, False, True, True, False, False]
    assert operate("IsNaN", np.float64([np.nan, 0]), version=9).tolist() == [True, False]


@pytest.mark.parametrize("negative", [0, 1])
@pytest.mark.parametrize("positive", [0, 1])
def test_what_is_infinite_on_either_side(negative, positive):
    got = operate("IsInf", EDGES, version=20, detect_negative=negative, detect_positive=positive)
    assert got.tolist() == [positive == 1, negative == 1, False, False, False, False]
    assert operate("IsInf", EDGES[0], version=10).tolist() is True


def test_what_is_chosen_keeps_its_bits():
    got = operate("Where", np.array([True, False, True, False, True, False]), EDGES, EDGES[::-1], version=16)
    assert bits(got) == [0x7F800000, 0x7F7FFFFF, 0x7F800001, 0x7F800001, 0x7F7FFFFF, 0x7F800000]


@pytest.mark.parametrize("dtype", [np.float16, np.bool_, np.uint8, np.int64])
def test_everything_can_be_chosen(dtype):
    x, y = np.array([[1], [0]], dtype), np.array([0, 1, 1], dtype)
    got = operate("Where", np.array([True, False, True]), x, y, version=9)
    assert got.tolist() == [[1, 1, 1], [0, 1, 0]]


def test_what_cannot_be_chosen_from_is_refused():
    x = np.float32([1])
    with pytest.raises(Refused, match="type of condition"):
        operate("Where", x, x, x, version=9)
    with pytest.raises(Refused, match="different types"):
        operate("Where", BOTH, x, np.float64([1]), version=9)
    with pytest.raises(Refused, match="do not fit"):
        operate("Where", BOTH, np.ones(3), np.ones(3), version=9)
