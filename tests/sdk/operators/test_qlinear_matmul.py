"""QLinearMatMul against Python's integers and exact fractions."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.integers_by_hand import rescaled
from tests.sdk.operators.operating import operate

A = np.random.default_rng(1).integers(0, 256, (3, 9), np.uint8)
B = np.random.default_rng(2).integers(-128, 128, (9, 2), np.int8)
A_SCALE, B_SCALE, Y_SCALE = np.float32(0.013), np.float32(0.27), np.float32(3.1)


def multiply(a=A, b=B, version=10, **given):
    parts = {
        "a_scale": A_SCALE,
        "a_zero": np.uint8(113),
        "b_scale": B_SCALE,
        "b_zero": np.int8(-4),
        "y_scale": Y_SCALE,
        "y_zero": np.int8(7),
    } | given
    first = [parts[name] for name in ("a_scale", "a_zero")]
    rest = [parts[name] for name in ("b_scale", "b_zero", "y_scale", "y_zero")]
    return operate("QLinearMatMul", a, *first, b, *rest, version=version)


SUMS = (A.astype(int) - 113) @ (B.astype(int) + 4)


@pytest.mark.parametrize("version", [10, 21])
@pytest.mark.parametrize("y_zero", [np.int8(7), np.uint8(128), np.int8(-128)])
def test_sums_are_rescaled_in_three_roundings_and_then_to_an_integer(version, y_zero):
    expected = [[rescaled(int(v), (A_SCALE, B_SCALE), Y_SCALE, y_zero) for v in row] for row in SUMS]
    made = multiply(version=version, y_zero=y_zero)
    assert (made.dtype, made.tolist()) == (y_zero.dtype, expected)


def test_halves_go_to_even_before_the_zero_is_added():
    """1 × ½ + 3: 0 + 3, where ONNX's reference rounds 3.5 to 4; its text rounds first."""
    one = np.uint8([[1]])
    half = {"a_scale": np.float32(1), "b_scale": np.float32(1), "y_scale": np.float32(2)}
    zeros = {"a_zero": np.uint8(0), "b_zero": np.uint8(0), "y_zero": np.uint8(3)}
    assert multiply(one, one, **half, **zeros).tolist() == [[3]]


def test_a_scale_for_each_row_and_each_column():
    rows, columns = np.float32([0.01, 0.02, 0.05]), np.float32([0.3, 0.7])
    zeros = {"a_zero": np.uint8([113, 113, 113]), "b_zero": np.int8([-4, -4])}
    expected = [
        [rescaled(int(SUMS[i, j]), (rows[i], columns[j]), Y_SCALE, np.int8(7)) for j in range(2)] for i in range(3)
    ]
    assert multiply(a_scale=rows, b_scale=columns, **zeros).tolist() == expected
    assert multiply(a_scale=rows[:, None], b_scale=columns[None], **zeros).tolist() == expected


def test_vectors_are_rows_and_columns():
    expected = multiply().tolist()
    assert multiply(A[0], B).tolist() == expected[0]
    assert multiply(A, B[:, 1]).tolist() == [row[1] for row in expected]
    assert multiply(A[2], B[:, 0]).tolist() == expected[2][0]
    assert multiply(A, B[:, 1], a_scale=np.float32([1, 1, 1])).shape == (3,)


def test_scales_that_are_no_numbers_make_nothing_or_an_end():
    assert set(multiply(a_scale=np.float32(np.nan)).ravel().tolist()) == {7}
    assert set(multiply(y_scale=np.float32(0)).ravel().tolist()) <= {-128, 7, 127}


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"a": A.astype(np.int32)}, "type of A"),
        ({"a_scale": np.float16(1)}, "type of a_scale"),
        ({"a_scale": np.float32([1, 2])}, "shape of a_scale"),
        ({"b_zero": np.uint8(1)}, "different types"),
        ({"b_scale": np.float32([1, 2, 3])}, "shape of b_scale"),
        ({"y_scale": np.float32([1, 2])}, "shape of y_scale"),
        ({"y_zero": np.int16(1)}, "type of y_zero_point"),
    ],
)
def test_what_does_not_fit_is_refused(given, detail):
    with pytest.raises(Refused, match=detail):
        multiply(**given)
