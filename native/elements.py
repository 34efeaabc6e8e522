"""Operators of one float32 element each: the bits of `assay.operators`, from maps.c and functions.c."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.operators.arithmetic import Array
from native.checks import result, tensor, thread_count
from native.loader import Kernels
from native.sites import Call, Site, binds

LARGEST = float(np.finfo(np.float32).max)

FUNCTIONS = {  # kernels by operator, and the attributes that they are given
    "Celu": ("celu", ("alpha",)),
    "Cos": ("cos", ()),
    "Elu": ("elu", ("alpha",)),
    "Erf": ("erf", ()),
    "Exp": ("exp", ()),
    "Log": ("log", ()),
    "Mish": ("mish", ()),
    "Selu": ("selu", ("alpha", "gamma")),
    "Sigmoid": ("sigmoid", ()),
    "Sin": ("sin", ()),
    "Softplus": ("softplus", ()),
    "Swish": ("swish", ("alpha",)),
    "Tanh": ("tanh", ()),
}
MAPS = {
    "Abs": ("absolute", ()),
    "HardSigmoid": ("hard_sigmoid", ("alpha", "beta")),
    "HardSwish": ("hard_swish", ()),
    "LeakyRelu": ("leaky_relu", ("alpha",)),
    "Neg": ("negative", ()),
    "Reciprocal": ("reciprocal", ()),
    "Relu": ("relu", ()),
    "Softsign": ("softsign", ()),
    "Sqrt": ("square_root", ()),
    "ThresholdedRelu": ("thresholded_relu", ("alpha",)),
}


def mapped(kernels: Kernels, name: str, given: Sequence[float], x: Array, y: Array, *, threads: int = 1) -> Call:
    """The kernel `name` over every element of x, into y, both float32 of one shape; `given`: two numbers at most,
    float64 for the kernels of functions.c. Raises TypeError or ValueError.
    """
    tensor(x, "x")
    result(y, x.shape, x)
    numbers = np.zeros(2, np.float64 if name in _IN_DOUBLE else np.float32)
    numbers[: len(given)] = given
    return kernels.bind(name, thread_count(threads), x.size, x, y, numbers)


_IN_DOUBLE = {kernel for kernel, _ in FUNCTIONS.values()} | {"gelu", "gelu_tanh"}


def _bound(site: Site, name: str, given: Sequence[float] = ()) -> Call | None:
    x, y = site.read(0), site.writes[0]
    if x is None or y is None or x.dtype != np.float32:
        return None
    return mapped(site.kernels, name, given, x, y, threads=site.threads)


@binds(*FUNCTIONS, *MAPS)
def bind_map(site: Site) -> Call | None:
    name, attributes = (FUNCTIONS | MAPS)[site.node.operator.name]
    return _bound(site, name, [site.attributes[each] for each in attributes])


@binds("Gelu")
def bind_gelu(site: Site) -> Call | None:
    return _bound(site, "gelu" if site.attributes["approximate"] == "none" else "gelu_tanh")


@binds("Clip")
def bind_clip(site: Site) -> Call | None:
    """Bounds are attributes, or inputs; those must be known."""
    ends = [site.attributes.get("min", -LARGEST), site.attributes.get("max", LARGEST)]
    for i in (1, 2):
        bound = site.read(i)
        if bound is not None and not site.is_constant(i):
            return None
        ends[i - 1] = ends[i - 1] if bound is None else bound.item()
    return _bound(site, "clip", ends)
