"""Features side by side."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import operate


def join(*inputs, widths):
    return operate("FeatureVectorizer", *inputs, version=1, domain=ML, inputdimensions=widths)


def test_features_stand_side_by_side():
    made = join(np.float32([[1, 2], [3, 4]]), np.float32([[5], [6]]), widths=(2, 1))
    assert made.tolist() == [[1, 2, 5], [3, 4, 6]]


def test_a_list_is_one_row():
    assert join(np.int64([1, 2]), np.int64([[3]]), widths=(2, 1)).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(("of", "value"), [(np.int64, 16777217), (np.float64, 16777217.0)])
def test_all_is_rounded_to_float32(of, value):
    made = join(of([[value]]), widths=(1,))
    assert made.dtype == np.float32
    assert made.tolist() == [[16777216]]


@pytest.mark.parametrize(
    ("inputs", "widths"),
    [
        ([np.zeros((1, 2), np.float32)], (3,)),
        ([np.zeros((1, 2), np.float32)], ()),
        ([np.zeros((1, 2), np.float32), np.zeros((2, 2), np.float32)], (2, 2)),
        ([np.zeros((1, 2), np.float32), np.zeros((1, 2))], (2, 2)),
        ([np.zeros((1, 2, 2), np.float32)], (2,)),
    ],
)
def test_what_is_refused(inputs, widths):
    with pytest.raises(Refused, match=r"inputdimensions|rows|types|shape"):
        join(*inputs, widths=widths)
