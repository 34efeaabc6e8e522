"""One above the threshold, zero elsewhere."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import operate


def binarize(x, threshold):
    return operate("Binarizer", x, version=1, domain=ML, threshold=threshold)


@pytest.mark.parametrize("of", [np.float32, np.float64, np.int32, np.int64])
def test_one_above_the_threshold_in_the_type_of_the_features(of):
    made = binarize(of([-1, 0, 1, 2]), 1.0)
    assert made.dtype == of
    assert made.tolist() == [0, 0, 0, 1]


def test_nan_is_not_above():
    assert binarize(np.float32([np.nan, np.inf, -0.0]), 0.0).tolist() == [0, 1, 0]
    assert binarize(np.float32([np.inf]), float("nan")).tolist() == [0]


def test_doubles_are_compared_as_such():
    assert binarize(np.float64([1 + 2**-40]), 1.0).tolist() == [1]


def test_other_types_are_refused():
    with pytest.raises(Refused, match="type of X"):
        binarize(np.int8([1]), 0.0)
