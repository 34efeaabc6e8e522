"""LpNormalization."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import nan, numbers, summed
from tests.sdk.operators.operating import bits, operate


def length(row, p):
    dtype = row.dtype.type
    return summed(abs(row), dtype) if p == 1 else np.sqrt(summed(row * row, dtype))


@pytest.mark.parametrize("version", [1, 22])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_element_is_divided_by_the_length_of_its_row(version, p, axis, dtype):
    x = numbers(1, 20, 19, 18, dtype=dtype)
    got = operate("LpNormalization", x, version=version, p=p, axis=axis)
    assert bits(got) == bits(np.apply_along_axis(lambda row: row / length(row, p), axis, x))


@pytest.mark.parametrize("p", [1, 2])
def test_a_row_of_length_zero_is_plus_zero(p):
    x = np.float32([[-0.0, 0], [1e-30, 0] if p == 2 else [0, -0.0]])  # the square of the former underflows
    assert bits(operate("LpNormalization", x, version=22, p=p)) == [[0, 0], [0, 0]]


def test_infinity_over_infinity_is_nan():
    assert bits(operate("LpNormalization", np.float32([np.inf, 1]), version=22)) == [nan(), 0]


def test_the_last_axis_and_the_second_power_unless_said_otherwise():
    assert (
        operate("LpNormalization", np.float32([[3, 4]]), version=1).tolist() == np.float32([[0.6, 0.8]]).tolist()
    )


@pytest.mark.parametrize("attributes", [{"p": 0}, {"p": 3}, {"axis": 1}])
def test_what_does_not_fit_is_refused_before_it_runs(attributes):
    with pytest.raises(Refused):
        operate("LpNormalization", numbers(1, 3), version=22, **attributes)
