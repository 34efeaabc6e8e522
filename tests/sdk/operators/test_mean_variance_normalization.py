"""MeanVarianceNormalization."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import numbers, summed
from tests.sdk.operators.operating import bits, operate


def by_hand(row):
    dtype = row.dtype.type
    n = dtype(len(row))
    d = row - summed(row, dtype) / n
    return d / (np.sqrt(summed(d * d, dtype) / n) + dtype(1e-9))


@pytest.mark.parametrize("version", [9, 13])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_channel_over_all_images_unless_said_otherwise(version, dtype):
    x = numbers(1, 2, 3, 4, 5, dtype=dtype)
    rows = np.moveaxis(x, 1, 0).reshape(3, -1)
    want = np.moveaxis(np.array([by_hand(row) for row in rows]).reshape(3, 2, 4, 5), 0, 1)
    assert bits(operate("MeanVarianceNormalization", x, version=version)) == bits(want)
    assert bits(operate("MeanVarianceNormalization", x, version=version, axes=(-1, 0, 2))) == bits(want)


def test_what_does_not_vary_is_zero():
    x = np.full((1, 1, 2, 2), 7, np.float32)
    assert bits(operate("MeanVarianceNormalization", x, version=13)) == [[[[0, 0], [0, 0]]]]


def test_axes_that_are_not_there_are_refused():
    with pytest.raises(Refused, match="axis"):
        operate("MeanVarianceNormalization", numbers(1, 2, 3), version=13)
