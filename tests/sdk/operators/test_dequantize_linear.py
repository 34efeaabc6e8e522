"""DequantizeLinear against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate


def dequantise(x, scale, zero=None, version=23, **attributes):
    return operate("DequantizeLinear", x, np.float32(scale), zero, version=version, **attributes)


@pytest.mark.parametrize("version", [10, 13, 19, 21, 23, 28])
def test_the_difference_times_the_scale(version):
    made = dequantise(np.uint8([0, 3, 255]), 2, np.uint8(128), version)
    assert (made.dtype, made.tolist()) == (np.float32, [-256, -250, 254])
    assert dequantise(np.int8([-128]), 0.5, version=version).tolist() == [-64]


def test_every_byte_by_exact_fractions():
    x = np.arange(-128, 128).astype(np.int8)
    scale = np.float32(0.1)
    expected = [float32(Fraction(int(each) + 5) * Fraction(float(scale))) for each in x]
    assert bits(dequantise(x, scale, np.int8(-5))) == bits(np.array(expected))


def test_int32_is_converted_with_one_rounding():
    x = np.int32([2**24 + 1, 2**24 + 3, -(2**31)])
    assert dequantise(x, 1).tolist() == [2**24, 2**24 + 4, -(2**31)]
    assert dequantise(np.int32([-(2**31)]), 1, np.int32(1)).tolist() == [2**31]  # modulo 2³²


def test_zero_times_infinity_is_the_one_nan():
    strange = np.uint32(0xFFC01234).view(np.float32)
    assert bits(dequantise(np.int8([0, 1, -1]), np.inf)) == [0x7FC00000, 0x7F800000, 0xFF800000]
    assert bits(dequantise(np.int8([1]), strange)) == [0x7FC00000]
    assert bits(dequantise(np.uint8([3]), -1, np.uint8(3))) == [0x80000000]


def test_scales_for_an_axis_and_for_blocks():
    x = np.int16([[1, 2, 3], [4, 5, 6]])
    assert dequantise(x, [1, 10], np.int16([0, 1]), 21, axis=0).tolist() == [[1, 2, 3], [30, 40, 50]]
    assert dequantise(x, [[1, 10], [2, 20]], axis=1, block_size=2).tolist() == [[1, 2, 30], [8, 10, 120]]


@pytest.mark.parametrize(
    ("x", "zero", "given", "detail"),
    [
        (np.int16([1]), None, {"version": 19}, "type of x"),
        (np.int64([1]), None, {}, "type of x"),
        (np.int8([1]), np.uint8(0), {}, "different types"),
        (np.int8([1]), np.int8([0, 0]), {}, "shape of zero_point"),
        (np.int8([1]), None, {"output_dtype": 10}, "output_dtype"),
    ],
)
def test_what_does_not_fit_is_refused(x, zero, given, detail):
    with pytest.raises(Refused, match=detail):
        dequantise(x, 1, zero, **given)


def test_only_scales_of_float32_are_taken():
    with pytest.raises(Refused, match="type of scale"):
        operate("DequantizeLinear", np.int8([1]), np.float16(1), version=23)
