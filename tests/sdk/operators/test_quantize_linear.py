"""QuantizeLinear against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.operating import operate

NAN = np.uint32([0x7FC00001, 0xFFC00000]).view(np.float32)
TYPES = (np.int8, np.uint8, np.int16, np.uint16)
NUMBER = {np.dtype(np.uint8): 2, np.dtype(np.int8): 3, np.dtype(np.uint16): 4, np.dtype(np.int16): 5}


def quantise(x, scale=1, zero=None, version=23, **attributes):
    return operate("QuantizeLinear", np.asarray(x), np.float32(scale), zero, version=version, **attributes)


def test_halves_go_to_even_before_the_zero_is_added():
    x = np.float32([0.5, 1.5, 2.5, -0.5, -1.5])
    assert quantise(x, 1, np.int8(1)).tolist() == [1, 3, 3, 1, -1]


@pytest.mark.parametrize("dtype", TYPES)
def test_what_is_beyond_the_type_is_its_end(dtype):
    ends = np.iinfo(dtype)
    x = np.float32([np.inf, -np.inf, 1e38, -1e38, ends.max - 3 + 0.5, ends.min - 3 - 0.5])
    assert quantise(x, 1, dtype(3)).tolist() == [ends.max, ends.min] * 3


def test_nan_is_zero_so_is_nothing_by_nothing():
    assert quantise(NAN, 1, np.uint8(7)).tolist() == [7, 7]
    assert quantise(np.float32([0, 1, -1]), 0, np.int8(7)).tolist() == [7, 127, -128]
    assert quantise(np.float32([1, np.inf]), np.inf, np.int8(7)).tolist() == [7, 7]
    assert quantise(np.float32([1]), np.nan, np.int8(7)).tolist() == [7]


@pytest.mark.parametrize("dtype", TYPES)
def test_the_quotient_is_rounded_to_float32_and_then_to_an_integer(dtype):
    random = np.random.default_rng(8)
    x = random.normal(size=300).astype(np.float32) * np.float32(300)
    scale, zero = np.float32(0.37), dtype(5)
    ends = np.iinfo(dtype)
    exact = [round(Fraction(float(float32(Fraction(float(each)) / Fraction(float(scale)))))) + 5 for each in x]
    assert quantise(x, scale, zero).tolist() == [min(max(each, ends.min), ends.max) for each in exact]


def test_integers_are_converted_first():
    assert quantise(np.int32([2**24 + 1, 2**24 + 3]), 2**18, np.uint8(0)).tolist() == [64, 64]
    assert quantise(np.int32([-7, 7]), 2, np.int8(0)).tolist() == [-4, 4]


@pytest.mark.parametrize("version", [10, 13, 19, 21, 23, 28])
def test_without_a_zero_it_is_uint8(version):
    made = quantise(np.float32([-1, 3]), 2, version=version)
    assert (made.dtype, made.tolist()) == (np.uint8, [0, 2])


@pytest.mark.parametrize("dtype", TYPES)
def test_or_what_is_asked(dtype):
    number = NUMBER[np.dtype(dtype)]
    assert quantise(np.float32([1]), version=21, output_dtype=number).dtype == dtype
    assert quantise(np.float32([1]), 1, dtype(1), version=23, output_dtype=number, precision=1).tolist() == [2]


def test_a_scale_for_each_index_of_an_axis():
    x = np.float32([[10, 20, 30], [40, 50, 60]])
    scale, zero = np.float32([1, 10, 100]), np.int8([0, 1, 2])
    assert quantise(x, scale, zero, version=13).tolist() == [[10, 3, 2], [40, 6, 3]]
    assert quantise(x.T.copy(), scale, zero, version=13, axis=-2).tolist() == [[10, 40], [3, 6], [2, 3]]


def test_a_scale_for_each_block():
    x = np.float32([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
    scale = np.float32([[1, 2, 5], [1, 0.5, 10]])
    made = quantise(x, scale, np.zeros((2, 3), np.uint8), version=21, axis=1, block_size=2)
    assert made.tolist() == [[1, 2, 2, 2, 1], [6, 7, 16, 18, 1]]
    whole = quantise(x, np.float32([[1], [2]]), np.zeros((2, 1), np.uint8), block_size=2**62)
    assert whole.tolist() == [[1, 2, 3, 4, 5], [3, 4, 4, 4, 5]]


def test_one_scale_may_have_an_axis():
    assert quantise(np.float32([[2, 4]]), [2], np.int8([1]), version=13, axis=7).tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("scale", "zero", "given", "detail"),
    [
        ([1, 1], None, {"version": 10}, "shape of scale"),
        ([1, 1], None, {"axis": 1}, "shape of the scale"),
        ([1, 1], np.int8([0, 0]), {"axis": 2}, "axis"),
        ([1, 1], np.int8(0), {"axis": 0}, "shape of scale"),
        ([[1, 1]], None, {}, "shape of the scale"),
        ([[1, 1]], None, {"block_size": 2}, "shape of the scale"),
        ([[1, 1]], None, {"block_size": -1}, "block_size"),
        (1, np.int8([0, 0]), {}, "shape of zero_point"),
        (1, np.int16(0), {"version": 19}, "type of zero_point"),
        (1, np.int32(0), {}, "type of zero_point"),
        (1, np.int8(0), {"output_dtype": 2}, "output_dtype"),
        (1, None, {"output_dtype": 17}, "element type"),
        (1, None, {"precision": 10}, "precision"),
    ],
)
def test_what_does_not_fit_is_refused(scale, zero, given, detail):
    with pytest.raises(Refused, match=detail):
        quantise(np.ones((2, 3), np.float32), scale, zero, **given)


def test_only_float32_is_divided():
    for x, scale in ((np.ones(1), np.float32(1)), (np.ones(1, np.float32), np.float64(1))):
        with pytest.raises(Refused, match="type of"):
            operate("QuantizeLinear", x, scale, version=23)
