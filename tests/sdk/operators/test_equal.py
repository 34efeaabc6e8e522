"""Equal, Less, LessOrEqual, Greater, GreaterOrEqual: exact, false of what is no number."""

import operator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.errors import Refused
from tests.sdk.operators.operating import operate

COMPARISONS = {
    "Equal": (19, operator.eq),
    "Less": (13, operator.lt),
    "LessOrEqual": (16, operator.le),
    "Greater": (13, operator.gt),
    "GreaterOrEqual": (16, operator.ge),
}


@pytest.mark.parametrize("name", COMPARISONS)
@given(a=st.floats(), b=st.floats())
@example(a=0.0, b=-0.0)
@example(a=float("nan"), b=float("nan"))
@example(a=5e-324, b=0.0)
def test_floats_compare_as_numbers(name, a, b):
    version, of = COMPARISONS[name]
    for x, y in ((a, b), (a, a)):
        assert operate(name, np.float64([x]), np.float64([y]), version=version).tolist() == [of(x, y)]


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_integers_do_not_pass_through_floats(name, dtype):
    version, of = COMPARISONS[name]
    most = int(np.iinfo(dtype).max)
    a, b = np.array([most, most - 1, 0], dtype), np.array([most - 1, most, 0], dtype)
    assert operate(name, a, b, version=version).tolist() == [
        of(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]


def test_subnormals_are_numbers_apart():
    tiny = np.uint32([1, 0x80000001]).view(np.float32)
    assert operate("Equal", tiny, np.float32(0), version=13).tolist() == [False, False]
    assert operate("Greater", tiny, np.float32(0), version=13).tolist() == [True, False]


def test_booleans_are_equal_or_not_and_have_no_order():
    assert operate("Equal", np.array([True, False]), np.array([True, True]), version=7).tolist() == [True, False]
    with pytest.raises(Refused, match="type of"):
        operate("Less", np.array([True]), np.array([True]), version=13)


def test_shapes_are_brought_together_and_types_are_not():
    got = operate("Less", np.float32([[1], [3]]), np.float32([2, 4]), version=9)
    assert got.tolist() == [[True, True], [False, True]]
    assert operate("Less", np.int8(1), np.int8(2), version=9).tolist() is True
    with pytest.raises(Refused, match="different types"):
        operate("Less", np.float32([1]), np.int32([2]), version=9)
