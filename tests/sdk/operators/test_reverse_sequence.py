"""ReverseSequence."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

X = np.arange(12).reshape(4, 3)  # time, batch


def test_as_many_as_a_length_says():
    made = operate("ReverseSequence", X, np.int64([4, 1, 2]), version=10)
    assert made.T.tolist() == [[9, 6, 3, 0], [1, 4, 7, 10], [5, 2, 8, 11]]
    turned = operate("ReverseSequence", X.T.copy(), np.int64([4, 1, 2]), version=10, batch_axis=0, time_axis=1)
    assert turned.tolist() == made.T.tolist()


def test_a_length_out_of_range_is_brought_into_it():
    made = operate("ReverseSequence", X, np.int64([2**63 - 1, -(2**63), 0]), version=28)
    assert made.T.tolist() == [[9, 6, 3, 0], [1, 4, 7, 10], [2, 5, 8, 11]]


@pytest.mark.parametrize(
    ("x", "lengths", "attributes"),
    [
        (X, np.int64([1, 1]), {}),
        (X, np.int64([1, 1, 1]), {"batch_axis": 1, "time_axis": 1}),
        (np.zeros((2, 3, 4)), np.int64([1, 1, 1, 1]), {"batch_axis": 2}),
        (np.zeros(3), np.int64([1]), {}),
    ],
)
def test_other_axes_and_lengths_are_refused(x, lengths, attributes):
    with pytest.raises(Refused, match="to be reversed"):
        operate("ReverseSequence", x, lengths, version=10, **attributes)
