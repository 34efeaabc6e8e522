"""Kernels of support vector machines: how near each row is to each support vector.

In float32; a sum over features is one chain, as in a matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical, fma, quiet
from assay.operators.learned.given import check_length, float_list
from assay.operators.products import matmul
from assay.operators.registry import unfit


def _linear(x: Array, vectors: Array, *_: Array) -> Array:
    return matmul(x, vectors.T)


def _polynomial(x: Array, vectors: Array, gamma: Array, addend: Array, degree: Array) -> Array:
    return functions.power(canonical(_linear(x, vectors) * gamma + addend), degree)


def _radial(x: Array, vectors: Array, gamma: Array, *_: Array) -> Array:
    """Of the distance: differences are rounded, then squared and added in one chain."""
    distance = np.zeros((len(x), len(vectors)), np.float32)
    for feature in range(x.shape[1]):
        difference = x[:, feature, None] - vectors[:, feature]
        distance = fma(difference, difference, distance)
    return functions.exp(distance * -gamma)


def _sigmoid(x: Array, vectors: Array, gamma: Array, addend: Array, _: Array) -> Array:
    return functions.tanh(_linear(x, vectors) * gamma + addend)


KERNELS: dict[str, Callable[..., Array]] = {
    "LINEAR": _linear,
    "POLY": _polynomial,
    "RBF": _radial,
    "SIGMOID": _sigmoid,
}


def check_kernel(given: Mapping[str, Any]) -> None:
    name, parameters = given["kernel_type"], float_list(given, "kernel_params")
    if name not in KERNELS:
        raise unfit("kernel_type", expected=" | ".join(KERNELS), got=name[:100])
    check_length("kernel_params (gamma, coef0, degree)", parameters, 3, *((0,) if name == "LINEAR" else ()))
    if name == "POLY" and not (parameters[2] >= 0 and float(parameters[2]).is_integer()):
        raise unfit("the degree of the kernel", expected="an integer, 0 or more", got=str(parameters[2]))


@quiet
def kernel(given: Mapping[str, Any], x: Array, vectors: Array) -> Array:
    """x: float32 (rows, features); vectors: float32 (vectors, features). (rows, vectors)."""
    parameters = np.array(given["kernel_params"], np.float32).reshape(-1, 1)
    return KERNELS[given["kernel_type"]](x, vectors, *parameters)
