"""TopK: in order, of equals the lower index first, NaN greater than every number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

VALUES = st.lists(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45]), min_size=1, max_size=60
)


def ordered(values, largest):
    """Indices; Python's sort keeps the order of equals."""
    rank = [np.inf if np.isnan(v) else np.arctan(v) if np.isfinite(v) else np.copysign(9, v) for v in values]
    return sorted(range(len(values)), key=lambda i: -rank[i] if largest else rank[i])


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("sorting", [0, 1])
@given(values=VALUES)
def test_the_order_is_total_and_values_keep_their_bits(largest, sorting, values):
    x = np.float32(values)
    k = max(1, len(values) // 2)
    chosen, places = operate(
        "TopK", x, np.int64([k]), version=11, outputs=2, constant=[1], largest=largest, sorted=sorting
    )
    assert places.tolist() == ordered(x.astype(np.float64), largest)[:k]
    assert bits(chosen) == bits(x[places])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_the_ends_of_integers(dtype):
    ends = np.iinfo(dtype)
    x = np.array([5, ends.max, ends.min, 5, ends.max], dtype)
    for largest, want in ((1, [1, 4, 0, 3, 2]), (0, [2, 0, 3, 1, 4])):
        _, places = operate("TopK", x, np.int64([5]), version=24, outputs=2, constant=[1], largest=largest)
        assert places.tolist() == want


def test_axes_and_earlier_versions():
    x = np.float32([[1, 2, 3], [6, 5, 4]])
    chosen, places = operate("TopK", x, np.int64([1]), version=10, outputs=2, constant=[1], axis=0)
    assert (chosen.tolist(), places.tolist()) == ([[6, 5, 4]], [[1, 1, 1]])
    chosen, places = operate("TopK", x, version=1, outputs=2, k=2)
    assert (chosen.tolist(), places.tolist()) == ([[3, 2], [6, 5]], [[2, 1], [0, 1]])


@pytest.mark.parametrize(
    ("k", "constant", "detail"),
    [
        (np.int64([4]), [1], "how many"),
        (np.int64([0]), [1], "how many"),
        (np.int64([-1]), [1], "how many"),
        (np.int64([1, 2]), [1], "shape of K"),
        (np.float32([1]), [1], "type of K"),
        (np.int64([1]), [], "not known before"),
    ],
)
def test_a_number_that_cannot_be_taken_is_refused(k, constant, detail):
    with pytest.raises(Refused, match=detail):
        operate("TopK", np.ones(3, np.float32), k, version=11, outputs=2, constant=constant)
