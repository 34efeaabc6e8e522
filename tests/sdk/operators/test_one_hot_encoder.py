"""One at the place of the category."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import operate


def encode(x, **given):
    return operate("OneHotEncoder", x, version=1, domain=ML, **given)


@pytest.mark.parametrize("of", [np.float32, np.float64, np.int32, np.int64])
def test_one_at_the_place_of_the_category(of):
    made = encode(of([[7, 5], [6, -5]]), cats_int64s=(5, 7, -5))
    assert made.dtype == np.float32
    assert made.tolist() == [[[0, 1, 0], [1, 0, 0]], [[0, 0, 0], [0, 0, 1]]]


def test_floats_are_converted_towards_zero_and_nan_is_0():
    ends = (0, 2**63 - 1, -(2**63))
    made = encode(np.float32([-0.9, np.nan, np.inf, -np.inf]), cats_int64s=ends)
    assert made.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_one_number_is_encoded_too():
    assert encode(np.int64(3), cats_int64s=(3,)).tolist() == [1]


@pytest.mark.parametrize(
    "given", [{}, {"cats_int64s": (1, 1)}, {"cats_strings": ("a",)}, {"cats_int64s": (1,), "zeros": 0}]
)
def test_what_is_refused(given):
    with pytest.raises(Refused, match="cat"):
        encode(np.int64([1]), **given)


def test_a_category_that_would_be_an_error_is_refused_with_the_way_out():
    with pytest.raises(Refused) as refusal:
        encode(np.int64([1]), cats_int64s=(1,), zeros=0)
    assert "handle_unknown='ignore'" in refusal.value.hint
