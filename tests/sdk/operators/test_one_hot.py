"""OneHot."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

OFF_ON = np.int8([3, 7])


def one_hot(indices, version=11, depth=None, **attributes):
    depth = np.int64(3) if depth is None else depth
    return operate("OneHot", indices, depth, OFF_ON, version=version, constant=(1,), **attributes).tolist()


def test_an_axis_of_classes_is_added():
    assert one_hot(np.int64([2, 0])) == [[3, 3, 7], [7, 3, 3]]
    assert one_hot(np.int64([2, 0]), axis=0) == [[3, 7], [3, 3], [7, 3]]
    assert one_hot(np.int64(1), axis=-1) == [3, 7, 3]


def test_negative_indices_count_from_the_end_since_11():
    assert one_hot(np.int64([-1])) == [[3, 3, 7]]
    assert one_hot(np.int64([-1]), version=9) == [[3, 3, 3]]


@pytest.mark.parametrize(
    "index",
    [np.int64(3), np.int64(-4), np.int64(-(2**63)), np.uint64(2**64 - 1), np.float32(np.inf), np.float32(-np.inf)],
)
def test_an_index_out_of_range_is_no_class(index):
    assert one_hot(index) == [3, 3, 3]


def test_floats_are_converted():
    assert one_hot(np.float32([1.9, -0.9, np.nan])) == [[3, 7, 3], [7, 3, 3], [7, 3, 3]]
    assert one_hot(np.int64([1]), depth=np.float32([2.9])) == [[3, 7]]


def test_values_keep_their_bits():
    values = np.uint32([0x80000000, 0xFFC01234]).view(np.float32)
    made = operate("OneHot", np.int32([0]), np.int32(2), values, version=28, constant=(1,))
    assert bits(made) == [[0xFFC01234, 0x80000000]]


@pytest.mark.parametrize("depth", [np.int64(0), np.int64(-1), np.float32(np.nan), np.int64([1, 2])])
def test_a_depth_is_one_positive_number(depth):
    with pytest.raises(Refused, match="depth"):
        one_hot(np.int64([0]), depth=depth)


def test_a_depth_must_be_known():
    with pytest.raises(Refused, match="not known"):
        operate("OneHot", np.int64([0]), np.int64(2), OFF_ON, version=11)


def test_other_axes_and_values_are_refused():
    with pytest.raises(Refused, match="axis"):
        one_hot(np.int64([0]), axis=2)
    with pytest.raises(Refused, match="values"):
        operate("OneHot", np.int64([0]), np.int64(2), np.int8([1]), version=11, constant=(1,))
