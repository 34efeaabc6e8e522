"""EyeLike."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

X = np.full((2, 3), np.nan, np.float32)


@pytest.mark.parametrize(
    ("k", "made"),
    [
        (0, [[1, 0, 0], [0, 1, 0]]),
        (1, [[0, 1, 0], [0, 0, 1]]),
        (-1, [[0, 0, 0], [1, 0, 0]]),
        (2**63 - 1, [[0, 0, 0], [0, 0, 0]]),
        (-(2**63), [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_ones_on_a_diagonal(k, made):
    assert operate("EyeLike", X, version=9, k=k).tolist() == made


def test_of_a_type_of_its_own():
    assert operate("EyeLike", X, version=22).dtype == np.float32
    assert operate("EyeLike", X, version=22, dtype=9).tolist() == [[True, False, False], [False, True, False]]


@pytest.mark.parametrize(
    ("x", "dtype", "detail"),
    [(X[0], 1, "rank"), (X, 10, "element type"), (X, 8, "element type"), (X, 99, "type 99")],
)
def test_what_is_no_matrix_of_numbers_is_refused(x, dtype, detail):
    with pytest.raises(Refused, match=detail):
        operate("EyeLike", x, version=9, dtype=dtype)
