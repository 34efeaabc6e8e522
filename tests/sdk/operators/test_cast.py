"""Cast and CastLike: among Booleans, integers and floats, by section 1."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import helper

from assay.errors import Refused
from assay.operators.shapes import ELEMENT_TYPES as TYPES
from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

F32, U8, I8, I32, I64, BOOL, F16, F64, U64 = 1, 2, 3, 6, 7, 9, 10, 11, 13


def cast(x, to):
    return operate("Cast", x, version=13, to=to)


def test_the_numbers_of_types_are_those_of_onnx():
    assert {n: helper.tensor_dtype_to_np_dtype(n) for n in TYPES} == TYPES


@pytest.mark.parametrize("of", TYPES.values(), ids=str)
@pytest.mark.parametrize("to", TYPES, ids=lambda n: str(TYPES[n]))
def test_small_numbers_are_themselves_in_every_type(of, to):
    x = np.array([[0, 1]]).astype(of)
    assert cast(x, to).tolist() == [[0, 1]]
    assert operate("CastLike", x, np.zeros(0, TYPES[to]), version=19).dtype == TYPES[to]
    assert cast(x[0, 1], to).shape == ()


@given(st.floats())
@example(1 + 2.0**-24)  # a tie
@example(1 + 2.0**-24 + 2.0**-50)
@example(3.4028235677973366e38)  # a tie with infinity
@example(2.0**-150)
def test_doubles_are_rounded_once(x):
    got = cast(np.float64([x]), F32)
    if np.isfinite(x):
        assert got[0] == float32(Fraction(x))
        assert np.signbit(got[0]) == np.signbit(x)


def test_halves_are_rounded_once():
    x = np.float64([1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40, 65519.99, 65520, 2.0**-25, 2.0**-25 * (1 + 2.0**-50)])
    assert bits(cast(x, F16)) == [0x3C00, 0x3C01, 0x7BFF, 0x7C00, 0, 1]
    assert bits(cast(np.int64([2049, 2051, 65519, 65520]), F16)) == [0x6800, 0x6802, 0x7BFF, 0x7C00]


@given(st.integers(-(2**63), 2**64 - 1))
@example(2**24 + 1)
@example(2**63 - 1)
@example(2**64 - 1)
@example(2**54 + 2**30 + 1)  # just above a tie; as a double it would be one
@example(2**63 + 2**39 + 1)
def test_integers_become_floats_with_one_rounding(x):
    of = np.int64 if x < 2**63 else np.uint64
    assert cast(of([x]), F32)[0] == float32(Fraction(x))
    assert cast(of([x]), F64)[0] == float(x)  # of which Python says that it is rounded once


@given(st.floats(width=16) | st.floats(width=32) | st.floats())
@example(127.99)
@example(-128.99)
@example(2.0**63)
@example(-0.99)
def test_floats_become_integers_towards_zero_within_the_range(x):
    for of in (np.float16, np.float32, np.float64):
        with np.errstate(over="ignore"):
            given_ = np.array([x]).astype(of)
        for to in (U8, I8, I32, I64, U64):
            ends, value = np.iinfo(TYPES[to]), float(given_[0])
            if np.isfinite(value):
                want = min(max(int(value), int(ends.min)), int(ends.max))
            else:
                want = 0 if np.isnan(value) else int(ends.max if value > 0 else ends.min)
            assert cast(given_, to).tolist() == [want]


@given(st.integers(0, 2**64 - 1))
def test_integers_lose_their_upper_bits(x):
    assert cast(np.uint64([x]), U8).tolist() == [x % 256]
    assert cast(np.uint64([x]), I32)[0].item() % 2**32 == x % 2**32
    assert cast(np.int8([x % 128 - 128]), U64).tolist() == [2**64 + x % 128 - 128]


def test_whatever_is_not_zero_is_true():
    assert cast(np.float32([0, -0.0, 1e-45, np.nan, -np.inf]), BOOL).tolist() == [False, False, True, True, True]
    assert cast(np.int64([0, 256, -1]), BOOL).tolist() == [False, True, True]


def test_another_float_has_one_nan_and_the_same_float_is_left_alone():
    payload = np.uint32([0xFFC12345, 0x7F800001]).view(np.float32)
    assert bits(cast(payload, F32)) == [0xFFC12345, 0x7F800001]
    assert bits(cast(payload, F16)) == [0x7E00, 0x7E00]
    assert bits(cast(payload, F64)) == [0x7FF8000000000000] * 2
    assert bits(cast(np.uint16([0xFE01]).view(np.float16), F32)) == [0x7FC00000]
    assert bits(operate("CastLike", payload, payload, version=15)) == [0xFFC12345, 0x7F800001]


def test_attributes_of_types_of_eight_bits_change_nothing():
    got = operate("Cast", np.float32([300]), version=24, to=U8, saturate=0, round_mode="down")
    assert got.tolist() == [255]


@pytest.mark.parametrize("to", [0, 8, 14, 16, 17, 22, -1, 99])
def test_other_types_are_refused(to):
    with pytest.raises(Refused, match="element type"):
        cast(np.float32([1]), to)
