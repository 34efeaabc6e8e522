"""BitShift and the bitwise operators, against Python's integers."""

import operator

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

SIGNED, UNSIGNED = np.arange(-128, 128, dtype=np.int8), np.arange(256, dtype=np.uint8)


def shifted(x, by, direction, width):
    if not 0 <= by < width:
        return -1 if x < 0 and direction == "RIGHT" else 0
    return x >> by if direction == "RIGHT" else x << by


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("every", [SIGNED, UNSIGNED])
def test_every_shift_of_eight_bits(every, direction):
    got = operate("BitShift", every[:, None], every, version=28, direction=direction).tolist()
    for x, row in zip(every.tolist(), got, strict=True):
        assert [each % 256 for each in row] == [shifted(x, by, direction, 8) % 256 for by in every.tolist()]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64, np.int64])
def test_shifts_of_wider_integers(dtype):
    width, most = 8 * np.dtype(dtype).itemsize, np.iinfo(dtype).max
    x, by = np.array([most, most, most, 1], dtype), np.array([1, width - 1, width, 3], dtype)
    assert operate("BitShift", x, by, version=28, direction="RIGHT").tolist() == [
        most >> 1,
        most >> width - 1,
        0,
        0,
    ]
    left = [each % 2**width for each in (most << 1, most << width - 1, 0, 8)]
    assert [each % 2**width for each in operate("BitShift", x, by, version=11, direction="LEFT").tolist()] == left


@pytest.mark.parametrize(
    ("name", "of"), [("BitwiseAnd", operator.and_), ("BitwiseOr", operator.or_), ("BitwiseXor", operator.xor)]
)
@pytest.mark.parametrize("every", [SIGNED, UNSIGNED])
def test_bit_by_bit(name, of, every):
    got = operate(name, every[:, None], every, version=18)
    assert got.tolist() == [[of(a, b) for b in every.tolist()] for a in every.tolist()]


def test_the_other_bits():
    assert operate("BitwiseNot", SIGNED, version=18).tolist() == [~x for x in SIGNED.tolist()]
    assert operate("BitwiseNot", np.uint64(0), version=18).tolist() == 2**64 - 1


def test_what_is_refused():
    x = np.uint8([1])
    with pytest.raises(Refused, match="direction"):
        operate("BitShift", x, x, version=11, direction="UP")
    with pytest.raises(Refused, match="direction is missing"):
        operate("BitShift", x, x, version=11)
    with pytest.raises(Refused, match="type of"):
        operate("BitwiseAnd", np.float32([1]), np.float32([1]), version=18)
