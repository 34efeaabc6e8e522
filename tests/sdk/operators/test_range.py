"""Range."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate


def counted(start, limit, delta, dtype=np.float32, version=11):
    ends = (np.array(each, dtype) for each in (start, limit, delta))
    return operate("Range", *ends, version=version, constant=(0, 1, 2))


@pytest.mark.parametrize(
    ("ends", "numbers"),
    [((3, 9, 3), [3, 6]), ((10, 4, -2), [10, 8, 6]), ((0, 5, 2), [0, 2, 4]), ((1, 0, 1), []), ((0, 0, -1), [])],
)
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float32, np.float64])
def test_up_to_the_limit_and_without_it(ends, numbers, dtype):
    assert counted(*ends, dtype=dtype).tolist() == numbers
    assert counted(*ends, dtype=dtype, version=27).tolist() == numbers


def test_each_is_a_product_and_a_sum_of_its_own():
    tenth = np.float32(0.1)
    expected = [np.float32(1) + np.float32(i) * tenth for i in range(10)]
    assert bits(counted(1, 2, 0.1)) == bits(np.array(expected))


def test_their_number_is_a_quotient_of_doubles():
    assert len(counted(0, 0.6, 0.1)) == 7  # 0.6 and 0.1 as float32: 6.00000004


def test_integers_of_any_size_are_counted_exactly():
    least, most = -(2**63), 2**63 - 1
    assert counted(most - 2, most, 1, np.int64).tolist() == [most - 2, most - 1]
    assert counted(least, most, 2**62, np.int64).tolist() == [least, -(2**62), 0, 2**62]
    assert counted(-32768, 32767, 1, np.int16).tolist() == list(range(-32768, 32767))


@pytest.mark.parametrize("ends", [(0, 1, 0), (0, np.inf, 1), (np.nan, 1, 1), (-1e308, 1e308, 1)])
def test_a_range_without_end_is_refused(ends):
    with pytest.raises(Refused, match=r"delta of 0|without end"):
        counted(*ends, dtype=np.float64)


def test_ends_must_be_known_single_and_of_one_type():
    one = np.float32(1)
    with pytest.raises(Refused, match="not known"):
        operate("Range", one, one, one, version=11)
    with pytest.raises(Refused, match="start"):
        operate("Range", np.float32([1, 2]), one, one, version=11, constant=(0, 1, 2))
    with pytest.raises(Refused, match="different types"):
        operate("Range", one, one, np.float64(1), version=11, constant=(0, 1, 2))
    with pytest.raises(Refused, match="type of start"):
        counted(0, 1, 1, np.float16)
