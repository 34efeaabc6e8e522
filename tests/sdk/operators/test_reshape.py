"""Reshape and Flatten."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate


def reshape(shape, wanted, version=14, **attributes):
    x = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    made = operate("Reshape", x, np.int64(wanted), version=version, constant=(1,), **attributes)
    assert made.ravel().tolist() == x.ravel().tolist()
    return made.shape


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [([4, 6], (4, 6)), ([0, -1], (2, 12)), ([-1], (24,)), ([0, 0, 4, 1], (2, 3, 4, 1)), ([3, -1, 0], (3, 2, 4))],
)
@pytest.mark.parametrize("version", [5, 14])
def test_zero_copies_a_length_and_minus_one_is_what_is_left(wanted, shape, version):
    assert reshape((2, 3, 4), wanted, version) == shape


def test_zero_may_be_a_length():
    assert reshape((0, 3), [3, 0], allowzero=1) == (3, 0)
    assert reshape((0, 3), [0, 7], allowzero=1) == (0, 7)


def test_a_scalar_has_no_axes():
    assert reshape((1, 1), []) == ()


@pytest.mark.parametrize(
    ("shape", "wanted", "attributes"),
    [
        ((2, 3), [4], {}),
        ((2, 3), [-1, 4], {}),
        ((2, 3), [-1, -1], {}),
        ((2, 3), [-2, -3], {}),
        ((2, 3), [2, 3, 0], {}),
        ((0, 3), [0, -1], {}),
        ((0, 3), [0, -1], {"allowzero": 1}),
        ((2, 3), [0, 3], {"allowzero": 1}),
        ((2, 3), [2**62, 4], {}),
    ],
)
def test_another_number_of_elements_is_refused(shape, wanted, attributes):
    with pytest.raises(Refused, match=r"the new shape|a length to be copied"):
        reshape(shape, wanted, **attributes)


def test_a_shape_that_hangs_on_values_is_refused():
    with pytest.raises(Refused, match="not known before the model runs"):
        operate("Reshape", np.zeros(4), np.int64([2, 2]), version=14)


def test_a_shape_is_a_list_of_integers():
    with pytest.raises(Refused, match="rank of shape"):
        operate("Reshape", np.zeros(4), np.int64(4), version=14, constant=(1,))
    with pytest.raises(Refused, match="type of shape"):
        operate("Reshape", np.zeros(4), np.float32([4]), version=14, constant=(1,))


@pytest.mark.parametrize(
    ("axis", "shape"), [(0, (1, 24)), (1, (2, 12)), (3, (24, 1)), (-1, (6, 4)), (-3, (1, 24))]
)
def test_flatten_makes_a_matrix(axis, shape):
    x = np.arange(24.0).reshape(2, 3, 4)
    made = operate("Flatten", x, version=13, axis=axis)
    assert made.shape == shape
    assert made.ravel().tolist() == x.ravel().tolist()


def test_flatten_of_a_scalar():
    assert operate("Flatten", np.float32(3), version=13, axis=0).shape == (1, 1)


@pytest.mark.parametrize("axis", [4, -4])
def test_flatten_refuses_an_axis_that_is_not_there(axis):
    with pytest.raises(Refused, match="axis"):
        operate("Flatten", np.zeros((2, 3, 4)), version=13, axis=axis)
