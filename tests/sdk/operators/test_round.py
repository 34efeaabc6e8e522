"""Floor, Ceil, Round: to an integer, the sign of zeros kept; Reciprocal and Sqrt: one operation."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.operating import bits, operate

WHOLE = {"Floor": (13, floor), "Ceil": (13, ceil), "Round": (22, round)}


@pytest.mark.parametrize("name", WHOLE)
@given(x=st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(x=0.5)
@example(x=-0.5)
@example(x=1.5)
@example(x=2.5)
@example(x=8388607.5)
@example(x=-(2.0**-149))
@example(x=-0.0)
def test_to_an_integer_with_the_sign_of_what_it_was(name, x):
    version, whole = WHOLE[name]
    got = operate(name, np.float32([x, x, x, x, x]), version=version)
    want = np.copysign(np.float32(whole(Fraction(x))), np.float32(x))
    assert bits(got) == bits(np.float32([want] * 5))


@pytest.mark.parametrize("name", [*WHOLE, "Sqrt", "Reciprocal"])
def test_the_infinite_and_no_number(name):
    version = WHOLE.get(name, (13,))[0]
    x = np.uint32([0x7F800000, 0xFFC00001, 0x7F800001]).view(np.float32)
    assert bits(operate(name, x, version=version)) == [
        0 if name == "Reciprocal" else 0x7F800000,
        *[0x7FC00000] * 2,
    ]
    wide = operate(name, np.float64([4.0, -np.nan]), version=version)
    assert bits(wide)[1] == 0x7FF8000000000000
    with pytest.raises(Refused, match="type of X"):
        operate(name, np.int32([4]), version=version)


@given(x=st.floats(width=32, min_value=0, exclude_min=True, allow_infinity=False))
@example(x=2.0**-149)
def test_a_root_is_the_nearest_float(x):
    got = Fraction(float(operate("Sqrt", np.float32([x]), version=13)[0]))
    below, above = (Fraction(float(np.nextafter(np.float32(got), np.float32(to)))) for to in (0, np.inf))
    assert ((below + got) / 2) ** 2 <= Fraction(x) <= ((got + above) / 2) ** 2


def test_roots_at_the_edges():
    got = operate("Sqrt", np.float32([-0.0, 0.0, -(2.0**-149)]), version=6)
    assert bits(got) == [0x80000000, 0, 0x7FC00000]


@given(x=st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool))
@example(x=2.0**-149)
@example(x=3.4028234663852886e38)
def test_a_reciprocal_is_rounded_once(x):
    assert operate("Reciprocal", np.float32([x]), version=13)[0] == float32(1 / Fraction(x))


def test_the_reciprocal_of_zeros():
    assert operate("Reciprocal", np.float32([0.0, -0.0]), version=13).tolist() == [np.inf, -np.inf]
