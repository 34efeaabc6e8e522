"""The operators that are functions of section 4: of float32 of any shape, and of nothing else."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import angles, functions
from tests.sdk.operators.operating import bits, operate

FUNCTIONS = {
    "Exp": (13, functions.exp),
    "Log": (13, functions.log),
    "Sin": (22, angles.sin),
    "Cos": (22, angles.cos),
    "Tan": (22, angles.tan),
    "Asin": (22, angles.asin),
    "Acos": (22, angles.acos),
    "Atan": (22, angles.atan),
    "Sinh": (22, functions.sinh),
    "Cosh": (22, functions.cosh),
    "Tanh": (13, functions.tanh),
    "Asinh": (22, functions.asinh),
    "Acosh": (22, functions.acosh),
    "Atanh": (22, functions.atanh),
    "Erf": (13, functions.erf),
    "Sigmoid": (13, functions.sigmoid),
    "Softplus": (22, functions.softplus),
}
EVERY = (np.arange(2**12, dtype=np.uint32) * 1_048_583 + 77).view(np.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_the_function(name):
    version, function = FUNCTIONS[name]
    assert bits(operate(name, EVERY, version=version)) == bits(function(EVERY))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_shape_changes_nothing(name):
    version, function = FUNCTIONS[name]
    for x in (EVERY[5], EVERY[:1], EVERY[::7], EVERY.reshape(64, 64).T, np.float32([[1e30], [2]]), EVERY[:0]):
        one_by_one = [bits(function(each.reshape(1)))[0] for each in x.reshape(-1)]
        assert np.reshape(bits(operate(name, x, version=version)), -1).tolist() == one_by_one


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_there_is_no_function_of_other_types(name, dtype):
    with pytest.raises(Refused, match="type of X"):
        operate(name, np.ones(2, dtype), version=FUNCTIONS[name][0])
