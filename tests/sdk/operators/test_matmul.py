"""MatMul: of vectors, of leading axes, of integers."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import chained, nan, numbers
from tests.sdk.operators.operating import bits, operate


@pytest.mark.parametrize(
    ("left", "right", "shape"),
    [
        ((3,), (3,), ()),
        ((3,), (3, 2), (2,)),
        ((2, 3), (3,), (2,)),
        ((4, 2, 3), (3,), (4, 2)),
        ((3,), (4, 3, 2), (4, 2)),
        ((5, 1, 2, 3), (4, 3, 2), (5, 4, 2, 2)),
        ((0, 3), (3, 2), (0, 2)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint64])
def test_vectors_and_leading_axes_are_taken_as_numpy_takes_them(left, right, shape, dtype):
    a = np.arange(np.prod(left)).reshape(left).astype(dtype)
    b = np.arange(np.prod(right)).reshape(right).astype(dtype)
    got = operate("MatMul", a, b, version=13)
    assert got.shape == shape
    assert got.tolist() == np.matmul(a, b).tolist()  # small whole numbers: exact in any order


def test_an_element_is_one_chain_of_fused_multiply_adds():
    a, b = numbers(1, 2, 37), numbers(2, 37, 3)
    got = operate("MatMul", a, b, version=9)
    want = [[chained(zip(row, column, strict=True)) for column in b.T] for row in a]
    assert bits(got) == bits(np.array(want))


def test_nothing_to_sum_is_plus_zero():
    assert bits(operate("MatMul", numbers(1, 2, 0), numbers(1, 0), version=13)) == [0, 0]


def test_a_product_of_zeros_is_plus_zero_and_one_that_underflows_keeps_its_sign():
    tiny = np.float32([2.0**-100])
    assert bits(operate("MatMul", np.float32([-0.0]), np.float32([1]), version=13)) == [0]
    assert bits(operate("MatMul", -tiny, tiny, version=13)) == [0x80000000]


def test_zero_times_infinity_is_the_one_nan():
    assert bits(operate("MatMul", np.float32([0, 1]), np.float32([np.inf, 1]), version=13)) == [nan()]


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
def test_integers_are_exact_modulo_their_range(dtype):
    size = 2 ** np.iinfo(dtype).bits
    a, b = [3, size // 2 - 1, 7], [size // 2 - 1, size // 2 - 1, size // 4]
    got = operate("MatMul", np.array(a, dtype), np.array(b, dtype), version=9)
    assert int(got) % size == sum(x * y for x, y in zip(a, b, strict=True)) % size


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (numbers(1, 2, 3), numbers(1, 2, 3)),
        (numbers(1, 2, 3), np.float32(1)),
        (np.float32(1), numbers(1, 3)),
        (numbers(1, 2, 2, 3), numbers(1, 3, 3, 3)),
        (numbers(1, 2, dtype=np.float64), numbers(1, 2, dtype=np.float64)),
        (np.int8([1]), np.int8([1])),
        (np.int32([1]), np.int64([1])),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(a, b):
    with pytest.raises(Refused):
        operate("MatMul", a, b, version=13)
