"""Attributes of another kind than ONNX says, lists of other elements included, are refused for every operator."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

MATRIX = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize("perm", [(0.0, 1.0), ("0", "1"), [0, 1], 1, "10", np.int64([0, 1])])
def test_a_list_of_integers(perm):
    with pytest.raises(Refused, match="attribute perm"):
        operate("Transpose", MATRIX, version=13, perm=perm)


@pytest.mark.parametrize("axis", [1.0, "1", (1,)])
def test_an_integer(axis):
    with pytest.raises(Refused, match="attribute axis"):
        operate("Softmax", MATRIX, version=13, axis=axis)


@pytest.mark.parametrize("alpha", [1, "1", (1.0,)])
def test_a_float(alpha):
    with pytest.raises(Refused, match="attribute alpha"):
        operate("LeakyRelu", MATRIX, version=16, alpha=alpha)
