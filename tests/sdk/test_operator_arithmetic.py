"""One operation, one rounding: against exact fractions, and against loops that anyone can read."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.operators import arithmetic
from tests.sdk.exactly import float32

FLOATS = st.floats(width=32)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
NAN = 0x7FC00000


def array(*values):
    return np.array(values, np.float32)


def bits(x):
    return np.atleast_1d(x).view(np.uint32).tolist()


@given(a=FINITE, b=FINITE, c=FINITE)
@example(a=1 + 2**-23, b=1 + 2**-23, c=-1.0)
@example(a=1 + 2**-12, b=1 + 2**-12, c=2**-60)  # a tie but for a bit far below
@example(a=1 + 2**-12, b=1 + 2**-12, c=-(2**-60))
@example(a=2.0**-149, b=0.5, c=2.0**-149)  # a tie among subnormals
@example(a=2.0**-149, b=2.0**-149, c=-(2.0**-126))
@example(a=3.4028234663852886e38, b=1.0, c=2.0**103)  # a tie with infinity
@example(a=3.4028234663852886e38, b=1.0, c=2.0**102)
def test_fma_is_the_exact_value_rounded_once(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    got = arithmetic.fma(array(a), array(b), array(c))
    if exact == 0:
        both_negative = np.signbit(a) != np.signbit(b) and np.signbit(c) and (a == 0 or b == 0)
        assert bits(got) == bits(array(-0.0 if both_negative else 0.0))
    else:
        want = float32(exact)
        assert bits(got) == bits(array(-0.0 if want == 0 and exact < 0 else want))


@pytest.mark.parametrize(
    ("a", "b", "c", "want"),
    [
        (np.inf, 1, 1, np.inf),
        (np.inf, 1, -np.inf, np.nan),
        (np.inf, 0, 1, np.nan),
        (1, 1, -np.inf, -np.inf),
        (3e38, 3e38, -np.inf, -np.inf),
        (np.nan, 1, 1, np.nan),
    ],
)
def test_fma_of_what_is_not_finite(a, b, c, want):
    got = arithmetic.canonical(arithmetic.fma(array(a), array(b), array(c)))
    assert bits(got) == ([NAN] if np.isnan(want) else bits(array(want)))


def test_a_chain_is_one_fma_after_the_other_from_plus_zero():
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 3, 41)).astype(np.float32)
    for row in range(3):
        value = np.float32(0)
        for x, y in zip(a[row], b[row], strict=True):
            value = float32(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(value)))
        assert bits(arithmetic.chain(a, b)[row]) == bits(value)
    assert bits(arithmetic.chain(array(-0.0), array(1.0))) == [0]


@given(st.lists(FLOATS, max_size=70))
@example([])
@example([-0.0])
def test_a_sum_has_sixteen_lanes_and_a_tree(values):
    lanes = [np.float32(0)] * 16
    with np.errstate(all="ignore"):
        for i, value in enumerate(values):
            lanes[i % 16] = lanes[i % 16] + np.float32(value)
        for width in (8, 4, 2, 1):
            lanes = [lanes[j] + lanes[j + width] for j in range(width)]
    assert bits(arithmetic.total(array(*values))) == ([NAN] if np.isnan(lanes[0]) else bits(lanes[0]))


@given(a=FLOATS, b=FLOATS)
@example(a=0.0, b=-0.0)
@example(a=-0.0, b=0.0)
def test_the_greater_and_the_lesser(a, b):
    greatest, least = arithmetic.greatest(array(a), array(b)), arithmetic.least(array(a), array(b))
    if np.isnan(a) or np.isnan(b):
        assert bits(greatest) == bits(least) == [NAN]
    else:
        by_sign_too = sorted((array(a), array(b)), key=lambda x: (float(x[0]), not np.signbit(x[0])))
        assert [bits(least), bits(greatest)] == [bits(each) for each in by_sign_too]


@pytest.mark.parametrize("payload", [0x7F800001, 0xFFC00000, 0xFFFFFFFF, 0x7FC00000])
def test_there_is_one_nan(payload):
    x = np.array([payload, 0x80000000, 0x00000001], np.uint32).view(np.float32)
    assert bits(arithmetic.canonical(x)) == [NAN, 0x80000000, 1]
    wide = np.array([0xFFF8000000000001], np.uint64).view(np.float64)
    assert arithmetic.canonical(wide).view(np.uint64).tolist() == [0x7FF8000000000000]


INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("to", INTEGERS)
@pytest.mark.parametrize("of", [np.float32, np.float64])
def test_floats_become_integers_towards_zero_and_stay_within(of, to):
    ends = np.iinfo(to)
    values = [
        0.0,
        -0.0,
        0.99,
        -0.99,
        1.5,
        -1.5,
        127.9,
        -128.9,
        255.5,
        2.0**31,
        -(2.0**31),
        2.0**63,
        -(2.0**63),
        2.0**64,
    ]
    x = np.array([*values, np.inf, -np.inf, np.nan], of)
    want = [0 if np.isnan(v) else ends.max if v == np.inf else ends.min if v == -np.inf else int(v) for v in x]
    assert arithmetic.converted(x, to).tolist() == [min(max(each, ends.min), ends.max) for each in want]


def test_integers_become_narrower_by_losing_their_upper_bits():
    assert arithmetic.converted(np.array([300, -1, -129]), np.uint8).tolist() == [44, 255, 127]
    assert arithmetic.converted(np.array([300, -1, -129]), np.int8).tolist() == [44, -1, 127]


def test_whatever_is_not_zero_is_true():
    assert arithmetic.converted(array(0, -0.0, 0.1, np.nan), np.bool_).tolist() == [False, False, True, True]


@pytest.mark.parametrize("shape", [(2**18 + 5,), (3, 2**18 + 1), (700, 400), (2, 3, 2**17)], ids=str)
def test_large_fused_multiply_adds_are_those_of_their_parts(shape):
    random = np.random.default_rng(9)
    a, b = random.normal(size=shape).astype(np.float32), random.normal(size=shape[-1:]).astype(np.float32)
    c = random.normal(size=(*shape[:-1], 1)).astype(np.float32)
    whole = arithmetic.fma(a, b, c)
    assert whole.shape == shape
    for place in [tuple(random.integers(0, n) for n in shape) for _ in range(50)]:
        part = arithmetic.fma(a[place], b[place[-1:]], c[(*place[:-1], 0)])
        assert whole[place].tobytes() == part.tobytes()
