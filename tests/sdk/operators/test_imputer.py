"""What is missing is filled in; the rest keeps its bits."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import bits, operate

NAN = float("nan")


def impute(x, **given):
    return operate("Imputer", x, version=1, domain=ML, **given)


def test_every_nan_gives_way_to_the_value_of_its_column():
    x = np.uint32([[0x7FC00001, 0x3F800000], [0xFFC00000, 0x7F800001]]).view(np.float32)
    made = impute(x, imputed_value_floats=(5.0, 6.0), replaced_value_float=NAN)
    assert made.tolist() == [[5, 1], [5, 6]]


def test_what_stays_keeps_its_bits():
    x = np.uint32([0x7FC00001, 0x80000000, 0x7F800001, 1]).view(np.float32)
    made = impute(x, imputed_value_floats=(5.0,), replaced_value_float=1.0)
    assert bits(made) == bits(x)


def test_zeros_are_equal():
    assert impute(np.float32([-0.0, 0.0, 1]), imputed_value_floats=(5.0,)).tolist() == [5, 5, 1]


def test_values_are_those_of_a_float32_in_doubles_too():
    x = np.float64([0.1, float(np.float32(0.1))])
    made = impute(x, imputed_value_floats=(2.5,), replaced_value_float=float(np.float32(0.1)))
    assert made.tolist() == [0.1, 2.5]


@pytest.mark.parametrize("of", [np.int32, np.int64])
def test_integers(of):
    made = impute(of([[-1, 2], [3, -1]]), imputed_value_int64s=(7, 8), replaced_value_int64=-1)
    assert made.dtype == of
    assert made.tolist() == [[7, 2], [3, 8]]


def test_a_replaced_value_beyond_the_type_is_never_there():
    made = impute(np.int32([0, -1]), imputed_value_int64s=(7,), replaced_value_int64=2**32)
    assert made.tolist() == [0, -1]


def test_a_nan_that_is_filled_in_is_canonical():
    assert bits(impute(np.float32([0]), imputed_value_floats=(-NAN,))) == [0x7FC00000]


@pytest.mark.parametrize(
    ("x", "given"),
    [
        (np.float32([1, 2]), {}),
        (np.float32([1, 2]), {"imputed_value_int64s": (1,)}),
        (np.float32([1, 2]), {"imputed_value_floats": (1.0,), "imputed_value_int64s": (1,)}),
        (np.int64([1, 2]), {"imputed_value_floats": (1.0,)}),
        (np.float32([1, 2]), {"imputed_value_floats": (1.0, 2.0, 3.0)}),
        (np.int32([1, 2]), {"imputed_value_int64s": (2**31,)}),
        (np.float32(1), {"imputed_value_floats": (1.0,)}),
    ],
)
def test_what_is_refused(x, given):
    with pytest.raises(Refused, match=r"imputed_value|shape"):
        impute(x, **given)
