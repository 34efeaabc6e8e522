"""The operators of `com.microsoft` that onnxruntime's quantiser writes."""

from fractions import Fraction

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.exactly import float32
from tests.sdk.operators.integers_by_hand import bytes_of, rescaled
from tests.sdk.operators.operating import operate

A, B = bytes_of(np.uint8, 3, 4), bytes_of(np.uint8, 4, seed=2)
A_SCALE, B_SCALE, C_SCALE = np.float32(0.031), np.float32(0.27), np.float32(0.44)
ZEROS = np.uint8(90), np.uint8(200), np.uint8(120)


def contributed(name, *inputs, **attributes):
    return operate(name, *inputs, version=1, domain="com.microsoft", **attributes)


def dequantised(q, scale, zero):
    return float32(Fraction(int(q) - int(zero)) * Fraction(float(scale)))


def quantised(value, scale, zero):
    quotient = float32(Fraction(float(value)) / Fraction(float(scale)))
    return min(max(round(Fraction(float(quotient))) + int(zero), 0), 255)


def pair(name, a=A, b=B):
    return contributed(name, a, A_SCALE, ZEROS[0], b, B_SCALE, ZEROS[1], C_SCALE, ZEROS[2])


def test_a_sum_is_dequantised_added_and_quantised():
    made = pair("QLinearAdd")
    for (i, j), value in np.ndenumerate(made):
        left, right = dequantised(A[i, j], A_SCALE, ZEROS[0]), dequantised(B[j], B_SCALE, ZEROS[1])
        total = float32(Fraction(float(left)) + Fraction(float(right)))
        assert value == quantised(total, C_SCALE, ZEROS[2])


def test_a_product_is_of_integers_and_rescaled():
    made = pair("QLinearMul")
    for (i, j), value in np.ndenumerate(made):
        product = (int(A[i, j]) - 90) * (int(B[j]) - 200)
        assert value == rescaled(product, (A_SCALE, B_SCALE), C_SCALE, ZEROS[2])


EVERY_BYTE = np.arange(256).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "float_name", "attributes"),
    [("QLinearSigmoid", "Sigmoid", {}), ("QLinearLeakyRelu", "LeakyRelu", {"alpha": 0.25})],
)
def test_a_function_is_that_of_floats(name, float_name, attributes):
    scale = np.float32(0.006)
    made = contributed(name, EVERY_BYTE, A_SCALE, ZEROS[0], scale, np.uint8(3), **attributes)
    floats = np.array([dequantised(q, A_SCALE, ZEROS[0]) for q in EVERY_BYTE])
    values = operate(float_name, floats, version={"Sigmoid": 13, "LeakyRelu": 16}[float_name], **attributes)
    assert made.tolist() == [quantised(value, scale, 3) for value in values]


def test_an_average_is_that_of_floats():
    x = bytes_of(np.uint8, 2, 3, 5, 4)
    made = contributed("QLinearGlobalAveragePool", x, A_SCALE, ZEROS[0], C_SCALE, ZEROS[2])
    floats = np.array([dequantised(q, A_SCALE, ZEROS[0]) for q in x.ravel()]).reshape(x.shape)
    values = operate("GlobalAveragePool", floats, version=1)
    assert made.ravel().tolist() == [quantised(value, C_SCALE, ZEROS[2]) for value in values.ravel()]
    assert made.shape == (2, 3, 1, 1)


def test_without_a_zero_of_the_result_it_is_zero():
    assert contributed("QLinearSigmoid", np.int8([0]), A_SCALE, np.int8(0), np.float32(0.25)).tolist() == [2]
    made = contributed("QLinearAdd", A, A_SCALE, ZEROS[0], A, A_SCALE, ZEROS[0], A_SCALE)
    assert made.tolist() == (2 * (A.astype(int) - 90)).clip(0, 255).tolist()


def test_sixteen_bits_to_and_fro_with_an_axis_or_without():
    x, scale = np.float32([[1, 300], [-1, 7]]), np.float32([0.5, 100])
    made = contributed("QuantizeLinear", x, scale, np.uint16([1, 2]), axis=1)
    assert (made.dtype, made.tolist()) == (np.uint16, [[3, 5], [0, 2]])
    assert contributed("DequantizeLinear", made, scale, np.uint16([1, 2]), axis=1).tolist() == [
        [1, 300],
        [-0.5, 0],
    ]
    assert contributed("DequantizeLinear", np.int16([[-300]]), np.float32(2)).tolist() == [[-600]]
    with pytest.raises(Refused, match="shape of scale"):
        contributed("QuantizeLinear", x, scale, np.uint16([1, 2]))


@pytest.mark.parametrize(
    ("a", "b", "detail"),
    [
        (A.astype(np.int16), B, "type of A"),
        (A, B.astype(np.int8), "different types"),
        (A, B[:3], "together"),
    ],
)
def test_what_does_not_go_together_is_refused(a, b, detail):
    for name in ("QLinearAdd", "QLinearMul"):
        with pytest.raises(Refused, match=detail):
            pair(name, a, b)


@pytest.mark.parametrize(
    ("x", "attributes", "detail"),
    [(bytes_of(np.uint8, 1, 2), {}, "rank"), (bytes_of(np.uint8, 1, 2, 3), {"channels_last": 1}, "channels_last")],
)
def test_pools_of_another_layout_are_refused(x, attributes, detail):
    with pytest.raises(Refused, match=detail):
        contributed("QLinearGlobalAveragePool", x, A_SCALE, ZEROS[0], C_SCALE, ZEROS[2], **attributes)
