"""Trilu."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

X = np.int64([[1, 2, 3], [4, 5, 6]])
MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("k", "upper", "made"),
    [
        (None, 1, [[1, 2, 3], [0, 5, 6]]),
        (0, 0, [[1, 0, 0], [4, 5, 0]]),
        (1, 1, [[0, 2, 3], [0, 0, 6]]),
        (-1, 1, [[1, 2, 3], [4, 5, 6]]),
        (1, 0, [[1, 2, 0], [4, 5, 6]]),
        (-1, 0, [[0, 0, 0], [4, 0, 0]]),
        (MOST, 1, [[0, 0, 0], [0, 0, 0]]),
        (MOST, 0, [[1, 2, 3], [4, 5, 6]]),
        (-MOST - 1, 1, [[1, 2, 3], [4, 5, 6]]),
        (-MOST - 1, 0, [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_one_side_of_a_diagonal_stays(k, upper, made):
    assert operate("Trilu", X, None if k is None else np.int64(k), version=14, upper=upper).tolist() == made


def test_of_each_matrix_with_every_bit():
    nan = np.full((2, 2, 2), np.uint32(0xFF800001)).view(np.float32)
    assert bits(operate("Trilu", nan, version=14)) == [[[0xFF800001] * 2, [0, 0xFF800001]]] * 2


@pytest.mark.parametrize(("x", "k"), [(np.zeros(3), np.int64(0)), (X, np.int64([1, 2])), (X, np.float32(1))])
def test_what_has_no_diagonal_is_refused(x, k):
    with pytest.raises(Refused, match=r"to be cut|type of k"):
        operate("Trilu", x, k, version=14)
