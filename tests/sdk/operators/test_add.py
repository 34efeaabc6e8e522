"""Add: IEEE sums and sums modulo 2ⁿ; what is refused of any operator of two."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

NAN = np.uint32([0x7FC00001, 0xFFC00000, 0x7F800001]).view(np.float32)


def test_sums_of_floats_are_rounded_once_and_have_one_nan():
    a = np.float32([1, 1, -0.0, np.inf, *NAN])
    b = np.float32([2**-24, 3 * 2**-25, -0.0, -np.inf, 1, 1, 1])
    assert bits(operate("Add", a, b, version=14)) == [0x3F800000, 0x3F800001, 0x80000000, *[0x7FC00000] * 4]


def test_subnormals_are_not_flushed():
    tiny = np.uint32([1, 2, 0x80000001]).view(np.float32)
    assert bits(operate("Add", tiny, tiny, version=14)) == [2, 4, 0x80000002]


def test_integers_wrap():
    assert operate("Add", np.int8([127]), np.int8([1]), version=14).tolist() == [-128]


def test_shapes_are_brought_together():
    assert operate("Add", np.ones((2, 1), np.float32), np.ones(3, np.float32), version=14).shape == (2, 3)


@pytest.mark.parametrize(
    ("b", "detail"),
    [(np.ones(2, np.float32), "shapes"), (np.ones(3), "different types"), (np.ones(3, bool), "type")],
)
def test_what_does_not_go_together_is_refused_before_it_runs(b, detail):
    with pytest.raises(Refused, match=detail):
        operate("Add", np.ones(3, np.float32), b, version=14)


def test_an_attribute_that_it_does_not_have_is_refused():
    with pytest.raises(Refused, match="axis"):
        operate("Add", np.ones(3, np.float32), np.ones(3, np.float32), version=7, axis=1)
