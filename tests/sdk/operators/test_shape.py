"""Shape and Size."""

import numpy as np
import pytest

from assay.operators.registry import TensorType, find
from tests.sdk.operators.operating import operate

X = np.zeros((2, 3, 4))


@pytest.mark.parametrize(
    ("bounds", "lengths"),
    [
        ({}, [2, 3, 4]),
        ({"start": -1}, [4]),
        ({"end": -1}, [2, 3]),
        ({"start": 1, "end": 2}, [3]),
        ({"start": -9, "end": 9}, [2, 3, 4]),
        ({"start": 2, "end": 1}, []),
        ({"start": 9}, []),
    ],
)
def test_lengths_between_bounds(bounds, lengths):
    made = operate("Shape", X, version=15, **bounds)
    assert (made.tolist(), made.dtype) == (lengths, np.int64)


def test_of_all_axes_before_15():
    assert operate("Shape", X, version=13).tolist() == [2, 3, 4]
    assert operate("Shape", np.float32(1), version=1).tolist() == []


def test_size_is_the_number_of_elements():
    assert operate("Size", X, version=13).tolist() == 24
    assert operate("Size", np.zeros((3, 0)), version=1).tolist() == 0


@pytest.mark.parametrize(("name", "version", "value"), [("Shape", 21, [2, 3, 4]), ("Size", 21, 24)])
def test_both_are_known_before_the_model_runs(name, version, value):
    unknown = TensorType(X.dtype, X.shape)
    (made,) = find("", name, version).types([unknown], {}, 1)
    assert made.known(name).tolist() == value
