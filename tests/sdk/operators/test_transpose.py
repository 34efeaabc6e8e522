"""Transpose."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

X = np.arange(24).reshape(2, 3, 4)


def test_axis_i_of_the_result_is_axis_perm_i():
    made = operate("Transpose", X, version=13, perm=(2, 0, 1))
    assert made.shape == (4, 2, 3)
    assert all(made[k, i, j] == X[i, j, k] for i in range(2) for j in range(3) for k in range(4))


def test_without_perm_axes_are_reversed():
    made = operate("Transpose", X, version=1)
    assert made[3, 2, 1] == X[1, 2, 3]
    assert made.shape == (4, 3, 2)


@pytest.mark.parametrize("perm", [(0, 1), (0, 0, 1), (0, 1, 3), (0, 1, -1), ()])
def test_what_is_no_permutation_is_refused(perm):
    with pytest.raises(Refused, match="order of axes"):
        operate("Transpose", X, version=13, perm=perm)
